"""Exact solver: which targets some numbers can still reach, and by which operations."""

from __future__ import annotations

from functools import lru_cache

from domains.countdown.problems import CountdownProblem, Operation, operations


@lru_cache(maxsize=200_000)
def reachable(numbers: tuple[int, ...]) -> frozenset[int]:
    """Return every value that can be left when all of the numbers have been joined.

    Args:
        numbers: In ascending order.
    """
    if len(numbers) == 1:
        return frozenset(numbers)
    return frozenset().union(*(reachable(rest) for rest in operations(numbers).values()))


def solve(problem: CountdownProblem) -> tuple[Operation, ...] | None:
    """Return operations that reach the target, the first in order; None where none do."""
    numbers, path = problem.numbers, []
    if problem.target not in reachable(numbers):
        return None
    while len(numbers) > 1:
        operation, numbers = next(
            (o, rest)
            for o, rest in operations(numbers).items()
            if problem.target in reachable(rest)
        )
        path.append(operation)
    return tuple(path)
