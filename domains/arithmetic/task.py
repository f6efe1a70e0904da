"""The arithmetic task: work out a chain of assignments, one operation a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from domains.arithmetic.problems import LEVELS, ArithmeticProblem
from domains.arithmetic.splits import Split, problems
from domains.arithmetic.steps import MARK, answer, sound, split
from domains.base import Item, checked_weights
from potentials.grammar.regex import Regex
from potentials.reward_model import Telescoping, load_reward_model
from smc.potential import AnyPotential

if TYPE_CHECKING:
    from potentials.reward_model import RewardModel

COUNT = 200
PRM = Path(__file__).parent / "prm"
"""The embedded process reward model, in the format of Math-Shepherd."""

FORMAT = r"[a-z]=-?[0-9]{1,4}[-+*]-?[0-9]{1,4}=-?[0-9]{1,6}"


@dataclass(frozen=True)
class ArithmeticItem(Item):
    """A problem of a level.

    Attributes:
        level: 1, easy, to 5.
        problem: What the prompt states.
    """

    level: int
    problem: ArithmeticProblem


@dataclass(frozen=True)
class ArithmeticTask:
    """Chained integer arithmetic; nothing need be downloaded.

    Args:
        split: The part that the problems are from.
        seed: Of the problems.
        levels: Of the problems, in turn; a level that is named twice comes twice as often.
    """

    split: Split = "test"
    seed: int = 0
    levels: tuple[int, ...] = tuple(LEVELS)

    name = "arithmetic"
    primary = "correct"
    stop: tuple[str, ...] = ()
    max_tokens = 128
    resample_at = None
    proposal = None

    def items(self, limit: int | None = None, data: Path | None = None) -> list[ArithmeticItem]:
        """Return `limit` problems (default 200), the levels taking turns.

        Args:
            limit: How many; it never changes those before it.
            data: Not used; problems are generated.

        Raises:
            ValueError: The limit is negative, or there is no such split.
        """
        count = COUNT if limit is None else limit
        if count < 0:
            raise ValueError(f"arithmetic: limit is {limit}; expected None, 0 or more.")
        chosen = islice(problems(self.split, self.seed, self.levels), count)
        return [
            ArithmeticItem(f"arithmetic-{self.split}-{index:04d}", problem.text, level, problem)
            for index, (level, problem) in enumerate(chosen)
        ]

    def cheap(self, item: ArithmeticItem | None = None) -> list[AnyPotential]:
        """Return the format of solutions; the same object for every item."""
        return [_format()]

    def expensive(self, item: ArithmeticItem) -> list[AnyPotential]:
        """Return the embedded reward model's judgement of the last step, asked after each line."""
        return [Telescoping(reward_model(), item.prompt, mark=MARK)]

    def score(self, item: ArithmeticItem, text: str) -> dict[str, float]:
        """Return `correct`, `correct_level_N`, and `sound`: the share of steps before an error."""
        right = float(answer(text) == item.problem.answer)
        steps = sound(item.problem, split(text))
        return {
            "correct": right,
            f"correct_level_{item.level}": right,
            "sound": min(1.0, sum(steps) / len(item.problem.assignments)),
        }

    def population_scores(
        self, item: ArithmeticItem, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Return nothing: answers are judged one by one."""
        checked_weights(texts, weights)
        return {}


TASK = ArithmeticTask()


@lru_cache(maxsize=1)
def reward_model() -> RewardModel:
    """Return the embedded process reward model, loaded once.

    Raises:
        ModelError: It is not there.
    """
    return load_reward_model(str(PRM), "math-shepherd", device="cpu")


@lru_cache(maxsize=1)
def _format() -> Regex:
    return Regex(rf"{FORMAT}(\n{FORMAT})*")
