"""Minimisation of deterministic automata by Hopcroft's algorithm, for partial transitions."""

from __future__ import annotations

from collections.abc import Sequence

DEAD = -1


def minimal(
    steps: Sequence[Sequence[int]], accept: Sequence[int], size: int
) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Return the transitions and acceptance of the minimal automaton, numbered breadth-first.

    Args:
        steps: For each state, the next state by symbol; `DEAD` is none. State 0 is the start.
        accept: For each state what it accepts; 0 for nothing.
        size: The number of symbols.
    """
    back: list[list[tuple[int, int]]] = [[] for _ in steps]
    for s, row in enumerate(steps):
        for x, to in enumerate(row):
            if to != DEAD:
                back[to].append((x, s))
    alive = _alive(back, accept)
    if not alive[0]:
        return ((DEAD,) * size,), (0,)
    block = _blocks(back, accept, alive)
    order = {block[0]: 0}
    representatives = [0]
    for s in representatives:
        for to in steps[s]:
            if to != DEAD and alive[to] and block[to] not in order:
                order[block[to]] = len(representatives)
                representatives.append(to)
    return (
        tuple(
            tuple(DEAD if to == DEAD or not alive[to] else order[block[to]] for to in steps[s])
            for s in representatives
        ),
        tuple(accept[s] for s in representatives),
    )


def _alive(back: Sequence[Sequence[tuple[int, int]]], accept: Sequence[int]) -> list[bool]:
    """Return for each state whether it leads to a match."""
    alive = [bool(a) for a in accept]
    stack = [s for s, a in enumerate(accept) if a]
    while stack:
        for _x, s in back[stack.pop()]:
            if not alive[s]:
                alive[s] = True
                stack.append(s)
    return alive


def _blocks(
    back: Sequence[Sequence[tuple[int, int]]], accept: Sequence[int], alive: Sequence[bool]
) -> list[int]:
    """Return for each living state the number of its block of equal ones."""
    numbers: dict[int, int] = {}
    block = [
        numbers.setdefault(a, len(numbers)) if ok else DEAD
        for a, ok in zip(accept, alive, strict=True)
    ]
    members: list[set[int]] = [set() for _ in numbers]
    for s, b in enumerate(block):
        if b != DEAD:
            members[b].add(s)
    waiting = set(range(len(members)))
    while waiting:
        before: dict[int, list[int]] = {}
        for to in members[waiting.pop()]:
            for x, s in back[to]:
                if alive[s]:
                    before.setdefault(x, []).append(s)
        # States before one block are told apart from all others by this symbol.
        for sources in before.values():
            touched: dict[int, set[int]] = {}
            for s in sources:
                touched.setdefault(block[s], set()).add(s)
            for b, part in touched.items():
                if len(part) == len(members[b]):
                    continue
                new = len(members)
                members[b] -= part
                members.append(part)
                for s in part:
                    block[s] = new
                if b in waiting or len(part) <= len(members[b]):
                    waiting.add(new)
                else:
                    waiting.add(b)
    return block
