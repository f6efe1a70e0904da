"""Training and held-out problems of the planning model.

They fall into classes of equivalent problems. A class of a benchmark problem is in neither part,
and one class in sixteen, told by its fingerprint, is held out.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from domains.planetarium.data import choose, load
from domains.planetarium.describe import describe
from domains.planetarium.equivalence import problem_fingerprint
from domains.planetarium.generate import balls, blocks, problem_text
from domains.planetarium.prompt import OPENING, goal_prompt, opening
from domains.planetarium.worlds import WORLDS
from potentials.pddl import Problem, parse_problem

BLOCKS = (2, 10)
"""Fewest and most blocks of a problem."""

ROOMS = (1, 3)
BALLS = (1, 6)

GRIPPER_SHARE = 0.1
HELD_OUT = 16
"""Of 256 classes so many are held out."""


@dataclass(frozen=True)
class Example:
    """A problem as the model sees it.

    Attributes:
        problem: With the goal that is asked for.
        prompt: As in the benchmark.
        answer: With the parentheses that close the problem, so that it ends in `)))`.
    """

    problem: Problem
    prompt: str
    answer: str


def benchmark_classes(data: Path) -> frozenset[bytes]:
    """Return the fingerprints of all problems that the benchmark may ask for.

    Args:
        data: Root of the data sets.
    """
    rows = choose(load(data), domains=WORLDS, abstract=True)
    parsed = (parse_problem(row.problem, WORLDS[row.domain].domain) for row in rows)
    return frozenset(problem_fingerprint(problem) for problem in parsed)


def examples(
    rng: random.Random,
    excluded: Collection[bytes],
    held_out: bool = False,
    most_blocks: int = BLOCKS[1],
) -> Iterator[Example]:
    """Yield examples without end.

    Args:
        rng: Of the problems and their descriptions.
        excluded: Fingerprints of problems that are left out.
        held_out: Yield those of the held-out classes, instead of the others.
        most_blocks: Of a problem.
    """
    while True:
        if rng.random() < GRIPPER_SHARE:
            problem = balls(rng, rng.randint(*ROOMS), rng.randint(*BALLS))
        else:
            problem = blocks(rng, rng.randint(BLOCKS[0], most_blocks))
        fingerprint = problem_fingerprint(problem)
        if fingerprint not in excluded and (fingerprint[0] < HELD_OUT) == held_out:
            yield example(problem, describe(rng, problem))


def example(problem: Problem, description: str) -> Example:
    """Return a problem as the model sees it."""
    text = problem_text(problem)
    head = opening(text)
    assert head.endswith(OPENING)
    goal = "".join(f" {atom}" for atom in problem.goal)
    return Example(problem, goal_prompt(description, text), goal + "))")
