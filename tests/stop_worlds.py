"""Worlds with stop strings that can be enumerated, and a sampler that is told what to draw."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import smc
from smc.engine import Problem, run
from smc.engine.propose import LocalSampler
from smc.model import Draws, Vocabulary, pack_mask
from smc.potential import AnyPotential, log_complete
from smc.settings import Settings

MAX_TOKENS = 3
VOCABULARY = Vocabulary((b"a", b"b", b"#", b"a#", b"#b", b"b##a", None), (6,))


@functools.cache
def next_probs(prefix: tuple[int, ...]) -> tuple[float, ...]:
    """An asymmetric function of the prefix."""
    row = np.random.default_rng([11, len(prefix), *prefix]).gamma((5, 4, 6, 3, 3, 2, 2))
    return tuple(row / row.sum())


MODEL = smc.TableModel(VOCABULARY, next_probs)


class Scored(smc.TokenPotential[bytes]):
    """Token scores by definition: the ratios of `prefix` and `complete`; subclasses say these."""

    soft = False

    def start(self) -> bytes:
        return b""

    def advance(self, state: bytes, new_bytes: bytes) -> bytes:
        return state + new_bytes

    def complete(self, state: bytes) -> float:
        return self.prefix(state)

    def bind(self, vocabulary: Vocabulary) -> Scored:
        bound = type(self)()
        bound.vocabulary = vocabulary
        return bound

    def token_scores(self, states: Sequence[bytes]) -> smc.TokenScores:
        rows = np.array([[self._score(s, v) for v in range(len(self.vocabulary))] for s in states])
        if self.soft:
            return smc.TokenScores(log_scores=rows.astype(np.float32))
        return smc.TokenScores(mask=pack_mask(rows > -np.inf))

    def _score(self, state: bytes, token: int) -> float:
        assert self.prefix(state) > -math.inf
        if token in self.vocabulary.eos_ids:
            return self.complete(state) - self.prefix(state)
        new = self.vocabulary.tokens[token]
        return self.prefix(self.advance(state, new)) - self.prefix(state) if new else -math.inf


class NoHash(Scored):
    """A mask without the stop strings' character; a text ends in "a", or is empty."""

    def prefix(self, state: bytes) -> float:
        return -math.inf if b"#" in state else 0.0

    def complete(self, state: bytes) -> float:
        return self.prefix(state) if state[-1:] in (b"", b"a") else -math.inf


class SomeHash(Scored):
    """A mask to which a single "#" is text."""

    def prefix(self, state: bytes) -> float:
        return -math.inf if state.count(b"#") > 1 or b"bb" in state else 0.0

    def complete(self, state: bytes) -> float:
        return self.prefix(state) if len(state) % 2 == 0 else -math.inf


class Soft(Scored):
    """Log scores, some of them −inf."""

    soft = True

    def prefix(self, state: bytes) -> float:
        dead = b"##" in state or state.startswith(b"bb")
        return -math.inf if dead else 0.3 * len(state) - 0.7 * state.count(b"#") - 0.2

    def complete(self, state: bytes) -> float:
        return -math.inf if state == b"b" or b"##" in state else self.prefix(state) - 0.4


class NeverHash(smc.Potential):
    """Opaque: forbids "#", and values the rest softly."""

    def prefix(self, text: str) -> float:
        return -math.inf if "#" in text else 0.25 * text.count("a")

    def complete(self, text: str) -> float:
        return self.prefix(text) - 0.5 * text.endswith("b")


class Letters(smc.IncrementalPotential[tuple[int, bool]]):
    """Incremental: counts characters, and forbids "ab"."""

    def start(self) -> tuple[int, bool]:
        return 0, False

    def advance(self, state: tuple[int, bool], new_bytes: bytes) -> tuple[int, bool]:
        count, after_a = state
        for byte in new_bytes:
            count = count + 1 if count >= 0 and not (after_a and byte == ord("b")) else -1
            after_a = byte == ord("a")
        return count, after_a

    def prefix(self, state: tuple[int, bool]) -> float:
        return -math.inf if state[0] < 0 else -0.1 * state[0]

    def complete(self, state: tuple[int, bool]) -> float:
        return -math.inf if state[0] < 0 else 0.2 * state[0]


