"""Solutions: how they are written, whether a step is right, and what the answer is.

A step restates one assignment with the numbers put in and gives its value: ``b=12*3=36``. Steps
are lines; the last one has no newline behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from domains.arithmetic.problems import ArithmeticProblem, apply, parse, value

MARK = "\n"
"""Ends every step but the last."""

_STEP = re.compile(r"([a-z])=(-?\d{1,9})([-+*])(-?\d{1,9})=(-?\d{1,18})\n?", re.ASCII)


@dataclass(frozen=True)
class Step:
    """A step as it is written."""

    name: str
    left: int
    operation: str
    right: int
    result: int

    def __str__(self) -> str:
        return f"{self.name}={self.left}{self.operation}{self.right}={self.result}"


def read_step(text: str) -> Step | None:
    """Return the step that a line states, or None where it states none.

    Numbers are read as Python reads them, so leading zeros are allowed; longer ones than the
    domain could ever need are not.
    """
    match = _STEP.fullmatch(text)
    if match is None:
        return None
    name, left, operation, right, result = match.groups()
    return Step(name, int(left), operation, int(right), int(result))


def solve(problem: ArithmeticProblem) -> tuple[str, ...]:
    """Return the right steps, each but the last with its newline."""
    known = problem.values()
    steps = [
        Step(a.name, value(a.left, known), a.operation, value(a.right, known), known[a.name])
        for a in problem.assignments
    ]
    lines = [f"{step}{MARK}" for step in steps]
    return (*lines[:-1], lines[-1].removesuffix(MARK))


def follows(problem: ArithmeticProblem, steps: Sequence[str]) -> tuple[bool, ...]:
    """Say of each step whether it follows from the problem and the steps before it.

    It does if it states a variable of the problem that no earlier step states, with the operation
    of its assignment, the values that earlier steps gave to its operands, and the right result. So
    a step that builds on a wrong one can follow; see `sound`.
    """
    by_name = {a.name: a for a in problem.assignments}
    stated: dict[str, int] = {}
    following = []
    for text in steps:
        step = read_step(text)
        ok = False
        if step is not None and step.name in by_name and step.name not in stated:
            a = by_name[step.name]
            try:
                wanted = (value(a.left, stated), a.operation, value(a.right, stated))
            except KeyError:
                wanted = None
            ok = wanted == (step.left, step.operation, step.right) and step.result == apply(
                step.operation, step.left, step.right
            )
        if step is not None:
            stated.setdefault(step.name, step.result)
        following.append(ok)
    return tuple(following)


def sound(problem: ArithmeticProblem, steps: Sequence[str]) -> tuple[bool, ...]:
    """Say of each step whether it and all steps before it follow."""
    flags, good = [], True
    for ok in follows(problem, steps):
        good = good and ok
        flags.append(good)
    return tuple(flags)


def split(text: str) -> tuple[str, ...]:
    """Return the lines of a text, each with its newline; the text is their concatenation."""
    return tuple(re.findall(r"[^\n]*\n|[^\n]+", text))


def answer(text: str) -> int | None:
    """Return the result of the last step; None where that line is not a step."""
    lines = [line for line in split(text) if line != MARK]
    step = read_step(lines[-1]) if lines else None
    return None if step is None else step.result


@lru_cache(maxsize=4096)
def problem_of(prompt: str) -> ArithmeticProblem:
    """Return the problem of a prompt, remembered.

    Raises:
        ValueError: The text is not a problem.
    """
    return parse(prompt)
