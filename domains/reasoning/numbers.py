"""Puzzles of numbers: chained arithmetic, linear equations with a choice, and the game of 24."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from domains.arithmetic import problems
from domains.arithmetic import steps as written
from domains.countdown.problems import CountdownProblem, Operation, operations
from domains.countdown.solver import reachable, solve
from domains.countdown.steps import remaining
from domains.reasoning.kind import Kind, Solution

_LEVELS = (2, 3)
_EQUATION = re.compile(
    r"(\d+)\*x([+-]\d+)=(?:(\d+)\*x([+-]\d+)|(\d+)); a\) (\d+) b\) (\d+) c\) (\d+) d\) (\d+)"
)
_LETTERS = "abcd"
_24 = re.compile(r"(\d+) (\d+) (\d+) (\d+) make 24")
_LEFT = re.compile(r"(\S+) left ((?:\d+ )*\d+)")


class Arithmetic(Kind):
    """Chains of assignments, worked out one a line: those of `domains.arithmetic`."""

    name = "arithmetic"
    rules = (
        "Variables are assigned one after the other. Work out the value of the last one. Write one "
        "assignment with numbers and its result a line. The answer is a whole number."
    )

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        return problems.generate(rng.choice(_LEVELS), rng).text.removesuffix("\n")

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        problem = problems.parse(question)
        lines = tuple(line.removesuffix("\n") for line in written.solve(problem))
        return Solution(lines, str(problem.answer))

    def follows(self, question: str, steps: Sequence[str]) -> bool:
        """See `Kind.follows`; the order is free."""
        return all(written.sound(problems.parse(question), steps))

    def statements(self, question: str) -> tuple[str, ...]:
        """Return the assignments."""
        return tuple(question.split(";")[:-1])


class Equation(Kind):
    """Linear equations whose root is one of four choices."""

    name = "equation"
    rules = "Solve for x, and choose. The answer is the letter of the choice: a, b, c or d."

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        root, factor, shift = rng.randint(1, 12), rng.randint(2, 9), rng.randint(1, 20)
        shift *= rng.choice((1, -1))
        right = f"{factor * root + shift}"
        if factor * root + shift < 0 or (factor > 2 and rng.random() < 0.5):
            other = rng.randint(1, max(1, factor - 2))
            rest = (factor - other) * root + shift
            right = f"{other}*x{rest:+d}"
        near = [root + d for d in (-3, -2, -1, 1, 2, 3) if root + d > 0]
        choices = [*rng.sample(near, 3), root]
        rng.shuffle(choices)
        told = " ".join(f"{c}) {n}" for c, n in zip(_LETTERS, choices, strict=True))
        return f"{factor}*x{shift:+d}={right}; {told}"

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        match = _EQUATION.fullmatch(question)
        if match is None:
            raise self.unreadable(question)
        factor, shift, other, rest, right, *choices = (int(g) if g else 0 for g in match.groups())
        left, value = factor - other, rest + right - shift
        if left <= 0 or value % left or choices.count(value // left) != 1:
            raise self.unreadable(question)
        root = value // left
        lines = (f"{left}*x={value}", f"x={root}")
        return Solution(lines[left == 1 :], _LETTERS[choices.index(root)])


class Game24(Kind):
    """Four numbers, each used once, to be joined to 24; every value on the way is positive."""

    name = "game24"
    rules = (
        "Join the four numbers by + - * /, each used once, until 24 is left. Every result is a "
        "positive whole number, and the larger operand comes first. Write one operation a line, "
        "with the numbers left after it, such as: 8-6=2 left 1 2 4. The answer is the operations "
        "in order, separated by a comma and a space."
    )

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        while True:
            numbers = tuple(sorted(rng.randint(1, 13) for _ in range(4)))
            if 24 in reachable(numbers):
                return f"{' '.join(map(str, numbers))} make 24"

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        problem = self._problem(question)
        path = solve(problem)
        if path is None:
            raise self.unreadable(question)
        done = [str(o) for o in path]
        lines = [self._line(problem, done[: k + 1]) for k in range(len(done))]
        return Solution(tuple(lines), ", ".join(done))

    def is_right(self, question: str, answer: str) -> bool:
        """See `Kind.is_right`."""
        return self._left(self._problem(question), answer.split(", ")) == (24,)

    def follows(self, question: str, steps: Sequence[str]) -> bool:
        """See `Kind.follows`."""
        problem = self._problem(question)
        done: list[str] = []
        for step in steps:
            match = _LEFT.fullmatch(step)
            if match is None:
                return False
            done.append(match[1])
            if self._left(problem, done) is None or self._line(problem, done) != step:
                return False
        left = self._left(problem, done)
        return left is not None and 24 in reachable(left)

    def moves(self, question: str, steps: Sequence[str]) -> list[str]:
        """See `Kind.moves`."""
        problem = self._problem(question)
        done = [step.split(" ")[0] for step in steps]
        left = self._left(problem, done)
        if left is None or len(left) < 2:
            return []
        return [self._line(problem, [*done, str(o)]) for o in operations(left)]

    def statements(self, question: str) -> tuple[str, ...]:
        """Return ways to make 24 of two numbers: knowledge of the game, the same for all."""
        products = [f"{24 // n}*{n}=24" for n in (1, 2, 3, 4)]
        return (*products, *(f"{24 - n}+{n}=24" for n in range(1, 13)))

    def _problem(self, question: str) -> CountdownProblem:
        match = _24.fullmatch(question)
        if match is None:
            raise self.unreadable(question)
        return CountdownProblem(tuple(sorted(map(int, match.groups()))), 24)

    @staticmethod
    def _left(problem: CountdownProblem, done: Sequence[str]) -> tuple[int, ...] | None:
        """What is left after operations, written as the domain writes them; None: not allowed."""
        left = problem.numbers
        for text in done:
            allowed: dict[str, Operation] = {str(o): o for o in operations(left)}
            if text not in allowed:
                return None
            left = operations(left)[allowed[text]]
        return left

    def _line(self, problem: CountdownProblem, done: Sequence[str]) -> str:
        left = remaining(problem, list(done))
        assert left is not None
        return f"{done[-1]} left {' '.join(map(str, left))}"
