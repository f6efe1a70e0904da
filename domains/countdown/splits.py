"""Data splits of Countdown: see `domains.splits`."""

from __future__ import annotations

import random
from collections.abc import Iterator

from domains.countdown.problems import LEVELS, CountdownProblem, Operation, generate
from domains.splits import SPLITS, Split, distinct_problems, split_of

__all__ = ["SPLITS", "Split", "draw", "problems", "split_of"]


def draw(
    split: Split, level: int, rng: random.Random
) -> tuple[CountdownProblem, tuple[Operation, ...]]:
    """Return a random problem of a part and the path that made it."""
    while True:
        problem, path = generate(level, rng)
        if split_of(problem) == split:
            return problem, path


def problems(
    split: Split, seed: int = 0, levels: tuple[int, ...] = LEVELS
) -> Iterator[CountdownProblem]:
    """Yield problems of a part without end; see `distinct_problems`."""
    found = distinct_problems("countdown", lambda n, rng: generate(n, rng)[0], split, seed, levels)
    return (problem for _, problem in found)
