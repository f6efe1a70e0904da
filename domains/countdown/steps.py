"""Solutions: how they are written, and the exact check of one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from domains.countdown.problems import CountdownProblem, Operation, apply, parse

MARK = "\n"
"""Ends every operation."""
BACKTRACK = "<backtrack>"
"""Ends a text whose last operation was a mistake."""
GOAL = "Goal Reached!"
"""Ends a text that has reached the target."""

_LINE = re.compile(r"(\d{1,9})([-+*/])(\d{1,9})=(\d{1,18})\n?", re.ASCII)


def write(path: Sequence[Operation]) -> str:
    """Return the operations as text, each with its newline."""
    return "".join(f"{operation}{MARK}" for operation in path)


def read_line(text: str) -> Operation | None:
    """Return the operation that a line states, or None where it states none."""
    match = _LINE.fullmatch(text)
    if match is None:
        return None
    left, sign, right, result = match.groups()
    return Operation(int(left), sign, int(right), int(result))


def split(text: str) -> tuple[str, ...]:
    """Return the lines of a text, each with its newline; the text is their concatenation."""
    return tuple(re.findall(r"[^\n]*\n|[^\n]+", text))


def remaining(problem: CountdownProblem, lines: Sequence[str]) -> tuple[int, ...] | None:
    """Return what is at hand after some lines, sorted; None where one of them is not allowed.

    A line is allowed if both operands are at hand, two of them where they are equal, and its
    result is right, a positive whole number. The operands are used up, one of each, and the result
    is at hand.
    """
    at_hand = list(problem.numbers)
    for line in lines:
        operation = read_line(line)
        if operation is None:
            return None
        for operand in (operation.left, operation.right):
            if operand not in at_hand:
                return None
            at_hand.remove(operand)
        if apply(operation.sign, operation.left, operation.right) != operation.result:
            return None
        at_hand.append(operation.result)
    return tuple(sorted(at_hand))


def is_right(problem: CountdownProblem, text: str) -> bool:
    """Say whether a text solves a problem: allowed lines, the target left alone, and the goal."""
    lines = split(text)
    if not lines or lines[-1] != GOAL:
        return False
    return remaining(problem, lines[:-1]) == (problem.target,)


@lru_cache(maxsize=4096)
def problem_of(prompt: str) -> CountdownProblem:
    """Return the problem of a prompt, remembered.

    Raises:
        ValueError: The text is not a problem.
    """
    return parse(prompt)
