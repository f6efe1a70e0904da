"""Deterministic automata with one symbol of lookahead: minimisation, products, differences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

DEAD = -1


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

    @property
    def all_next(self) -> int:
        """The mask of every symbol and the end."""
        return (2 << self.size) - 1

    @cached_property
    def first(self) -> int:
        """The mask of the symbols that a match can start with."""
        return self.live_next(0) if self.steps else 0

    @cached_property
    def _live_masks(self) -> tuple[int, ...]:
        return tuple(sum(1 << x for x, to in enumerate(row) if to != DEAD) for row in self.steps)

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
    count = len(steps)
    back: list[list[int]] = [[] for _ in range(count)]
    for s, row in enumerate(steps):
        for to in set(row):
            if to != DEAD:
                back[to].append(s)
    alive = {s for s in range(count) if accept[s]}
    stack = list(alive)
    while stack:
        for s in back[stack.pop()]:
            if s not in alive:
                alive.add(s)
                stack.append(s)
    if 0 not in alive:
        return DFA(((DEAD,) * size,), (0,), size)
    rows = [[to if to in alive else DEAD for to in row] for row in steps]
    names: dict[object, int] = {}
    block = [names.setdefault(accept[s], len(names)) if s in alive else DEAD for s in range(count)]
    while True:
        names = {}
        refined = [
            names.setdefault(
                (block[s], tuple(block[t] if t != DEAD else DEAD for t in rows[s])), len(names)
            )
            if s in alive
            else DEAD
            for s in range(count)
        ]
        if len(set(refined)) == len(set(block)):
            break
        block = refined
    order: dict[int, int] = {}
    queue = [0]
    order[block[0]] = 0
    representative = [0]
    while queue:
        s = queue.pop(0)
        for to in rows[s]:
            if to != DEAD and block[to] not in order:
                order[block[to]] = len(representative)
                representative.append(to)
                queue.append(to)
    return DFA(
        tuple(
            tuple(DEAD if to == DEAD else order[block[to]] for to in rows[s])
            for s in representative
        ),
        tuple(accept[s] for s in representative),
        size,
    )


def same_language(a: DFA, b: DFA) -> bool:
    """Return whether two automata match the same texts before the same symbols."""
    # Minimal automata, numbered breadth-first, are equal exactly when their languages are.
    return a.steps == b.steps and a.accept == b.accept


def product(a: DFA, b: DFA) -> list[tuple[int, int]]:
    """Return the reachable pairs of states; `DEAD` stays on a side that has died."""
    seen = {(0, 0)}
    stack = [(0, 0)]
    while stack:
        s, t = stack.pop()
        for x in range(a.size):
            pair = (
                DEAD if s == DEAD else a.steps[s][x],
                DEAD if t == DEAD else b.steps[t][x],
            )
            if pair != (DEAD, DEAD) and pair not in seen:
                seen.add(pair)
                stack.append(pair)
    return sorted(seen)


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
        row: list[int] = []
        for x in range(a.size):
            to = a.steps[s][x]
            cut = and_extensions and b_accept >> x & 1
            if to == DEAD or cut:
                row.append(DEAD)
                continue
            pair = (to, DEAD if t == DEAD else b.steps[t][x])
            if pair not in index:
                index[pair] = len(queue)
                queue.append(pair)
            row.append(index[pair])
        steps.append(row)
    return trimmed(steps, accept, a.size)


def either(a: DFA, b: DFA) -> DFA:
    """Return the union."""
    pairs = product(a, b)
    pairs.remove((0, 0))
    pairs.insert(0, (0, 0))
    index = {pair: i for i, pair in enumerate(pairs)}
    steps = [
        [
            index.get(
                (DEAD if s == DEAD else a.steps[s][x], DEAD if t == DEAD else b.steps[t][x]), DEAD
            )
            for x in range(a.size)
        ]
        for s, t in pairs
    ]
    accept = [
        (a.accept[s] if s != DEAD else 0) | (b.accept[t] if t != DEAD else 0) for s, t in pairs
    ]
    return trimmed(steps, accept, a.size)


def both(a: DFA, b: DFA) -> DFA:
    """Return the intersection."""
    pairs = [p for p in product(a, b) if DEAD not in p and p != (0, 0)]
    pairs.insert(0, (0, 0))
    index = {pair: i for i, pair in enumerate(pairs)}
    steps = [
        [index.get((a.steps[s][x], b.steps[t][x]), DEAD) for x in range(a.size)] for s, t in pairs
    ]
    return trimmed(steps, [a.accept[s] & b.accept[t] for s, t in pairs], a.size)
