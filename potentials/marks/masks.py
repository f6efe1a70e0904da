"""Token masks and scores of a part between marks, exact where a token holds a mark and more."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potentials.marks.reading import Marked, MarkedState, begins
from smc.model import IntArray, Vocabulary, pack_mask, unpack_mask
from smc.potential import TokenPotential, TokenScores

_NO_TOKEN = -1


@dataclass(frozen=True)
class _Crossing:
    """The tokens that may reach into a mark of which some bytes stand already.

    Attributes:
        ids: `[n]`.
        whole: `[n]` whether the mark is whole with the token.
        content: `[n]` the token that is all which stands before the mark; −1: there is none.
    """

    ids: IntArray
    whole: NDArray[np.bool_]
    content: IntArray


class MarkedMask(Marked, TokenPotential[MarkedState]):
    """`Marked` of a token potential.

    Tokens that reach into no mark are scored by the potential within, all at once. Those that do,
    of which a vocabulary has few, are read one by one. Before a part the scores depend on nothing
    but how much of the mark stands there, and are computed once.
    """

    _vocabulary: Vocabulary  # these three of a bound one
    _outside: dict[tuple[bytes, bool], NDArray[np.float32]]
    _crossings: dict[tuple[bytes, bytes], _Crossing]

    def bind(self, vocabulary: Vocabulary) -> MarkedMask:
        """Return this potential made ready for a vocabulary."""
        assert isinstance(self.potential, TokenPotential)
        bound = copy.copy(self)
        bound.potential = bound.inner = self.potential.bind(vocabulary)
        bound._vocabulary = vocabulary
        bound._outside, bound._crossings = {}, {}
        return bound

    def token_scores(self, states: Sequence[MarkedState]) -> TokenScores:
        """Score all tokens at each state: masks if the potential within gives masks of weight 1."""
        return self.token_scores_within(states, [None] * len(states))

    def token_scores_within(
        self, states: Sequence[MarkedState], slots: Sequence[int | None]
    ) -> TokenScores:
        """`token_scores`; where a part goes on to the end of the text, within the slots left."""
        within = [r for r, state in enumerate(states) if state.inner is not None]
        contents = [self.content(states[r]) for r in within]
        asked = [0.0] * len(within) if self.end is None else self._asked(contents, complete=False)
        log_contents = dict(zip(within, asked, strict=True))
        alive = [i for i, r in enumerate(within) if log_contents[r] > -np.inf]
        scores = None
        if alive:
            left = [slots[within[i]] if self.end is None else None for i in alive]
            scores = self._inner.token_scores_within([contents[i] for i in alive], left)
        rows = np.full((len(states), len(self._vocabulary)), -np.inf, dtype=np.float32)
        if scores is not None:
            rows[[within[i] for i in alive]] = _log_rows(scores, len(self._vocabulary))
        for r, state in enumerate(states):
            if state.inner is None:
                rows[r] = self._free(state)
            elif self.end is not None:
                self._reach(rows[r], state, log_contents[r])
        if self._hard:
            return TokenScores(mask=pack_mask(rows == 0))
        return TokenScores(log_scores=rows)

    @property
    def _inner(self) -> TokenPotential[Any]:
        assert isinstance(self.inner, TokenPotential)
        return self.inner

    @cached_property
    def _hard(self) -> bool:
        """Whether all values are 0 or −inf, so that masks say it all."""
        start = self._inner.start()
        masks = self._inner.token_scores([start]).mask is not None
        return masks and self._inner.prefix(start) == 0

    def _free(self, state: MarkedState) -> NDArray[np.float32]:
        """`[V]` scores outside of a part."""
        key = state.held, state.seen
        known = self._outside.get(key)
        if known is None:
            known = np.zeros(len(self._vocabulary), dtype=np.float32)
            known[self._vocabulary.suppressed] = -np.inf
            here = MarkedState(None, state.held, 0.0, state.seen)
            known[list(self._vocabulary.eos_ids)] = self.complete(here)
            crossing = self._crossing(self.begin, state.held)
            ids = crossing.ids[crossing.whole].tolist()
            known[ids] = self.batch_prefix([self._after(here, token) for token in ids])
            self._outside[key] = known
        return known

    def _reach(self, row: NDArray[np.float32], state: MarkedState, log_content: float) -> None:
        """Put the scores of tokens that may reach into the end mark into a row of the others'."""
        assert self.end is not None
        value = self.prefix(state)
        crossing = self._crossing(self.end, state.held)
        content = row[crossing.content]
        possible = (crossing.content == _NO_TOKEN) | (content > -np.inf)
        if self._hard:  # a token that is content as it stands needs no mark
            possible &= crossing.whole | (row[crossing.ids] == -np.inf)
        else:
            row += np.float32(
                0 if log_content == -np.inf else state.log_value + log_content - value
            )
        asked = crossing.ids[possible].tolist()
        ruled_out = (crossing.content != _NO_TOKEN) & (content == -np.inf)
        row[crossing.ids[ruled_out]] = -np.inf
        after = self.batch_prefix([self._after(state, token) for token in asked])
        row[asked] = np.asarray(after, dtype=np.float64) - value

    def _after(self, state: MarkedState, token: int) -> MarkedState:
        new = self._vocabulary.tokens[token]
        assert new
        return self.advance(state, new)

    def _crossing(self, mark: bytes, held: bytes) -> _Crossing:
        """The tokens that reach into a mark, of which `held` stands already; found once."""
        known = self._crossings.get((mark, held))
        if known is None:
            known = self._crossings[mark, held] = _find(mark, held, self._vocabulary)
        return known


def _log_rows(scores: TokenScores, size: int) -> NDArray[np.float32]:
    if scores.mask is None:
        assert scores.log_scores is not None
        return scores.log_scores
    return np.where(unpack_mask(scores.mask, size), np.float32(0), np.float32(-np.inf))


def _find(mark: bytes, held: bytes, vocabulary: Vocabulary) -> _Crossing:
    beginnings = tuple(mark[:n] for n in range(1, len(mark)))
    ends = vocabulary.eos_set
    ids, whole, content = [], [], []
    for token, new in enumerate(vocabulary.tokens):
        if not new or token in ends:
            continue
        text = held + new
        complete = mark in text
        if not complete and not text.endswith(beginnings):
            continue
        ids.append(token)
        whole.append(complete)
        lead = text[: text.find(mark) if complete else begins(text, mark)]
        content.append(vocabulary.token_of(lead) if lead and not held else _NO_TOKEN)
    return _Crossing(np.array(ids, np.int64), np.array(whole, bool), np.array(content, np.int64))
