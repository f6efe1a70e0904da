"""Attempts: what each has cost and whether it is right, and the verifier that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.feedback.items import FailedItem, right
from smc.model import Prompt
from smc.steps import Solution

MAX_TOKENS = 128
"""Of a text, whoever writes it."""


@dataclass(frozen=True)
class Attempt:
    """One counted attempt.

    Attributes:
        tokens: Written for it, and read beside the bare problem: lessons, earlier attempts and
            what is said of them.
        right: The verifier's verdict.
    """

    tokens: int
    right: bool


@dataclass
class Verifier:
    """Right or wrong, and nothing else.

    Attributes:
        item: The problem.
        passes: Attempts judged so far.
    """

    item: FailedItem
    passes: int = 0
    tokens: int = 0

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return 1 for each step of a right solution, else 0."""
        self.passes += len(solutions)
        return [(float(right(self.item, "".join(s))),) * len(s) for s in solutions]


def read_of(prompt: Prompt, problem: str) -> int:
    """Return the tokens that a prompt has beside the bare problem; the models read bytes."""
    assert isinstance(prompt, str)
    return len(prompt.encode()) - len(problem.encode())
