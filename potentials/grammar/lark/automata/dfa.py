"""Deterministic automata with one symbol of lookahead: products, differences, unions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from potentials.grammar.lark.automata.minimisation import DEAD, minimal

__all__ = [
    "DEAD",
    "DFA",
    "both",
    "either",
    "meeting",
    "minus",
    "pairs",
    "same_language",
    "trimmed",
    "union",
]


@dataclass(frozen=True)
class DFA:
    """A deterministic automaton that may look one symbol ahead.

    State 0 is the start; `DEAD` is no state.

    Attributes:
        steps: For each state, the next state by symbol.
        accept: For each state, the symbols (and the end) before which the text so far is a
            match: all or none, except where the expression looks ahead.
        size: The number of symbols.
    """

    steps: tuple[tuple[int, ...], ...]
    accept: tuple[int, ...]
    size: int

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.steps, self.accept))

    @property
    def all_next(self) -> int:
        """The mask of every symbol and the end."""
        return (2 << self.size) - 1

    @cached_property
    def first(self) -> int:
        """The mask of the symbols that a match can start with."""
        return self.live_next(0) if self.steps else 0

    @cached_property
    def edges(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """For each state its (symbol, next state), without what is dead."""
        return tuple(tuple((x, to) for x, to in enumerate(row) if to != DEAD) for row in self.steps)

    @cached_property
    def _live_masks(self) -> tuple[int, ...]:
        return tuple(sum(1 << x for x, _to in row) for row in self.edges)

    def live_next(self, state: int) -> int:
        """Return the mask of the symbols that lead on from a state."""
        return self._live_masks[state]

    @property
    def empty(self) -> bool:
        """Whether nothing matches."""
        return not any(self.accept)

    def run(self, symbols: list[int]) -> int:
        """Return the state after the symbols."""
        state = 0
        for x in symbols:
            if state == DEAD:
                break
            state = self.steps[state][x]
        return state


def trimmed(steps: list[list[int]], accept: list[int], size: int) -> DFA:
    """Return the minimal automaton: states that lead nowhere become `DEAD`, equal ones merge."""
    return DFA(*minimal(steps, accept, size), size)


def same_language(a: DFA, b: DFA) -> bool:
    """Return whether two automata match the same texts before the same symbols."""
    # Minimal automata, numbered breadth-first, are equal exactly when their languages are.
    return a.steps == b.steps and a.accept == b.accept


Alive = tuple[tuple[int, int], ...]


def meeting(
    automata: Sequence[DFA], lead: DFA | None = None, *, together: bool = False
) -> Iterator[tuple[int, Alive]]:
    """Yield the joint states that automata reach together by the same texts, each once.

    Args:
        automata: Read side by side.
        lead: If given, only texts that may still become one of its matches are read.
        together: Whether to leave out texts after which only `lead` is alive.

    Yields:
        The state of `lead` (0 without one), and (which, state) of the automata still alive.
    """
    start: tuple[int, Alive] = (0, tuple((i, 0) for i in range(len(automata))))
    seen: set[tuple[int, Alive]] = {start}
    stack: list[tuple[int, Alive]] = [start]
    while stack:
        now = stack.pop()
        yield now
        at, alive = now
        following: dict[int, list[tuple[int, int]]] = {}
        for i, s in alive:
            for x, to in automata[i].edges[s]:
                following.setdefault(x, []).append((i, to))
        if lead is None:
            nexts = ((0, tuple(together)) for together in following.values())
        else:
            nexts = (
                (to, tuple(following.get(x, ())))
                for x, to in lead.edges[at]
                if not together or x in following
            )
        for then in nexts:
            if then not in seen:
                seen.add(then)
                stack.append(then)


def pairs(a: DFA, b: DFA) -> Iterator[tuple[int, int]]:
    """Yield the states of two automata that the same texts lead to, each pair once."""
    seen = {(0, 0)}
    stack = [(0, 0)]
    while stack:
        pair = stack.pop()
        yield pair
        s, t = pair
        row = b.steps[t]
        for x, to in a.edges[s]:
            if row[x] != DEAD:
                then = (to, row[x])
                if then not in seen:
                    seen.add(then)
                    stack.append(then)


def minus(a: DFA, b: DFA, *, and_extensions: bool) -> DFA:
    """Return a without b; with `and_extensions`, also without whatever goes on after a b.

    A match of b that depends on the next symbol counts where that symbol comes next.
    """
    index = {(0, 0): 0}
    queue = [(0, 0)]
    steps: list[list[int]] = []
    accept: list[int] = []
    for s, t in queue:
        b_accept = b.accept[t] if t != DEAD else 0
        accept.append(a.accept[s] & ~b_accept)
        row = [DEAD] * a.size
        for x, to in a.edges[s]:
            if and_extensions and b_accept >> x & 1:
                continue
            pair = (to, DEAD if t == DEAD else b.steps[t][x])
            if pair not in index:
                index[pair] = len(queue)
                queue.append(pair)
            row[x] = index[pair]
        steps.append(row)
    return trimmed(steps, accept, a.size)


def either(a: DFA, b: DFA) -> DFA:
    """Return the union."""
    return union([a, b], a.size)


def union(automata: Sequence[DFA], size: int) -> DFA:
    """Return the union of any number of automata: of fixed strings, their trie.

    Args:
        automata: Over one alphabet.
        size: The number of its symbols.
    """
    start: Alive = tuple((i, 0) for i in range(len(automata)))
    index: dict[Alive, int] = {start: 0}
    queue: list[Alive] = [start]
    steps: list[list[int]] = []
    accept: list[int] = []
    for alive in queue:
        accepted = 0
        following: dict[int, list[tuple[int, int]]] = {}
        for i, s in alive:
            accepted |= automata[i].accept[s]
            for x, to in automata[i].edges[s]:
                following.setdefault(x, []).append((i, to))
        row = [DEAD] * size
        for x, together in following.items():
            then = tuple(together)
            if then not in index:
                index[then] = len(queue)
                queue.append(then)
            row[x] = index[then]
        steps.append(row)
        accept.append(accepted)
    return trimmed(steps, accept, size)


def both(a: DFA, b: DFA) -> DFA:
    """Return the intersection."""
    index = {(0, 0): 0}
    queue = [(0, 0)]
    steps: list[list[int]] = []
    for s, t in queue:
        row = [DEAD] * a.size
        for x, to in a.edges[s]:
            pair = (to, b.steps[t][x])
            if pair[1] == DEAD:
                continue
            if pair not in index:
                index[pair] = len(queue)
                queue.append(pair)
            row[x] = index[pair]
        steps.append(row)
    return trimmed(steps, [a.accept[s] & b.accept[t] for s, t in queue], a.size)
