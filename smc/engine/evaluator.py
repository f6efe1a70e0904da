"""Asking potentials: which prefixes, when, and no text twice.

One `Asker` for each distinct potential of a run, so that a potential which many problems share
gets one batch from all of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smc.engine.prefix import Prefix, Reading
from smc.errors import PotentialError, SMCError
from smc.model import Vocabulary
from smc.potential import AnyPotential, IncrementalPotential, Potential, TokenPotential
from smc.utf8 import decode_more


@dataclass
class Cost:
    """What a potential has cost one problem: evaluations that were not memoised, and seconds."""

    calls: int = 0
    seconds: float = 0.0


_MEMO = 20_000
"""Values that are remembered of each potential."""

Request = tuple[Prefix, int, Cost]
"""A prefix, the index of the potential among its problem's, and whom to charge."""


class Asker:
    """Asks one potential about prefixes, in batches of distinct texts, with a memo."""

    def __init__(self, potential: AnyPotential, vocabulary: Vocabulary) -> None:
        self.name = potential.name
        self.source = potential  # kept, so that its id stays its own
        self.is_token = isinstance(potential, TokenPotential)
        self.potential = potential
        if isinstance(potential, TokenPotential):
            self.potential = potential.bind(vocabulary)
        self._memo: dict[tuple[bool, bytes], float] = {}
        self._width = len(vocabulary.eos_mask), len(vocabulary)

    def start(self) -> Reading:
        """Return the reading of the empty text, its value not yet asked."""
        state = None
        if isinstance(self.potential, IncrementalPotential):
            state = self._guard("start", b"", self.potential.start)
        boundary = self.potential.boundary
        return Reading(state=state, boundary_state=boundary.start() if boundary else None)

    def advance(self, reading: Reading, raw: bytes, new: bytes, text: str) -> Reading:
        """Return the reading after one more token: its bytes, and the text it completed."""
        potential = self.potential
        if isinstance(potential, TokenPotential):
            state = self._guard("advance", raw, partial(potential.advance, reading.state, new))
            return Reading(state=state, log_value=reading.log_value)
        boundary_state, due = None, True
        if potential.boundary is not None:
            boundary_state, due = potential.boundary.advance(reading.boundary_state, text)
        if isinstance(potential, Potential):  # reads the whole text when it is asked
            return Reading(None, b"", reading.log_value, boundary_state, due)
        state, unread = reading.state, reading.unread + new
        if due:
            state = self._guard("advance", raw, partial(potential.advance, state, unread))
            unread = b""
        return Reading(state, unread, reading.log_value, boundary_state, due)

    def ask(self, requests: Sequence[Request], *, complete: bool) -> list[float]:
        """Return log φ (or, complete, log Φ) of each request, memoised by text."""
        values: dict[bytes, float] = {}
        fresh: dict[bytes, Request] = {}
        for request in requests:
            raw = request[0].raw
            known = self._memo.get((complete, raw))
            if known is None:
                fresh.setdefault(raw, request)
            else:
                values[raw] = known
        if fresh:
            began = time.perf_counter()
            found = self._evaluate(list(fresh.values()), complete)
            _charge([r[2] for r in fresh.values()], time.perf_counter() - began)
            for raw, value in zip(fresh, found, strict=True):
                values[raw] = self._checked(value, raw, complete)
                self._remember((complete, raw), values[raw])
        return [values[prefix.raw] for prefix, _, _ in requests]

    def _remember(self, key: tuple[bool, bytes], log_value: float) -> None:
        self._memo[key] = log_value
        if len(self._memo) > _MEMO:  # texts come back soon or never: the oldest goes
            del self._memo[next(iter(self._memo))]

    def token_scores(
        self, requests: Sequence[Request]
    ) -> tuple[NDArray[np.uint32] | None, NDArray[np.float32] | None]:
        """Return the packed masks or log scores of each request, as rows."""
        potential = self.potential
        assert isinstance(potential, TokenPotential)
        distinct: dict[bytes, int] = {}
        index = [distinct.setdefault(p.raw, len(distinct)) for p, _, _ in requests]
        first = {i: r for i, r in zip(reversed(index), reversed(requests), strict=True)}
        chosen = [first[i] for i in range(len(distinct))]
        states = [p.readings[k].state for p, k, _ in chosen]
        began = time.perf_counter()
        scores = self._guard(
            "token_scores", chosen[0][0].raw, lambda: potential.token_scores(states)
        )
        _charge([r[2] for r in chosen], time.perf_counter() - began)
        words, size = self._width
        if scores.mask is not None:
            self._check_shape(scores.mask.shape, (len(states), words))
            return scores.mask[index], None
        assert scores.log_scores is not None
        self._check_shape(scores.log_scores.shape, (len(states), size))
        self._check_scores(scores.log_scores, chosen)
        return None, scores.log_scores.astype(np.float32, copy=False)[index]

    def _evaluate(self, requests: list[Request], complete: bool) -> Sequence[float]:
        """Ask about prefixes with distinct texts, in one batch."""
        potential = self.potential
        method = "batch_complete" if complete else "batch_prefix"
        where = requests[0][0].raw if len(requests) == 1 else None
        if isinstance(potential, Potential):
            inputs: list[Any] = [p.final_text if complete else p.text for p, _, _ in requests]
        else:
            read = partial(_caught_up, potential)
            inputs = [
                self._guard("advance", p.raw, partial(read, p.readings[k])) for p, k, _ in requests
            ]
        values = self._guard(method, where, lambda: getattr(potential, method)(inputs))
        try:
            found = len(values)
        except TypeError:
            found = f"{values!r}, not a sequence of"
        if found != len(inputs):
            raise PotentialError(
                f"potential {self.name}: {method} returned {found} values for "
                f"{len(inputs)} texts; expected one log weight each, in order."
            )
        return values

    def _guard(self, method: str, raw: bytes | None, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except SMCError:
            raise
        except Exception as error:
            at = "a batch of texts" if raw is None else f"text {_shown(raw)}"
            raise PotentialError(
                f"potential {self.name}: {method} raised {type(error).__name__}: {error}, at {at}; "
                "expected a log weight. A candidate that fails should get −inf: catch what the "
                "candidate can cause inside the potential."
            ) from error

    def _checked(self, value: float, raw: bytes, complete: bool) -> float:
        try:
            log_value = math.nan if isinstance(value, bool | np.bool_ | str) else float(value)
        except (TypeError, ValueError):
            log_value = math.nan
        if math.isnan(log_value) or log_value == math.inf:
            method = "complete" if complete else "prefix"
            raise PotentialError(
                f"potential {self.name}: {method} returned {value!r} at text {_shown(raw)}; "
                "expected a log weight: a finite number, or −inf for a text of weight zero (0.0 "
                "and −inf, not True and False)."
            )
        return log_value

    def _check_scores(self, log_scores: NDArray[np.floating[Any]], asked: list[Request]) -> None:
        bad = ~(log_scores.max(axis=1) < np.inf)  # NaN is the maximum of a row that has one
        if bad.any():
            raise PotentialError(
                f"potential {self.name}: token_scores returned NaN or +inf at text "
                f"{_shown(asked[int(bad.argmax())][0].raw)}; expected finite log scores, or −inf. "
                "Run smc.check_potential on it."
            )

    def _check_shape(self, got: tuple[int, ...], expected: tuple[int, int]) -> None:
        if got != expected:
            raise PotentialError(
                f"potential {self.name}: token_scores returned shape {got}; expected {expected}, "
                "one row for each state. Was it bound to this vocabulary?"
            )


def with_values(prefix: Prefix, log_values: dict[int, float]) -> None:
    """Record newly asked log φ values in a prefix's readings."""
    prefix.readings = tuple(
        replace(r, log_value=log_values[k]) if k in log_values else r
        for k, r in enumerate(prefix.readings)
    )


def grown(
    askers: Sequence[Asker], parent: Prefix, token: int, new: bytes | None, *, linked: bool = True
) -> Prefix:
    """Return a prefix and one more token.

    Args:
        askers: Of the prefix's potentials, in the order of its readings.
        parent: The prefix.
        token: The token, which is no end of sequence.
        new: Its bytes, as the vocabulary has them.
        linked: Whether the new prefix knows its parent. One that does keeps the parent's text
            alive with its own.
    """
    assert new, "a backend never draws an id outside the model"
    text, pending = decode_more(parent.pending, new)
    raw = parent.raw + new
    readings = tuple(
        asker.advance(reading, raw, new, text)
        for asker, reading in zip(askers, parent.readings, strict=True)
    )
    return Prefix(
        parent if linked else None,
        token,
        parent.length + 1,
        raw,
        parent.text + text,
        pending,
        readings,
    )


def death(asker: Asker, prefix: Prefix) -> str:
    """Say which potential killed which text."""
    return f"{asker.name} gave weight zero to {prefix.text!r}"


def _caught_up(potential: IncrementalPotential[Any], reading: Reading) -> Any:
    return potential.advance(reading.state, reading.unread) if reading.unread else reading.state


def _charge(costs: list[Cost], seconds: float) -> None:
    """Share the seconds of one batch among the problems it served."""
    for cost in costs:
        cost.calls += 1
        cost.seconds += seconds / len(costs)


def _shown(raw: bytes, limit: int = 200) -> str:
    text = raw.decode("utf-8", "replace")
    return repr(text) if len(text) <= limit else f"…{text[-limit:]!r}"


def combined_scores(
    asked: Iterable[tuple[Asker, Sequence[int], Sequence[Request]]],
    size: int,
    vocabulary: Vocabulary,
) -> tuple[NDArray[np.uint32] | None, NDArray[np.float32] | None]:
    """Return the packed masks and the log scores of a batch, None where nobody has any.

    Args:
        asked: Each token potential with the rows that it is asked about, and the request of each;
            a row may be there twice.
        size: Rows of the batch. Those that nobody is asked about are free.
        vocabulary: Of the model.

    Returns:
        `[R, W]` masks and `[R, V]` log scores.
    """
    mask: NDArray[np.uint32] | None = None
    log_scores: NDArray[np.float32] | None = None
    for asker, where, requests in asked:
        bits, scores = asker.token_scores(requests)
        if bits is not None:
            mask = all_allowed(size, vocabulary) if mask is None else mask
            mask[where] &= bits
        if scores is not None:
            if log_scores is None:
                log_scores = np.zeros((size, len(vocabulary)), dtype=np.float32)
            for r, row_scores in zip(where, scores, strict=True):  # twice where it is there twice
                log_scores[r] += row_scores
    return mask, log_scores


def all_allowed(size: int, vocabulary: Vocabulary) -> NDArray[np.uint32]:
    """Return `[R, W]` packed masks that allow every token in every row."""
    words = len(vocabulary.eos_mask)
    return np.full((size, words), np.iinfo(np.uint32).max, dtype=np.uint32)
