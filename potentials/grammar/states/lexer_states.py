"""Lexer states: terminals read side by side as automata, each as far as it goes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from potentials.grammar.completion.byte_automaton import ByteAutomaton
from potentials.grammar.completion.byte_grammar import packed_steps


class LexerStates:
    """The states of a lexer that looks for some of a grammar's terminals at once.

    Args:
        terminals: Their automata.
    """

    def __init__(self, terminals: tuple[ByteAutomaton, ...]) -> None:
        self._steps, self._firsts = packed_steps(terminals)
        lengths = [len(a.distance) for a in terminals]
        self._terminal = np.repeat(np.arange(len(terminals)), lengths)
        matches = [a.distance == 0 for a in terminals]
        self._matches = np.concatenate(matches) if matches else np.zeros(0, np.bool_)
        self._numbers: dict[bytes, int] = {}
        self._members: list[NDArray[np.int64]] = []
        self._next: list[dict[int, int]] = []
        self._accepted: dict[int, frozenset[int]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def start(self, terminals: Iterable[int]) -> int:
        """Return the state in which nothing of some terminals was read yet."""
        return self._number(np.array([self._firsts[t] for t in sorted(terminals)], np.int64))

    def step(self, state: int, byte: int) -> int:
        """Return the state after a byte, -1 if none of the terminals goes on with it."""
        known = self._next[state].get(byte)
        if known is None:
            to = self._steps[self._members[state], byte]
            to = to[to >= 0].astype(np.int64)
            known = self._next[state][byte] = self._number(to) if len(to) else -1
        return known

    def accepted(self, state: int) -> frozenset[int]:
        """Return the terminals that the bytes so far are."""
        if state not in self._accepted:
            members = self._members[state]
            found = self._terminal[members[self._matches[members]]]
            self._accepted[state] = frozenset(found.tolist())
        return self._accepted[state]

    def _number(self, members: NDArray[np.int64]) -> int:
        key = members.tobytes()
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._members)
            self._members.append(members)
            self._next.append({})
        return number
