"""Law checks of potentials on example texts, for authors of potentials of their own."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smc.model import Vocabulary, unpack_mask
from smc.potential import (
    AnyPotential,
    IncrementalPotential,
    TokenPotential,
    TokenScores,
    log_complete,
    log_prefix,
)

_TOLERANCE = 1e-6
_FLOAT32_TOLERANCE = 1e-4
_MOST_ENDS = 8
_MOST_SLOTS = 5


def check_potential(
    potential: AnyPotential, examples: Sequence[str], *, vocabulary: Vocabulary | None = None
) -> None:
    """Check the laws of a potential on every cut of some example texts.

    1. All values are log weights: numbers, not NaN, not +inf; and not truth values.
    2. prefix = −inf implies −inf for every extension.
    3. A batch gives what its parts give, and `complete_after` what `complete` does.
    4. The value of a text does not depend on how it was split into pieces.
    5. Token scores are the ratios of prefixes, token by token, and at EOS complete over prefix. A
       mask says 0 or −inf, so all that it allows must have the ratio 0.
    6. With few slots left (`token_scores_within`) a token has the same score or −inf; the same if
       an example that it leads to can be finished in them, and at EOS.

    Log weights that look like probabilities (all in [0, 1], and not all 0) are lawful, since a
    reward may look so, and are warned of.

    Args:
        potential: Of any level.
        examples: Texts, good ones and bad ones; a few dozen characters each are plenty.
        vocabulary: For laws 5 and 6, best a small one; default: the characters of the examples,
            with pairs of neighbours, and an EOS.

    Raises:
        AssertionError: A law does not hold; the message names it, the text and the values.

    Warns:
        UserWarning: The values look like probabilities.
    """
    cuts = list(dict.fromkeys(t[:i] for t in examples for i in range(len(t) + 1)))
    prefixes = {t: log_prefix(potential, t) for t in cuts}
    completes = {t: log_complete(potential, t) for t in cuts}
    _check_values(potential, prefixes, completes)
    _check_extinction(potential, examples, prefixes, completes)
    _check_batches(potential, cuts, prefixes, completes)
    if isinstance(potential, IncrementalPotential):
        _check_splits(potential, examples, prefixes, completes)
    if isinstance(potential, TokenPotential):
        small = vocabulary or _small_vocabulary(examples)
        _check_tokens(potential, cuts, small)
        if type(potential).token_scores_within is not TokenPotential.token_scores_within:
            _check_slots(potential, cuts, small)


def _check_values(
    potential: AnyPotential, prefixes: dict[str, float], completes: dict[str, float]
) -> None:
    for method, values in (("prefix", prefixes), ("complete", completes)):
        for text, value in values.items():
            number = isinstance(value, int | float | np.integer | np.floating)
            good = number and not isinstance(value, bool) and value < math.inf  # NaN is not
            assert good, (
                f"{potential.name}: {method}({text!r}) is {value!r}; expected a log weight, that "
                "is a finite number or −inf. For a yes or no return 0.0 or float('-inf')."
            )
    values = [*prefixes.values(), *completes.values()]
    if all(0 <= v <= 1 for v in values) and any(values):
        warnings.warn(
            f"{potential.name}: all of its {len(values)} values lie in [0, 1], from "
            f"{min(values):g} to {max(values):g}, as probabilities do; expected log weights, where "
            "0 is neutral and −inf forbids. If they are probabilities, return their logarithm. If "
            "they are rewards, this warning is of no account.",
            stacklevel=3,
        )


def _check_extinction(
    potential: AnyPotential,
    examples: Sequence[str],
    prefixes: dict[str, float],
    completes: dict[str, float],
) -> None:
    for example in examples:
        dead: str | None = None
        for cut in (example[:i] for i in range(len(example) + 1)):
            if prefixes[cut] == -math.inf and dead is None:
                dead = cut
            if dead is not None:
                for method, values in (("prefix", prefixes), ("complete", completes)):
                    assert values[cut] == -math.inf, (
                        f"{potential.name}: prefix({dead!r}) is −inf, yet {method}({cut!r}) is "
                        f"{values[cut]}. A prefix may be −inf only if nothing that begins with it "
                        "has weight."
                    )


def _check_batches(
    potential: AnyPotential,
    cuts: list[str],
    prefixes: dict[str, float],
    completes: dict[str, float],
) -> None:
    inputs: list[Any] = list(cuts)
    if isinstance(potential, IncrementalPotential):
        inputs = [potential.advance(potential.start(), t.encode()) for t in cuts]
    for method, values in (("prefix", prefixes), ("complete", completes)):
        batch = getattr(potential, f"batch_{method}")(inputs)
        assert len(batch) == len(cuts), (
            f"{potential.name}: batch_{method} returned {len(batch)} values for {len(cuts)} texts."
        )
        for text, value in zip(cuts, batch, strict=True):
            assert _equal(value, values[text]), (
                f"{potential.name}: batch_{method} gives {value} for {text!r}, {method} alone "
                f"gives {values[text]}."
            )


def _check_splits(
    potential: IncrementalPotential[Any],
    examples: Sequence[str],
    prefixes: dict[str, float],
    completes: dict[str, float],
) -> None:
    for example in examples:
        raw = example.encode()
        for size in (1, 2, 3):
            state = potential.start()
            for at in range(0, len(raw), size):
                state = potential.advance(state, raw[at : at + size])
            for method, expected in (("prefix", prefixes), ("complete", completes)):
                value = getattr(potential, method)(state)
                assert _equal(value, expected[example]), (
                    f"{potential.name}: {method}({example!r}) is {value} if read {size} bytes at a "
                    f"time, {expected[example]} if read at once."
                )


def _check_tokens(potential: TokenPotential[Any], cuts: list[str], vocabulary: Vocabulary) -> None:
    bound = potential.bind(vocabulary)
    states = [bound.advance(bound.start(), t.encode()) for t in cuts]
    alive = [i for i, s in enumerate(states) if bound.prefix(s) > -math.inf]
    for i in alive:
        longer = [j for j, t in enumerate(cuts) if t.startswith(cuts[i])][:_MOST_ENDS]
        ends = [cuts[j][len(cuts[i]) :].encode() for j in longer]
        for j, value in zip(longer, bound.complete_after(states[i], ends), strict=True):
            expected = bound.complete(states[j])
            assert _equal(value, expected), (
                f"{potential.name}: complete_after gives {value} for {cuts[j]!r} from {cuts[i]!r}, "
                f"complete gives {expected}."
            )
    rows = _rows(bound.token_scores([states[i] for i in alive]), len(vocabulary))
    for row, i in zip(rows, alive, strict=True):
        now = bound.prefix(states[i])
        for token, new in enumerate(vocabulary.tokens):
            if token in vocabulary.eos_ids:
                expected = bound.complete(states[i]) - now
            elif new:
                expected = bound.prefix(bound.advance(states[i], new)) - now
            else:
                continue
            assert _equal(row[token], expected, _FLOAT32_TOLERANCE), (
                f"{potential.name}: after {cuts[i]!r}, token {token} ({new!r}) has score "
                f"{row[token]}; the ratio of prefixes is {expected}."
            )


def _check_slots(potential: TokenPotential[Any], cuts: list[str], vocabulary: Vocabulary) -> None:
    bound = potential.bind(vocabulary)
    states = {t: bound.advance(bound.start(), t.encode()) for t in cuts}
    tokens = list(enumerate(vocabulary.tokens))
    least: dict[str, float] = {}  # tokens from a cut to the next that is complete
    for text in sorted(cuts, key=len, reverse=True):
        after = (text.encode() + new for i, new in tokens if new and i not in vocabulary.eos_ids)
        nexts = (least.get(raw.decode("utf-8", "replace"), math.inf) for raw in after)
        ends = bound.complete(states[text]) > -math.inf
        least[text] = 0 if ends else 1 + min(nexts, default=math.inf)
    for text in (t for t in cuts if bound.prefix(states[t]) > -math.inf):
        free = _rows(bound.token_scores([states[text]]), len(vocabulary))[0]
        for slots in range(_MOST_SLOTS):
            scores = bound.token_scores_within([states[text]], [slots])
            row = _rows(scores, len(vocabulary))[0]
            for token, new in tokens:
                following = (text.encode() + (new or b"")).decode("utf-8", "replace")
                fits = bool(new) and least.get(following, math.inf) < slots
                lawful = fits or token in vocabulary.eos_ids
                assert row[token] == free[token] or (row[token] == -math.inf and not lawful), (
                    f"{potential.name}: after {text!r}, with {slots} slots left, token {token} "
                    f"({new!r}) has score {row[token]}, without a bound {free[token]}; expected "
                    "that, since a text with weight can still be reached."
                )


def _rows(scores: TokenScores, size: int) -> NDArray[np.float64]:
    """`[R, V]` log scores, of a mask 0 or −inf."""
    if scores.mask is not None:
        return np.where(unpack_mask(scores.mask, size), 0.0, -np.inf)
    assert scores.log_scores is not None
    return scores.log_scores.astype(np.float64)


def _small_vocabulary(examples: Sequence[str]) -> Vocabulary:
    characters = {c for t in examples for c in t}
    pairs = {a + b for t in examples for a, b in itertools.pairwise(t)}
    tokens = [t.encode() for t in sorted(characters | pairs)]
    return Vocabulary((*tokens, None), (len(tokens),))


def _equal(a: float, b: float, tolerance: float = _TOLERANCE) -> bool:
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= tolerance * max(1.0, abs(b))
