"""Equivalence by definition: all reachable states, all bijections of the objects.

Slow and simple, to hold `equivalence` against. It knows nothing of the rules in Python: states are
found with the actions of the domain's PDDL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import permutations, product

from domains.planetarium.worlds import WORLDS
from potentials.pddl import Action, Atom, Problem

State = frozenset[Atom]


def brute_equivalent(one: Problem, other: Problem, placeholder: bool = False) -> bool:
    """Return whether a bijection takes initial state and goal states of one to the other's.

    Args:
        one: A problem of few objects: all states are listed, and all bijections tried.
        other: Another.
        placeholder: Initial state and goal states may have a bijection each.
    """
    if one.domain != other.domain or len(one.objects) != len(other.objects):
        return False
    ours, theirs = goal_states(one), goal_states(other)
    if not ours or not theirs or len(ours) != len(theirs):
        return False
    starts = _bijections(one, other, frozenset([one.init]), frozenset([other.init]))
    if placeholder:
        return any(True for _ in starts) and any(
            True for _ in _bijections(one, other, ours, theirs)
        )
    return any(_moved(ours, to) == theirs for to in starts)


def goal_states(problem: Problem) -> frozenset[State]:
    """Return the reachable states in which the goal holds."""
    goal = frozenset(problem.goal)
    states = reachable(problem.domain, tuple(sorted(problem.objects)), problem.init)
    return frozenset(state for state in states if goal <= state)


@lru_cache(maxsize=256)
def reachable(domain: str, objects: tuple[str, ...], init: State) -> frozenset[State]:
    """Return all states that actions lead to."""
    actions = [ground for a in WORLDS[domain].domain.actions for ground in _ground(a, objects)]
    seen, waiting = {init}, [init]
    while waiting:
        state = waiting.pop()
        for needs, adds, deletes in actions:
            if needs <= state and (after := (state - deletes) | adds) not in seen:
                seen.add(after)
                waiting.append(after)
    return frozenset(seen)


def _ground(action: Action, objects: Collection[str]) -> Iterator[tuple[State, State, State]]:
    """Yield what the action needs, adds and deletes, for all objects in place of parameters."""
    assert not (action.forbids or action.equal or action.unequal), "STRIPS"
    for args in product(objects, repeat=len(action.parameters)):
        bound = dict(zip(action.parameters, args, strict=True))
        needs, adds, deletes = (
            frozenset(Atom(a.predicate, tuple(bound[t] for t in a.args)) for a in atoms)
            for atoms in (action.needs, action.adds, action.deletes)
        )
        yield needs, adds, deletes


def _bijections(
    one: Problem, other: Problem, ours: frozenset[State], theirs: frozenset[State]
) -> Iterator[Mapping[str, str]]:
    names = list(one.objects)
    for images in permutations(other.objects):
        to = dict(zip(names, images, strict=True))
        if (
            all(one.objects[n] == other.objects[to[n]] for n in names)
            and _moved(ours, to) == theirs
        ):
            yield to


def _moved(states: frozenset[State], to: Mapping[str, str]) -> frozenset[State]:
    return frozenset(
        frozenset(Atom(a.predicate, tuple(to[arg] for arg in a.args)) for a in state)
        for state in states
    )
