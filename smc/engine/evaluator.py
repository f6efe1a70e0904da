"""Evaluation of potentials: in batches, each distinct text once, remembered.

One `PotentialEvaluator` for each distinct potential of a run, so that a potential which many
problems share gets one batch from all of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from smc.engine.potential_errors import (
    bad_scores,
    check_number,
    check_shape,
    checked_log_value,
    raised,
)
from smc.engine.prefix import PotentialState
from smc.engine.requests import Cost, Growth, Request
from smc.engine.stop_scores import scores_with_stops
from smc.errors import SMCError
from smc.model import Vocabulary
from smc.potential import (
    AnyPotential,
    IncrementalPotential,
    Potential,
    TokenPotential,
    TokenScores,
    TokenSequencePotential,
)

_REMEMBERED = 20_000
"""Values that are remembered of each potential."""


class PotentialEvaluator:
    """Evaluates one potential under a vocabulary.

    Attributes:
        known: Values by whether of a finished text, and its bytes.
        failed: Texts asked about ahead in vain, by whether as finished ones, and with what error.
    """

    def __init__(self, potential: AnyPotential, vocabulary: Vocabulary) -> None:
        self.name = potential.name
        self.source = potential  # kept, so that its id stays its own
        self.is_token = isinstance(potential, TokenPotential)
        self.reads_tokens = isinstance(potential, TokenSequencePotential)
        self.heeds_slots = False
        self.potential = potential
        if isinstance(potential, TokenPotential):
            self.potential = bound = potential.bind(vocabulary)
            own = type(bound).token_scores_within
            self.heeds_slots = own is not TokenPotential.token_scores_within
        self.concurrent = potential.concurrent and not self.is_token
        self.known: LRUCache[tuple[bool, bytes], float] = LRUCache(_REMEMBERED)
        self.failed: dict[bool, tuple[set[bytes], BaseException]] = {}
        self._width = len(vocabulary.eos_mask), len(vocabulary)

    def start(self) -> PotentialState:
        """Return the state at the empty text, its value not yet asked."""
        state = None
        if isinstance(self.potential, IncrementalPotential):
            state = self._guarded("start", b"", self.potential.start)
        boundary = self.potential.boundary
        return PotentialState(state=state, boundary_state=boundary.start() if boundary else None)

    def advance(self, growths: Sequence[Growth]) -> list[PotentialState]:
        """Return the states after one more token.

        Raises:
            PotentialError: The potential or its boundary raised.
        """
        potential = self.potential
        # Asked once, and not of every text: it takes longer than many an advance.
        by_token = potential if isinstance(potential, TokenSequencePotential) else None
        masks = potential if isinstance(potential, TokenPotential) else None
        incremental = potential if isinstance(potential, IncrementalPotential) else None
        states = []
        for before, raw, new, text, token in growths:
            try:
                if by_token is not None:
                    state = before.state
                    if token >= 0:
                        state = by_token.advance_token(state, token)
                    states.append(PotentialState(state, b"", before.log_value))
                    continue
                if masks is not None:
                    state = masks.advance(before.state, new) if new else before.state
                    states.append(PotentialState(state, b"", before.log_value))
                    continue
                boundary_state, due = None, bool(new)
                if potential.boundary is not None:
                    boundary_state, fires = potential.boundary.advance(before.boundary_state, text)
                    due = bool(fires)
                state, unread = before.state, b""
                if incremental is not None:
                    unread = before.unread + new
                    if due and unread:
                        state, unread = incremental.advance(state, unread), b""
                states.append(PotentialState(state, unread, before.log_value, boundary_state, due))
            except SMCError:
                raise
            except Exception as error:
                raise raised(self.name, "advance", raw, error) from error
        return states

    def log_values(self, requests: Sequence[Request], *, complete: bool) -> list[float]:
        """Return log φ (or, complete, log Φ) of each request.

        Raises:
            PotentialError: The potential raised, or returned what is no log weight.
        """
        values: dict[bytes, float] = {}
        fresh: dict[bytes, Request] = {}
        for request in requests:
            raw = request.prefix.raw
            known = self.known.get((complete, raw))
            if known is None:
                fresh.setdefault(raw, request)
            else:
                values[raw] = known
        if fresh:
            failed = self.failed.pop(complete, None)
            if failed is not None and failed[0] == fresh.keys():
                raise failed[1]
            began = time.perf_counter()
            new_values = self._evaluate(list(fresh.values()), complete)
            _charge([r.cost for r in fresh.values()], time.perf_counter() - began)
            for raw, value in zip(fresh, new_values, strict=True):
                if type(value) is not float or not value < math.inf:  # NaN is not
                    value = checked_log_value(self.name, value, raw, complete=complete)
                values[raw] = self.known[complete, raw] = value
        return [values[request.prefix.raw] for request in requests]

    def token_scores(
        self, requests: Sequence[Request]
    ) -> tuple[NDArray[np.uint32] | None, NDArray[np.float32] | None]:
        """Return the packed masks or log scores of each request, as rows.

        Raises:
            PotentialError: The potential raised, or returned what are no token scores.
        """
        distinct: dict[Any, int] = {}
        index = [distinct.setdefault(self._read_of(r), len(distinct)) for r in requests]
        first = {i: r for i, r in zip(reversed(index), reversed(requests), strict=True)}
        chosen = [first[i] for i in range(len(distinct))]
        began = time.perf_counter()
        scores = self._scores(chosen)
        _charge([r.cost for r in chosen], time.perf_counter() - began)
        if scores.mask is not None:
            return scores.mask[index], None
        assert scores.log_scores is not None
        bad = ~(scores.log_scores.max(axis=1) < np.inf)  # NaN is the maximum of a row that has one
        if bad.any():
            raise bad_scores(self.name, [r.prefix.raw for r in chosen], int(bad.argmax()))
        return None, scores.log_scores.astype(np.float32, copy=False)[index]

    def _scores(self, requests: Sequence[Request]) -> TokenScores:
        """Ask about distinct texts."""
        potential, raw = self.potential, requests[0].prefix.raw
        assert isinstance(potential, TokenPotential)
        states = [r.prefix.states[r.k].state for r in requests]
        ask = partial(self._scores_at, potential, raw, [r.slots for r in requests])
        # One that weighs tokens weighs those of a stop string as any others.
        if self.reads_tokens or not any(r.stops for r in requests):
            return ask(states)
        with_stops = partial(scores_with_stops, potential, requests, states, ask)
        return self._guarded("complete_after", raw, with_stops)

    def _scores_at(
        self,
        potential: TokenPotential[Any],
        raw: bytes,
        slots: Sequence[int | None],
        states: Sequence[Any],
    ) -> TokenScores:
        method, call = "token_scores", partial(potential.token_scores, states)
        if self.heeds_slots and any(s is not None for s in slots):
            method = "token_scores_within"
            call = partial(potential.token_scores_within, states, slots)
        scores = self._guarded(method, raw, call)
        words, size = self._width
        if scores.mask is not None and scores.mask.shape != (len(states), words):
            check_shape(self.name, scores.mask.shape, (len(states), words))
        if scores.log_scores is not None and scores.log_scores.shape != (len(states), size):
            check_shape(self.name, scores.log_scores.shape, (len(states), size))
        return scores

    def _read_of(self, request: Request) -> Any:
        """What token scores depend on."""
        prefix = request.prefix
        read: Any = prefix.raw
        if self.reads_tokens:  # the same bytes may be other tokens
            read = prefix.states[request.k].state
        elif request.stops is not None:
            read = read, prefix.held, request.stops
        return (read, request.slots) if self.heeds_slots else read

    def _evaluate(self, requests: list[Request], complete: bool) -> Sequence[float]:
        """Evaluate prefixes with distinct texts, in one batch."""
        potential = self.potential
        method = "batch_complete" if complete else "batch_prefix"
        where = requests[0].prefix.raw if len(requests) == 1 else None
        inputs: list[Any]
        if isinstance(potential, Potential):
            ended = complete and any(r.prefix.pending for r in requests)
            inputs = [r.prefix.final_text if ended else r.prefix.text for r in requests]
        else:
            inputs = [self._caught_up(r) for r in requests]
        values = self._guarded(method, where, partial(getattr(potential, method), inputs))
        if not isinstance(values, list) or len(values) != len(inputs):
            check_number(self.name, method, values, len(inputs))
        return values

    def _caught_up(self, request: Request) -> Any:
        """The state of an incremental potential once it has read all of the text."""
        at = request.prefix.states[request.k]
        if not at.unread:
            return at.state
        assert isinstance(self.potential, IncrementalPotential)
        read = partial(self.potential.advance, at.state, at.unread)
        return self._guarded("advance", request.prefix.raw, read)

    def _guarded(self, method: str, raw: bytes | None, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except SMCError:
            raise
        except Exception as error:
            raise raised(self.name, method, raw, error) from error


def combined_scores(
    asked: Iterable[tuple[PotentialEvaluator, Sequence[int], Sequence[Request]]],
    size: int,
    vocabulary: Vocabulary,
) -> tuple[NDArray[np.uint32] | None, NDArray[np.float32] | None]:
    """Return what all token potentials together say of a batch; None where nobody says anything.

    Args:
        asked: Each token potential with the rows that it is asked about, and the request of each;
            a row may be there twice.
        size: Rows of the batch. Those that nobody is asked about are free.
        vocabulary: Of the model.

    Returns:
        `[R, W]` packed masks and `[R, V]` log scores.
    """
    mask: NDArray[np.uint32] | None = None
    log_scores: NDArray[np.float32] | None = None
    for evaluator, where, requests in asked:
        bits, scores = evaluator.token_scores(requests)
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


def _charge(costs: list[Cost], seconds: float) -> None:
    """Share the seconds of one batch among the problems it served."""
    for cost in costs:
        cost.calls += 1
        cost.seconds += seconds / len(costs)
