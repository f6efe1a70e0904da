"""Arithmetic problems: chains of assignments to be worked out one operation a step.

A problem reads ``a=7+5;b=a*3;c=4+9;d=b-c;d?`` and a newline. Every variable but the last is used
exactly once, so that no step can be skipped and a wrong one seldom leaves the answer right.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase

OPERATIONS = "+-*"
_ASSIGNMENT = re.compile(r"([a-z])=([a-z]|\d+)([-+*])([a-z]|\d+)")
_WHOLE = re.compile(r"((?:[a-z]=(?:[a-z]|\d{1,6})[-+*](?:[a-z]|\d{1,6});)+)([a-z])\?\n?")
_LONGEST = 26 * 20


@dataclass(frozen=True)
class Level:
    """What a difficulty means.

    Attributes:
        steps: Operations.
        literal: The largest number that the problem shows; the smallest is 1.
        bound: No value on the way is larger in size.
    """

    steps: int
    literal: int
    bound: int


LEVELS: Mapping[int, Level] = {
    1: Level(steps=2, literal=9, bound=30),
    2: Level(steps=3, literal=9, bound=50),
    3: Level(steps=4, literal=12, bound=75),
    4: Level(steps=6, literal=15, bound=99),
    5: Level(steps=8, literal=20, bound=150),
}


@dataclass(frozen=True)
class Assignment:
    """One operation: ``name=left operation right``, where an operand is a variable or a number."""

    name: str
    left: str
    operation: str
    right: str

    def __str__(self) -> str:
        return f"{self.name}={self.left}{self.operation}{self.right}"


@dataclass(frozen=True)
class ArithmeticProblem:
    """A chain of assignments; the last one's variable is asked for.

    Attributes:
        assignments: In the order of the text; each uses variables that come before it.
        asked: The variable whose value is the answer.
    """

    assignments: tuple[Assignment, ...]
    asked: str

    @property
    def text(self) -> str:
        """The prompt, newline included."""
        return "".join(f"{a};" for a in self.assignments) + f"{self.asked}?\n"

    def values(self) -> dict[str, int]:
        """Return the value of every variable."""
        known: dict[str, int] = {}
        for a in self.assignments:
            known[a.name] = apply(a.operation, value(a.left, known), value(a.right, known))
        return known

    @property
    def answer(self) -> int:
        """The value of the variable that is asked for."""
        return self.values()[self.asked]


def apply(operation: str, left: int, right: int) -> int:
    """Return the result of one operation.

    Raises:
        ValueError: The operation is not one of `OPERATIONS`.
    """
    if operation == "+":
        return left + right
    if operation == "-":
        return left - right
    if operation == "*":
        return left * right
    raise ValueError(f"arithmetic: operation {operation!r}; expected one of {OPERATIONS!r}.")


def value(operand: str, known: Mapping[str, int]) -> int:
    """Return what an operand stands for: a number, or a variable among `known`.

    Raises:
        KeyError: The variable is not known.
    """
    return int(operand) if operand.isdigit() else known[operand]


def parse(text: str) -> ArithmeticProblem:
    """Return the problem that a prompt states.

    Raises:
        ValueError: The text is not a problem, or uses a variable that it has not defined.
    """
    match = _WHOLE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(
            f"arithmetic: {text[:80]!r} is not a problem; expected assignments and a question, "
            "such as 'a=7+5;b=a*3;b?' and a newline."
        )
    assignments = tuple(Assignment(*parts) for parts in _ASSIGNMENT.findall(match[1]))
    known: set[str] = set()
    for a in assignments:
        unknown = [x for x in (a.left, a.right) if x.isalpha() and x not in known]
        if unknown or a.name in known:
            raise ValueError(
                f"arithmetic: in {text[:80]!r} the assignment {a} "
                + (f"uses {unknown[0]!r} before it is defined" if unknown else "is a second one")
                + "; expected each variable once, and defined before it is used."
            )
        known.add(a.name)
    if match[2] not in known:
        raise ValueError(
            f"arithmetic: {text[:80]!r} asks for {match[2]!r}, which it never defines."
        )
    return ArithmeticProblem(assignments, match[2])


def generate(level: int, rng: random.Random) -> ArithmeticProblem:
    """Return a random problem of a level.

    Raises:
        ValueError: There is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"arithmetic: level {level}; expected one of {sorted(LEVELS)}.")
    return random_problem(LEVELS[level], rng)


def random_problem(level: Level, rng: random.Random) -> ArithmeticProblem:
    """Return a random problem of a difficulty, which need be none of `LEVELS`."""
    problem = None
    while problem is None:
        problem = _attempt(level, rng)
    return problem


def _attempt(level: Level, rng: random.Random) -> ArithmeticProblem | None:
    """A random tree of operations; None where a value grows out of bounds."""
    waiting: list[str] = []  # variables not used yet; one is left over at the end
    known: dict[str, int] = {}
    assignments: list[Assignment] = []
    for k in range(level.steps):
        left_to_go = level.steps - k  # this step included; each can join two into one
        choices = [kind for kind in (0, 1, 1, 2) if kind <= len(waiting)]
        choices = [kind for kind in choices if len(waiting) + 1 - kind <= left_to_go]
        used = [waiting.pop(rng.randrange(len(waiting))) for _ in range(rng.choice(choices))]
        operation = rng.choice(OPERATIONS)
        operands = used + [_literal(operation, used, level, rng) for _ in range(2 - len(used))]
        rng.shuffle(operands)
        name = ascii_lowercase[k]
        known[name] = apply(operation, *(value(x, known) for x in operands))
        if abs(known[name]) > level.bound:
            return None
        assignments.append(Assignment(name, operands[0], operation, operands[1]))
        waiting.append(name)
    return ArithmeticProblem(tuple(assignments), assignments[-1].name)


def _literal(operation: str, used: list[str], level: Level, rng: random.Random) -> str:
    """A number; a factor beside a variable has one digit, or most products would be too large."""
    return str(rng.randint(1, min(9, level.literal) if operation == "*" else level.literal))
