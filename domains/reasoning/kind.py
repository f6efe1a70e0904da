"""A kind of puzzle: how its questions are made, solved and judged.

A question is one line. A solution is lines of steps and, last, ``answer: …``. A checker sees the
question and the answer alone; whether steps are the beginning of a right solution is asked by the
oracle, and by who makes examples to learn from.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

ANSWER = "answer: "
"""Opens the last line of a solution."""


@dataclass(frozen=True)
class Solution:
    """A right solution.

    Attributes:
        steps: Lines, without newlines.
        answer: What the last line says.
    """

    steps: tuple[str, ...]
    answer: str

    @property
    def lines(self) -> tuple[str, ...]:
        """Steps and answer."""
        return (*self.steps, f"{ANSWER}{self.answer}")


class Kind(ABC):
    """A kind of puzzle.

    Attributes:
        name: In prompts and tables.
        rules: What is asked, and how the answer is written, for who has not seen the kind before.
    """

    name: str
    rules: str

    @abstractmethod
    def generate(self, rng: random.Random) -> str:
        """Return a random question that can be answered."""

    @abstractmethod
    def solve(self, question: str) -> Solution:
        """Return a right solution, found from the question alone.

        Raises:
            ValueError: The question is none of this kind, or has no answer.
        """

    def is_right(self, question: str, answer: str) -> bool:
        """Return whether an answer is right; here the only one is that of the solver."""
        return answer == self.solve(question).answer

    def follows(self, question: str, steps: Sequence[str]) -> bool:
        """Return whether some right solution begins with these steps; here there is only one."""
        return tuple(steps) == self.solve(question).steps[: len(steps)]

    def moves(self, question: str, steps: Sequence[str]) -> list[str]:
        """Return the next steps that the rules allow, right or not; [] where nothing is to choose.

        Args:
            question: Of the kind.
            steps: That follow.
        """
        return []

    def statements(self, question: str) -> tuple[str, ...]:
        """Return what an associative memory of the question holds: its parts."""
        return tuple(question.split("; "))

    def unreadable(self, question: str) -> ValueError:
        """Return the error of a question that is none of this kind."""
        return ValueError(f"{self.name}: {question[:80]!r} is no question of this kind.")
