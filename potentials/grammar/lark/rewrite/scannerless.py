"""Spelling terminals out in rules over single characters, for Earley with the dynamic lexer.

The exact way where terminals interact and lexemes fail: single characters never run into one
another, so longest match has nothing to decide. Every symbol of the grammar is labelled with what
is owed (`obligations`) before and after it; what is ignored is written out between terminals.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from potentials.grammar.lark.automata.dfa import DEAD, DFA
from potentials.grammar.lark.lexer.joint import TooIntricateError
from potentials.grammar.lark.productions import Rules
from potentials.grammar.lark.rewrite.negative_lookahead import NOTHING_OWED, Obligations, Owing

_MOST_SYMBOLS = 12_000
_MOST_STEPS = 400_000

Bodies = list[tuple[Any, ...]]


@dataclass
class Speller:
    """Labels a grammar and spells its terminals.

    In the bodies an integer is a mask of characters, anything else a labelled symbol.

    Attributes:
        rules: Usable productions.
        automata: For each terminal the texts of which Python takes the longest.
        ignore: Ignored terminals.
        size: The number of symbols of the alphabet.
    """

    rules: Rules
    automata: dict[str, DFA]
    ignore: tuple[str, ...]
    size: int
    _walks: dict[tuple[Owing, str], dict[Owing, list[Any]]] = field(default_factory=dict)
    _edges: dict[tuple[Owing, str], dict[Any, dict[Any, int]]] = field(default_factory=dict)
    _narrowed: dict[tuple[Owing, str], Owing] = field(default_factory=dict)
    _skips: dict[Owing, dict[Owing, set[tuple[Owing, str]]]] = field(default_factory=dict)
    _outs: dict[tuple[Owing, str], set[Owing]] = field(default_factory=dict)
    _users: dict[tuple[Owing, str], set[tuple[Owing, str]]] = field(default_factory=dict)
    _steps: int = 0

    def __post_init__(self) -> None:
        self.obligations = Obligations(self.automata, self.size)

    def spell(self, start: str) -> dict[Hashable, Bodies]:
        """Return the productions; the top symbol is `start`.

        Raises:
            TooIntricateError: If there are too many labels.
        """
        self._settle((NOTHING_OWED, start))
        top: Bodies = []
        for out in self._outs[NOTHING_OWED, start]:
            for left in self._skipped(out):
                if self.obligations.after(left, self.size) is not None:
                    top.append((("N", NOTHING_OWED, start, out), ("G", out, left)))
        productions: dict[Hashable, Bodies] = {"start": top}
        stack = [s for body in top for s in body]
        while stack:
            key = stack.pop()
            if isinstance(key, int) or key in productions:
                continue
            if len(productions) > _MOST_SYMBOLS:
                raise TooIntricateError
            productions[key] = self._bodies(key)
            self._count(len(productions[key]))
            stack.extend(s for body in productions[key] for s in body)
        return productions

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise TooIntricateError

    def _settle(self, top: tuple[Owing, str]) -> None:
        """Find what may be owed after each labelled symbol."""
        self._outs[top] = set()
        waiting = [top]
        queued = {top}
        while waiting:
            key = waiting.pop()
            queued.discard(key)
            owing, name = key
            found: set[Owing] = set()
            for production in self.rules[name]:
                ends = {owing}
                for symbol, terminal in production:
                    self._count(len(ends))
                    nexts: set[Owing] = set()
                    for end in ends:
                        if terminal:
                            nexts |= self._ways(end, symbol).keys()
                            continue
                        inner = (end, symbol)
                        if inner not in self._outs:
                            if len(self._outs) > _MOST_SYMBOLS:
                                raise TooIntricateError
                            self._outs[inner] = set()
                            waiting.append(inner)
                            queued.add(inner)
                        self._users.setdefault(inner, set()).add(key)
                        nexts |= self._outs[inner]
                    ends = nexts
                found |= ends
            if not found <= self._outs[key]:
                self._outs[key] |= found
                for user in self._users.get(key, set()) - queued:
                    waiting.append(user)
                    queued.add(user)

    def _narrow(self, owing: Owing, terminal: str) -> Owing:
        """Return nothing where what is owed makes no difference to a terminal."""
        key = (owing, terminal)
        if key not in self._narrowed:
            first = self.automata[terminal].first
            after = (self.obligations.after(owing, x) for x in range(self.size) if first >> x & 1)
            free = all(found == NOTHING_OWED for found in after)
            self._narrowed[key] = NOTHING_OWED if free else owing
        return self._narrowed[key]

    def _walk(self, owing: Owing, terminal: str) -> dict[Owing, list[Any]]:
        """Return, for all that may be owed after a terminal, the states in which it has ended."""
        key = (owing, terminal)
        if key in self._walks:
            return self._walks[key]
        automaton = self.automata[terminal]
        begin: tuple[int, Owing] = (0, owing)
        into: dict[Any, dict[Any, int]] = {begin: {}}
        ends: dict[Owing, list[Any]] = {}
        queue: list[tuple[int, Owing]] = [begin]
        for state in queue:
            at, owed = state
            for x in range(self.size):
                to = automaton.steps[at][x]
                left = self.obligations.after(owed, x) if to != DEAD else None
                if left is None:
                    continue
                after = (to, left)
                if after not in into:
                    into[after] = {}
                    queue.append(after)
                into[after][state] = into[after].get(state, 0) | 1 << x
            self._count(1)
        for state in queue:
            at, owed = state
            if automaton.accept[at]:
                ended = self.obligations.ended(owed, terminal, at)
                ends.setdefault(ended, []).append(state)
        self._walks[key], self._edges[key] = ends, into
        return ends

    def _skipped(self, owing: Owing) -> dict[Owing, set[tuple[Owing, str]]]:
        """Return what may be owed after ignoring something, and how that came about."""
        if owing not in self._skips:
            found: dict[Owing, set[tuple[Owing, str]]] = {owing: set()}
            for now in (queue := [owing]):
                for ignored in self.ignore:
                    for left in self._walk(self._narrow(now, ignored), ignored):
                        if left not in found:
                            found[left] = set()
                            queue.append(left)
                        found[left].add((now, ignored))
            self._skips[owing] = found
        return self._skips[owing]

    def _ways(self, owing: Owing, terminal: str) -> dict[Owing, dict[Owing, frozenset[Owing]]]:
        """Return, for all that may be owed after a terminal, what was owed where it began.

        That in turn says what may have been owed after skipping to there.
        """
        grouped: dict[Owing, set[Owing]] = {}
        for left in self._skipped(owing):
            grouped.setdefault(self._narrow(left, terminal), set()).add(left)
        out: dict[Owing, dict[Owing, frozenset[Owing]]] = {}
        for begin, lefts in grouped.items():
            for end in self._walk(begin, terminal):
                out.setdefault(end, {})[begin] = frozenset(lefts)
        return out

    def _bodies(self, key: Any) -> Bodies:
        kind = key[0]
        if kind == "N":
            return self._labelled(key)
        if kind == "P":
            return self._prefix(*key[1:])
        if kind == "W":
            _w, owing, terminal, out = key
            return [
                (("S", owing, lefts), ("X", begin, terminal, out))
                for begin, lefts in self._ways(owing, terminal)[out].items()
            ]
        if kind == "S":
            return [(("G", key[1], left),) for left in sorted(key[2], key=sorted)]
        if kind == "G":
            _g, owing, left = key
            ways = self._skipped(owing)[left]
            empty: Bodies = [()] if owing == left else []
            return empty + [
                (("G", owing, now), ("X", self._narrow(now, ignored), ignored, left))
                for now, ignored in sorted(ways, key=lambda w: (sorted(w[0]), w[1]))
            ]
        if kind == "X":
            _x, owing, terminal, out = key
            return [(("C", owing, terminal, s),) for s in self._walk(owing, terminal)[out]]
        _c, owing, terminal, state = key
        if state == (0, owing):
            into = self._edges[owing, terminal][state]
            return [(), *((("C", owing, terminal, s), mask) for s, mask in into.items())]
        into = self._edges[owing, terminal][state]
        return [(("C", owing, terminal, s), mask) for s, mask in into.items()]

    def _labelled(self, key: Any) -> Bodies:
        _n, owing, name, out = key
        found: Bodies = []
        for i, production in enumerate(self.rules[name]):
            if out in self._ends(owing, name, i, len(production)):
                found.append((("P", owing, name, i, len(production), out),))
        return found

    def _ends(self, owing: Owing, name: str, which: int, length: int) -> set[Owing]:
        """Return what may be owed after the first symbols of a production."""
        ends = {owing}
        for symbol, terminal in self.rules[name][which][:length]:
            nexts: set[Owing] = set()
            for end in ends:
                nexts |= self._ways(end, symbol).keys() if terminal else self._outs[end, symbol]
            ends = nexts
        return ends

    def _prefix(self, owing: Owing, name: str, which: int, length: int, out: Owing) -> Bodies:
        if length == 0:
            return [()] if owing == out else []
        symbol, terminal = self.rules[name][which][length - 1]
        found: Bodies = []
        for before in self._ends(owing, name, which, length - 1):
            outs = self._ways(before, symbol) if terminal else self._outs[before, symbol]
            if out in outs:
                last = ("W" if terminal else "N", before, symbol, out)
                found.append((("P", owing, name, which, length - 1, before), last))
        return found
