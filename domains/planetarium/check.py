"""Check of the equivalence of problems, against the data set and against brute force.

    python -m domains.planetarium.check --data DIR

It prints how many true problems are found equivalent to themselves written otherwise, how many are
not to themselves with one atom changed, and how often brute force over all states and all
bijections agrees: on the small problems of the data set, on all problems of one and two blocks,
and on random ones. The exit code is 1 if anything is not as it must be.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, combinations_with_replacement, permutations
from pathlib import Path

from domains.planetarium.brute_force import brute_equivalent, goal_states, reachable
from domains.planetarium.data import PlanetariumRow, load
from domains.planetarium.disguise import altered, disguised
from domains.planetarium.equivalence import equivalent, fully_specified, solvable
from domains.planetarium.generate import balls, blocks
from domains.planetarium.judge import true_problem
from domains.planetarium.worlds import WORLDS, world_of
from potentials.pddl import Atom, Problem

SMALL = 5
"""Objects of the problems that brute force is asked about, at most."""


def count_disguised(rng: random.Random, rows: Iterable[PlanetariumRow]) -> tuple[int, int]:
    """Return how many problems are equivalent to themselves written otherwise, and how many not."""
    agreed = [
        equivalent(true, disguised(rng, true, row.placeholder), row.placeholder)
        for row in rows
        for true in [true_problem(row.problem)]
    ]
    return sum(agreed), len(agreed) - sum(agreed)


def count_altered(rng: random.Random, rows: Iterable[PlanetariumRow]) -> tuple[int, int, int]:
    """Return how many problems differ from themselves with an atom changed, do not, and have none.

    The changed problem is also written otherwise, before the two are compared.
    """
    right = wrong = none = 0
    for row in rows:
        true = true_problem(row.problem)
        other = altered(rng, true, row.placeholder)
        if other is None:
            none += 1
        elif equivalent(true, disguised(rng, other, row.placeholder), row.placeholder):
            wrong += 1
        else:
            right += 1
    return right, wrong, none


def compare(pairs: Iterable[tuple[Problem, Problem]]) -> tuple[int, int, int]:
    """Return how many comparisons were made, how many found equivalent, on how many not agreed."""
    made = same = wrong = 0
    for one, other in pairs:
        for placeholder in (False, True):
            verdict = equivalent(one, other, placeholder)
            made, same = made + 1, same + verdict
            wrong += verdict != brute_equivalent(one, other, placeholder)
    return made, same, wrong


def closure_is_right(problem: Problem) -> bool:
    """Return whether rules and brute force agree on what a goal means, and on whether it can be."""
    states = goal_states(problem)
    if not states or not solvable(problem):
        return not states and not solvable(problem)
    return fully_specified(problem) == frozenset.intersection(*states)


def all_of_blocks(count: int) -> list[Problem]:
    """Return all problems of so many blocks: every initial state, every goal."""
    names = [f"b{i + 1}" for i in range(count)]
    atoms = _all_atoms("blocksworld", names)
    start = blocks(random.Random(0), count).init
    return [
        _problem("blocksworld", names, init, goal)
        for init in sorted(reachable("blocksworld", tuple(names), start), key=sorted)
        for goal in chain.from_iterable(combinations(atoms, k) for k in range(len(atoms) + 1))
    ]


def random_problem(rng: random.Random) -> Problem:
    """Return a small problem with a goal of some atoms, often one that says little or too much."""
    if rng.random() < 0.6:
        problem = blocks(rng, rng.randint(1, SMALL))
    else:
        problem = balls(rng, *rng.choice([(1, 1), (1, 2), (2, 1)]))
    names = tuple(problem.objects)
    atoms = _all_atoms(problem.domain, names)
    if rng.random() < 0.7:
        atoms = sorted(
            rng.choice(sorted(reachable(problem.domain, names, problem.init), key=sorted))
        )
    goal = rng.sample(atoms, rng.randint(0, min(len(atoms), 8)))
    return _problem(problem.domain, names, problem.init, goal)


def random_pairs(rng: random.Random, count: int) -> Iterator[tuple[Problem, Problem]]:
    """Yield pairs of small problems: disguised, altered, with another goal, unrelated."""
    for _ in range(count):
        one = random_problem(rng)
        if solvable(one):
            yield one, disguised(rng, one)
            other = altered(rng, one)
            if other is not None:
                yield one, disguised(rng, other)
        two = random_problem(rng)
        yield one, two
        if one.objects == two.objects and one.domain == two.domain:
            yield one, _problem(one.domain, tuple(one.objects), one.init, two.goal)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.planetarium.check")
    root = Path(os.environ.get("SMC_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=root, help="root of the data sets, or a file")
    parser.add_argument("--count", type=int, default=1000, help="problems of the data set")
    parser.add_argument("--random", type=int, default=1000, help="random problems for brute force")
    parser.add_argument("--blocks", type=int, default=2, help="all problems of so many blocks")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)
    rows = [row for row in load(options.data) if row.domain in WORLDS]
    some = rng.sample(rows, min(options.count, len(rows)))
    sizes = sorted(row.objects for row in some)
    print(f"{len(some)} problems of {sizes[0]} to {sizes[-1]} objects")
    clock = _Clock()
    same, lost = count_disguised(rng, some)
    print(f"written otherwise: {same} equivalent, {lost} not {clock}")
    right, wrong, none = count_altered(rng, some)
    print(f"one atom changed: {right} not equivalent, {wrong} equivalent, {none} left out {clock}")
    small = {row.problem: row for row in rows if row.objects <= SMALL}
    pairs = combinations_with_replacement([true_problem(text) for text in small], 2)
    wrongs = [lost, wrong, _told(f"{len(small)} small problems of the data", pairs, clock)]
    for count in range(1, options.blocks + 1):
        exhaustive = all_of_blocks(count)
        bad = sum(not closure_is_right(p) for p in exhaustive)
        print(f"all {len(exhaustive)} problems of {count} blocks: {bad} closures wrong {clock}")
        pairs = combinations_with_replacement([p for p in exhaustive if solvable(p)], 2)
        wrongs += [bad, _told(f"all problems of {count} blocks with a plan", pairs, clock)]
    bad = sum(not closure_is_right(random_problem(rng)) for _ in range(options.random))
    print(f"{options.random} random problems: {bad} closures wrong {clock}")
    wrongs += [bad, _told("random problems", random_pairs(rng, options.random), clock)]
    return int(any(wrongs))


class _Clock:
    """Prints the seconds since it was last printed."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __str__(self) -> str:
        last, self.last = self.last, time.monotonic()
        return f"({self.last - last:.0f} s)"


def _told(what: str, pairs: Iterable[tuple[Problem, Problem]], clock: _Clock) -> int:
    made, same, wrong = compare(pairs)
    print(
        f"brute force, {what}: {made} comparisons, {same} equivalent, {wrong} not agreed {clock}",
        flush=True,
    )
    return wrong


def _all_atoms(domain: str, names: Sequence[str]) -> list[Atom]:
    predicates = WORLDS[domain].domain.predicates
    return [
        Atom(predicate, args)
        for predicate, types in predicates.items()
        for args in permutations(names, len(types))
    ]


def _problem(
    domain: str, names: Sequence[str], init: frozenset[Atom], goal: Iterable[Atom]
) -> Problem:
    problem = Problem("p", domain, dict.fromkeys(names, "object"), init, tuple(goal))
    assert world_of(problem)
    return problem


if __name__ == "__main__":
    sys.exit(main())
