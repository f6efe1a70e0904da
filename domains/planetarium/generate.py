"""Random planning problems, to train on and to test with: none is taken from a data set."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from potentials.pddl import Atom, Problem

SHUFFLED = 0.1
"""Share of goals whose atoms stand in no order."""

PARTIAL = 0.15
"""Share of goals that leave something unsaid."""

HOLDING = 0.15
"""Share of states in which a block is held."""

_SHAPES = ("table", "towers", "stack", "pile", "mixed", "rooms", "even", "some", "any")


def blocks(rng: random.Random, count: int) -> Problem:
    """Return a blocksworld problem of so many blocks, `b1` and on, in random towers."""
    names = [f"b{i + 1}" for i in range(count)]
    init = _blocks_state(rng, names)
    goal = _blocks_state(rng, names)
    return _problem(rng, "blocksworld", names, init, goal)


def balls(rng: random.Random, rooms: int, count: int) -> Problem:
    """Return a gripper problem of so many rooms and balls, with two grippers."""
    room_names = [f"room{i + 1}" for i in range(rooms)]
    ball_names = [f"ball{i + 1}" for i in range(count)]
    grippers = ["gripper1", "gripper2"]
    kinds = [
        Atom(kind, (name,))
        for kind, names in (("ball", ball_names), ("gripper", grippers), ("room", room_names))
        for name in names
    ]
    free = [Atom("free", (g,)) for g in grippers]
    init = [Atom("at", (b, rng.choice(room_names))) for b in ball_names]
    goal = free + [Atom("at", (b, rng.choice(room_names))) for b in ball_names]
    robby = Atom("at-robby", (rng.choice(room_names),))
    names = [*ball_names, *grippers, *room_names]
    return _problem(rng, "gripper", names, [*init, *free, *kinds, robby], goal)


def problem_text(problem: Problem) -> str:
    """Return a problem of untyped objects in PDDL, a section a line; its initial atoms sorted."""
    init = " ".join(sorted(map(str, problem.init)))
    goal = " ".join(map(str, problem.goal))
    return (
        f"(define (problem {problem.name})\n"
        f"    (:domain {problem.domain})\n"
        "    (:requirements :strips)\n"
        f"    (:objects {' '.join(problem.objects)})\n"
        f"    (:init {init})\n"
        f"    (:goal (and {goal}))\n"
        ")"
    )


def _blocks_state(rng: random.Random, names: Sequence[str]) -> list[Atom]:
    """Return the atoms of a random state, tower by tower, each from above or from below."""
    order = rng.sample(names, len(names))
    atoms = [Atom("arm-empty")]
    if rng.random() < HOLDING:
        atoms = [Atom("holding", (order.pop(),))]
    downwards = rng.random() < 0.5
    breaks = rng.random() ** 2
    tower: list[str] = []
    for name in order:
        if tower and rng.random() < breaks:
            atoms += _tower(tower, downwards)
            tower = []
        tower.append(name)
    return atoms + _tower(tower, downwards)


def _tower(tower: Sequence[str], downwards: bool) -> list[Atom]:
    """Return the atoms of a tower, its lowest block first in `tower`."""
    if not tower:
        return []
    atoms = [Atom("on-table", (tower[0],))]
    atoms += [Atom("on", (upper, lower)) for lower, upper in pairwise(tower)]
    atoms.append(Atom("clear", (tower[-1],)))
    return atoms[::-1] if downwards else atoms


def _problem(
    rng: random.Random,
    domain: str,
    names: Sequence[str],
    init: Sequence[Atom],
    goal: Sequence[Atom],
) -> Problem:
    goal = list(goal)
    if rng.random() < PARTIAL:
        kept = rng.randint(1, len(goal))
        goal = [goal[i] for i in sorted(rng.sample(range(len(goal)), kept))]
    if rng.random() < SHUFFLED:
        rng.shuffle(goal)
    title = f"{rng.choice(_SHAPES)}_to_{rng.choice(_SHAPES)}_{len(names)}"
    return Problem(title, domain, dict.fromkeys(names, "object"), frozenset(init), tuple(goal))
