"""The countdown task: join a few numbers, one operation a line, until the target is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from domains.base import Item, checked_weights
from domains.countdown.problems import LEVELS, CountdownProblem
from domains.countdown.splits import Split, problems
from domains.countdown.steps import GOAL, is_right, remaining, split
from potentials.boundaries import lines
from potentials.grammar.regex import Regex
from smc.potential import AnyPotential, Potential

COUNT = 200
NEVER = float("-inf")
FORMAT = r"[0-9]{1,4}[-+*/][0-9]{1,4}=[0-9]{1,6}\n"


@dataclass(frozen=True)
class CountdownItem(Item):
    """A problem.

    Attributes:
        problem: What the prompt states.
    """

    problem: CountdownProblem


class AllowedLines(Potential):
    """Refuses a text with a line that is not allowed, and an end that has not reached the target.

    What the rules say, and no more: a line into a dead end is allowed.

    Args:
        problem: Whose numbers are at hand.
    """

    boundary = lines()

    def __init__(self, problem: CountdownProblem) -> None:
        self._problem = problem

    def prefix(self, text: str) -> float:
        """Return 0 if all whole lines are allowed, else −inf."""
        whole = [line for line in split(text) if line.endswith("\n")]
        return NEVER if remaining(self._problem, whole) is None else 0.0

    def complete(self, text: str) -> float:
        """Return 0 of a solution, else −inf."""
        return 0.0 if is_right(self._problem, text) else NEVER


@dataclass(frozen=True)
class CountdownTask:
    """Countdown with three and four numbers; nothing need be downloaded.

    Args:
        split: The part that the problems are from.
        seed: Of the problems.
        levels: How many numbers, in turn; one that is named twice comes twice as often.
    """

    split: Split = "test"
    seed: int = 0
    levels: tuple[int, ...] = LEVELS

    name = "countdown"
    primary = "correct"
    stop: tuple[str, ...] = ()
    max_tokens = 64
    resample_at = None
    proposal = None

    def items(self, limit: int | None = None, data: Path | None = None) -> list[CountdownItem]:
        """Return `limit` problems (default 200), the levels taking turns.

        Args:
            limit: How many; it never changes those before it.
            data: Not used; problems are generated.

        Raises:
            ValueError: The limit is negative, or there is no such split.
        """
        count = COUNT if limit is None else limit
        if count < 0:
            raise ValueError(f"countdown: limit is {limit}; expected None, 0 or more.")
        chosen = islice(problems(self.split, self.seed, self.levels), count)
        return [
            CountdownItem(f"countdown-{self.split}-{index:04d}", problem.text, problem)
            for index, problem in enumerate(chosen)
        ]

    def cheap(self, item: CountdownItem | None = None) -> list[AnyPotential]:
        """Return the format of whole solutions; the same object for all with as many numbers.

        It allows the goal and no mark of backtracking, so what the model gives to the mark is what
        a particle loses: its doubt is the weight.
        """
        return [_format(LEVELS[-1] if item is None else len(item.problem.numbers))]

    def expensive(self, item: CountdownItem) -> list[AnyPotential]:
        """Return the rules, asked after each line."""
        return [AllowedLines(item.problem)]

    def score(self, item: CountdownItem, text: str) -> dict[str, float]:
        """Return `correct` and `correct_N`, by how many numbers; `allowed`: no line is wrong."""
        right = float(is_right(item.problem, text))
        lines_ = [line for line in split(text) if line.endswith("\n")]
        return {
            "correct": right,
            f"correct_{len(item.problem.numbers)}": right,
            "allowed": float(remaining(item.problem, lines_) is not None),
        }

    def population_scores(
        self, item: CountdownItem, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Return nothing: answers are judged one by one."""
        checked_weights(texts, weights)
        return {}


TASK = CountdownTask()


@lru_cache(maxsize=8)
def _format(numbers: int) -> Regex:
    return Regex(rf"({FORMAT}){{{numbers - 1}}}{GOAL}")