def target(
    stops: Sequence[str],
    potentials: Sequence[AnyPotential],
    *,
    at_max_tokens: str,
    model: smc.TableModel = MODEL,
    max_tokens: int = MAX_TOKENS,
) -> dict[str, float]:
    """γ of every final text: that before the first stop string that its last token completed."""
    vocabulary, marks = model.vocabulary, tuple(s.encode() for s in stops)
    gamma: dict[str, float] = {}

    def extend(ids: tuple[int, ...], raw: bytes, prob: float) -> None:
        for token, p in enumerate(model.next_probs(ids)):
            new = vocabulary.tokens[token] or b""
            at = min((i for m in marks if (i := (raw + new).find(m)) >= 0), default=None)
            ends = token in vocabulary.eos_ids or new.startswith(marks)
            last = len(ids) + 1 == max_tokens
            if last and at_max_tokens == "end" and not ends:
                continue
            if at is not None:
                final = (raw + new)[:at]
            elif ends:
                final = raw
            elif last:
                final = raw + new
            else:
                extend((*ids, token), raw + new, prob * p)
                continue
            text = final.decode()
            weight = prob * p * math.exp(sum(log_complete(f, text) for f in potentials))
            if weight > 0:
                gamma[text] = gamma.get(text, 0.0) + weight

    extend((), b"", 1.0)
    return gamma


@dataclass(frozen=True)
class Told(LocalSampler):
    """Draws the tokens that the uniforms name, and weighs them p·φ: q is 1."""

    model: smc.TableModel
    temperature: float = 1.0
    properly_weighted: bool = True

    def draw(self, batch, request):
        tokens = (request.uniforms * len(self.model.vocabulary)).astype(np.int64)
        drawn = zip(request.rows.tolist(), tokens.tolist(), strict=True)
        probs = [self.model.next_probs(batch.rows[r].prefix.tokens)[v] for r, v in drawn]
        log_weights = np.log(probs)
        if request.mask is not None:
            bits = request.mask[request.rows, tokens // 32] >> (tokens % 32).astype(np.uint32)
            log_weights = np.where(bits & 1, log_weights, -np.inf)
        if request.log_scores is not None:
            log_weights = log_weights + request.log_scores[request.rows, tokens]
        dead = log_weights == -np.inf
        return Draws(np.where(dead, -1, tokens), log_weights, None), {}


class Script:
    """In the place of a generator: the uniforms that name some tokens, one after the other."""

    def __init__(self, tokens: Sequence[int], size: int) -> None:
        self._uniforms = iter([(t + 0.5) / size for t in tokens])

    def random(self, count: int) -> np.ndarray:
        assert count == 1
        return np.array([next(self._uniforms)])


def weighed(
    stops: Sequence[str],
    potentials: Sequence[AnyPotential],
    *,
    model: smc.TableModel = MODEL,
    max_tokens: int = MAX_TOKENS,
    **settings,
) -> dict[str, float]:
    """γ of every final text as the engine weighs it, with each sequence of tokens told once."""
    size = len(model.vocabulary)
    scripts = itertools.product(range(size), repeat=max_tokens)
    problems = [Problem("", potentials, Script(s, size)) for s in scripts]
    chosen = Settings(
        num_particles=1, max_tokens=max_tokens, ess_threshold=0.0, proposal=Told(model), **settings
    )
    by_tokens: dict[tuple[int, ...], tuple[str, float]] = {}
    for posterior in run(model, problems, chosen, stop=stops):
        (sequence,), (log_weight,) = posterior.sequences, posterior.log_weights
        if log_weight > -np.inf:
            by_tokens[sequence.tokens] = sequence.text, math.exp(log_weight)
    gamma: dict[str, float] = {}
    for text, weight in by_tokens.values():
        gamma[text] = gamma.get(text, 0.0) + weight
    return gamma
