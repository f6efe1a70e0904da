"""Shortest completions: how many tokens of a vocabulary lead from a state to a sentence.

Whether at most k do is answered by a search over the states that tokens lead to, nearest to a
sentence first: yes with a witness, no when all that k tokens can reach has been seen, and not at
all when that would take too long. Answers are kept as bounds of each state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from potentials.grammar.completion.earley import Recogniser, TooManyStatesError
from potentials.grammar.completion.token_trie import TokenTrie, Walked

_KEPT_BYTES = 64 << 20
_NEVER = 1 << 20


@dataclass(frozen=True)
class SearchLimits:
    """How much work one mask may be. Counts, not seconds: the answers are the same everywhere.

    Attributes:
        visits: Nodes of the trie (some ten million a second).
        states: States of the recogniser (some thousands a second).
    """

    visits: int = 2_000_000
    states: int = 500


class _SpentError(Exception):
    """The mask would take too long."""


class Completions:
    """How many tokens a sentence is away.

    Args:
        recogniser: Of the language, or of a larger one.
        trie: Of all tokens of text.
        last: Of those that a sentence may end with.
        every_byte: Whether each byte is a token by itself.
        limits: How much work one mask may be.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        trie: TokenTrie,
        last: TokenTrie,
        *,
        every_byte: bool,
        limits: SearchLimits | None = None,
    ) -> None:
        self._recogniser, self._trie, self._last = recogniser, trie, last
        self._every_byte, self._limits = every_byte, limits or SearchLimits()
        self._at_least: dict[int, int] = {}
        self._at_most: dict[int, int] = {}
        self._given_up: set[tuple[int, int]] = set()
        self._after: dict[int, NDArray[np.int32]] = {}
        self._walks: LRUCache[int, Walked] = LRUCache(_KEPT_BYTES, lambda w: 200 + 8 * len(w[0]))
        self._visits = self._states = 0

    def out_of_reach(self, states: Sequence[int], slots: int) -> list[int]:
        """Return the states from which no sentence is reached with so many tokens at most.

        Where the limits are met the rest is not among them, except what needs no search; the first
        ones are therefore those that matter most.
        """
        self._visits = self._limits.visits
        self._states = self._recogniser.expanded + self._limits.states
        return [s for s in states if self._fits(s, slots) is False]

    def _fits(self, state: int, slots: int) -> bool | None:
        """Whether at most so many tokens lead from a state to a sentence; None: unknown."""
        known = self._known(state, slots)
        if known is not None or (state, slots) in self._given_up:
            return known
        begun = self._recogniser.expanded, self._visits
        try:
            self._spend(0)
            return self._search(state, slots)
        except (_SpentError, TooManyStatesError):
            expanded, visits = self._recogniser.expanded - begun[0], begun[1] - self._visits
            if 2 * expanded > self._limits.states or 2 * visits > self._limits.visits:
                self._given_up.add((state, slots))  # it would spend the next mask's limits, too
            return None

    def walk(self, state: int) -> Walked:
        """Return all tokens that may follow a state, and where they lead.

        Raises:
            TooManyStatesError: They lead to more states than are worth it.
        """
        walked = self._walks.get(state)
        if walked is None:
            walked = self._trie.walk(state, self._recogniser.step)
            self._visits -= walked.visited
            if self._walks.getsizeof(walked) <= _KEPT_BYTES:
                self._walks[state] = walked
        return walked

    def _known(self, state: int, slots: int) -> bool | None:
        """Answer without a search, where one can."""
        distance = int(self._recogniser.distance[state])
        if distance == 0:
            return True
        if slots <= 0 or distance > slots * self._trie.longest:
            return False
        if self._every_byte and distance <= slots:
            return True
        if self._at_most.get(state, _NEVER) <= slots:
            return True
        return False if self._at_least.get(state, 1) > slots else None

    def _search(self, state: int, slots: int) -> bool:
        known = self._known(state, slots)
        if known is not None:
            return known
        if slots == 1:
            found = self._ends(state)
        else:
            found = any(self._search(s, slots - 1) for s in self._following(state).tolist())
        if found:
            self._at_most[state] = slots
        else:
            self._at_least[state] = slots + 1
        return found

    def _ends(self, state: int) -> bool:
        """Whether one token leads to a sentence."""
        walked = self._last.walk(state, self._recogniser.step)
        self._spend(walked.visited)
        return bool((self._recogniser.distance[walked.states] == 0).any())

    def _following(self, state: int) -> NDArray[np.int32]:
        """The states that one token leads to, nearest to a sentence first."""
        if state not in self._after:
            before = self._visits
            states = np.flatnonzero(np.bincount(self.walk(state).states, minlength=1))
            states = states.astype(np.int32)
            self._after[state] = states[np.argsort(self._recogniser.distance[states])]
            self._spend(0 if self._visits < before else len(states))
        return self._after[state]

    def _spend(self, visits: int) -> None:
        self._visits -= visits
        if self._visits < 0 or self._recogniser.expanded > self._states:
            raise _SpentError
