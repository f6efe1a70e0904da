"""Token scores beside stop strings: what a token is worth that goes on into one, or completes it.

With x the text, u its end that is held back and h what is before it, x = h·u, a token v leads to

    φ(h′) / φ(h)     h′ = the part of x·v that is text for good
    Φ(w) / φ(h)      where a stop string is whole, w the text before it

while a token potential, asked at x, says φ(x·v) / φ(x), or Φ(x) / φ(x) of an end of sequence. The
two differ for the tokens of `stop_tokens` alone. Of these, one that leaves a beginning held back is
let through if φ(x·v) > 0, or Φ > 0 of a text that a stop string may leave: no other can ever have
weight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from smc.engine.requests import Request
from smc.engine.stop_tokens import StopTable, StopTokens
from smc.model import IntArray
from smc.potential import TokenPotential, TokenScores

_NOWHERE: Final = object()
"""In the place of a state: no text that begins so has weight."""


class _Row(NamedTuple):
    """A text whose scores are others beside stop strings: their table, and what is held back."""

    table: StopTable
    held: bytes


def scores_with_stops(
    potential: TokenPotential[Any],
    requests: Sequence[Request],
    states: Sequence[Any],
    ask: Callable[[Sequence[Any]], TokenScores],
) -> TokenScores:
    """Return token scores, corrected for the tokens that stop strings concern.

    Args:
        potential: Bound.
        requests: `[R]` of distinct texts.
        states: `[R]` at each text before what is held back.
        ask: For the potential's own scores at some states.
    """
    rows = [_row(request) for request in requests]
    whole = list(states)
    held = {i: row.held for i, row in enumerate(rows) if row is not None and row.held}
    for i, u in held.items():
        whole[i] = potential.advance(states[i], u)
    if held:
        values = potential.batch_prefix([whole[i] for i in held])
        for i, value in zip(held, values, strict=True):
            whole[i] = whole[i] if value > -np.inf else _NOWHERE
    # Where a text cannot go on as it is, the scores of the one before are of the same form.
    scores = ask([s if w is _NOWHERE else w for s, w in zip(states, whole, strict=True)])
    if not any(rows):
        return scores
    mask = None if scores.mask is None else scores.mask.copy()
    log_scores = None if scores.log_scores is None else scores.log_scores.copy()
    for i, row in enumerate(rows):
        if row is None:
            continue
        if mask is not None:
            _correct(mask[i], potential, states[i], whole[i], row)
        elif log_scores is not None:
            _correct(log_scores[i], potential, states[i], whole[i], row)
    return TokenScores(mask=mask, log_scores=log_scores)


def _row(request: Request) -> _Row | None:
    stops, held = request.stops, request.prefix.held
    return None if stops is None or not stops.concerns(held) else _Row(stops, held)


def _correct(
    scores: NDArray[Any], potential: TokenPotential[Any], before: Any, whole: Any, row: _Row
) -> None:
    """Correct the scores of one text, in place.

    Args:
        scores: `[W]` packed bits or `[V]` log scores, at the whole text.
        potential: Whose they are.
        before: Its state before what is held back.
        whole: At the whole text, or `_NOWHERE`.
        row: What is held back.
    """
    soft = scores.dtype != np.uint32
    behind = row.table.behind(row.held) if row.held else None
    if whole is _NOWHERE:
        scores[:] = -np.inf if soft else 0
    as_text = _log_scores(scores, behind.ids) if behind is not None else None
    if whole is not _NOWHERE:
        inside = row.table.inside()
        guards = np.where(inside.guards < 0, 0.0, _log_scores(scores, inside.guards))
        own, (end,) = _log_scores(scores, inside.ids), _log_scores(scores, row.table.eos)
        asked = _Asked(potential, whole, inside, soft, guards, float(end))
        _put(scores, inside.ids, asked.values(own))
        if soft and row.held:
            now, last = potential.batch_prefix([whole, before])
            scores += np.float32(now - last)
    if behind is not None and as_text is not None:
        asked = _Asked(potential, before, behind, soft, np.zeros(len(behind.texts)), None)
        _put(scores, behind.ids, asked.values(as_text))


class _Asked(NamedTuple):
    """Tokens of a table, and what is known of their texts.

    Attributes:
        potential: Whose scores are wanted.
        state: At the text that theirs are behind.
        tokens: Them.
        soft: Whether weights are other than 0 and 1.
        guards: `[T]` scores of the guards.
        end: The score of an end here, if it is known.
    """

    potential: TokenPotential[Any]
    state: Any
    tokens: StopTokens
    soft: bool
    guards: NDArray[np.float64]
    end: float | None

    def values(self, as_text: NDArray[np.float64]) -> NDArray[np.float64]:
        """`[S]` log scores of the tokens.

        Args:
            as_text: `[S]` what they are worth where all of them is text.
        """
        tokens = self.tokens
        possible = self.guards > -np.inf
        going_on = ~tokens.ends & (as_text > -np.inf)
        unsure = ~going_on & possible[tokens.released]
        completes = self._completes(np.unique(tokens.finals[unsure]))
        allowed = going_on | (unsure & (completes[tokens.finals] > -np.inf).any(axis=1))
        if not self.soft:
            return np.where(allowed, 0.0, -np.inf)
        prefixes = self._prefixes(np.unique(tokens.released[allowed & ~tokens.ends]))
        values = np.where(tokens.ends, completes[tokens.released], prefixes[tokens.released])
        return np.where(allowed, values, -np.inf)

    def _completes(self, wanted: IntArray) -> NDArray[np.float64]:
        """`[T]` log Φ of the texts, relative to φ here; −inf of those that are not wanted."""
        texts, empty = self.tokens.texts, self.tokens.empty
        values = np.full(len(texts), -np.inf)
        asked = wanted[self.guards[wanted] > -np.inf]
        if self.end is not None and empty is not None:
            asked = asked[asked != empty]
        if len(asked):
            base = self.potential.prefix(self.state) if self.soft else 0.0
            of = [texts[t] for t in asked.tolist()]
            found = np.asarray(self.potential.complete_after(self.state, of), np.float64)
            values[asked] = found - base
        if self.end is not None and empty is not None:
            values[empty] = self.end
        return values

    def _prefixes(self, wanted: IntArray) -> NDArray[np.float64]:
        """`[T]` log φ of the texts, relative to φ here; of a token it is its score."""
        tokens = self.tokens
        values = np.where(tokens.whole, self.guards, -np.inf)
        texts = {t: tokens.texts[t] for t in wanted[~tokens.whole[wanted]].tolist()}
        if texts:
            read = [
                self.potential.advance(self.state, x) if x else self.state for x in texts.values()
            ]
            base, *found = self.potential.batch_prefix([self.state, *read])
            values[list(texts)] = np.asarray(found, np.float64) - base
        return values


def _log_scores(scores: NDArray[Any], ids: IntArray) -> NDArray[np.float64]:
    """`[S]` scores of some tokens; of a mask 0 or −inf. An id of −1 is any token."""
    if scores.dtype != np.uint32:
        return scores[ids].astype(np.float64)
    bits = (scores[ids >> 5] >> (ids & 31).astype(np.uint32)) & 1
    return np.where(bits, 0.0, -np.inf)


def _put(scores: NDArray[Any], ids: IntArray, values: NDArray[np.float64]) -> None:
    """Set the scores of some distinct tokens."""
    if scores.dtype != np.uint32:
        scores[ids] = values
        return
    bits = np.uint32(1) << (ids & 31).astype(np.uint32)
    allowed = values > -np.inf
    np.bitwise_or.at(scores, ids[allowed] >> 5, bits[allowed])
    np.bitwise_and.at(scores, ids[~allowed] >> 5, ~bits[~allowed])
