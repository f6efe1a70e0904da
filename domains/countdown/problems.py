"""Countdown problems: a few numbers to be joined, each used once, until the target is left.

A problem reads ``3 7 11 15>42`` and a newline. Operations are written larger operand first, and
every value on the way is a positive whole number.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

OPERATIONS = "+-*/"
LARGEST = 15
"""Of the numbers that a problem shows; the smallest is 1."""
TARGETS = range(10, 101)
BOUND = 100
"""No value on the way to a generated target is larger; a solution may go beyond it."""
LEVELS = (3, 4)
"""How many numbers a problem shows."""

_WHOLE = re.compile(r"([1-9]\d{0,5}(?: [1-9]\d{0,5}){1,7})>([1-9]\d{0,8})\n?", re.ASCII)


@dataclass(frozen=True)
class Operation:
    """Two numbers joined: ``left sign right = result``."""

    left: int
    sign: str
    right: int
    result: int

    def __str__(self) -> str:
        return f"{self.left}{self.sign}{self.right}={self.result}"


@dataclass(frozen=True)
class CountdownProblem:
    """Numbers and a target.

    Attributes:
        numbers: In ascending order; each is to be used exactly once.
        target: What must be left.
    """

    numbers: tuple[int, ...]
    target: int

    @property
    def text(self) -> str:
        """The prompt, newline included."""
        return f"{' '.join(map(str, self.numbers))}>{self.target}\n"


def apply(sign: str, left: int, right: int) -> int | None:
    """Return the result of an operation; None where it is no positive whole number.

    Raises:
        ValueError: The sign is not one of `OPERATIONS`.
    """
    if sign not in OPERATIONS or len(sign) != 1:
        raise ValueError(f"countdown: operation {sign!r}; expected one of {OPERATIONS!r}.")
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right if left > right else None
    if sign == "*":
        return left * right
    return left // right if right and left % right == 0 and left else None


def operations(numbers: tuple[int, ...]) -> dict[Operation, tuple[int, ...]]:
    """Return every operation on two of some numbers, with what is left after it, sorted."""
    found: dict[Operation, tuple[int, ...]] = {}
    for i, small in enumerate(numbers):
        for j in range(i + 1, len(numbers)):
            right, left = sorted((small, numbers[j]))
            rest = numbers[:i] + numbers[i + 1 : j] + numbers[j + 1 :]
            for sign in OPERATIONS:
                result = apply(sign, left, right)
                if result is not None:
                    found[Operation(left, sign, right, result)] = tuple(sorted((*rest, result)))
    return found


def parse(text: str) -> CountdownProblem:
    """Return the problem that a prompt states.

    Raises:
        ValueError: It states none.
    """
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"countdown: {text[:80]!r} is not a problem; expected 2 to 8 positive numbers and a "
            "target, such as '3 7 11 15>42' and a newline."
        )
    return CountdownProblem(tuple(sorted(map(int, match[1].split()))), int(match[2]))


def generate(level: int, rng: random.Random) -> tuple[CountdownProblem, tuple[Operation, ...]]:
    """Return a random problem that can be solved, and the path of operations that made it.

    Numbers are drawn, and joined by random operations; what is left at the end is the target. On
    such a path no number is multiplied or divided by 1.

    Raises:
        ValueError: There is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"countdown: level {level}; expected one of {sorted(LEVELS)}.")
    while True:
        numbers = tuple(sorted(rng.randint(1, LARGEST) for _ in range(level)))
        path = _random_path(numbers, rng)
        if path and path[-1].result in TARGETS:
            return CountdownProblem(numbers, path[-1].result), path


def sensible(numbers: tuple[int, ...]) -> Mapping[Operation, tuple[int, ...]]:
    """Return the operations that a generated path may have."""
    return {
        o: rest
        for o, rest in operations(numbers).items()
        if o.result <= BOUND and not (o.sign in "*/" and o.right == 1)
    }


def _random_path(numbers: tuple[int, ...], rng: random.Random) -> tuple[Operation, ...]:
    """Joined until one number is left; () where nothing sensible can be done."""
    path: list[Operation] = []
    while len(numbers) > 1:
        choices = list(sensible(numbers).items())
        if not choices:
            return ()
        operation, numbers = rng.choice(choices)
        path.append(operation)
    return tuple(path)
