"""The task: solve a word problem step by step, and give the answer in a box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domains.base import Item, checked_weights
from domains.math_word.data import DataSet, load
from domains.math_word.prompt import Style, make_prompt
from potentials.mathematics import equal, extract
from potentials.reward_model import Telescoping
from smc.potential import AnyPotential
from smc.steps import StepScorer

MARK = "\n\n"
"""Ends a step, as in the papers."""


@dataclass(frozen=True)
class MathItem(Item):
    """A problem with its gold answer, which only the scorer sees.

    Attributes:
        question: The problem's text.
        answer: LaTeX or a number.
        level: 1 to 5, where the data set says so.
    """

    question: str
    answer: str
    level: int | None


@dataclass(frozen=True)
class MathWordTask:
    """MATH-500, AIME or GSM8K.

    Args:
        dataset: Which.
        style: Of the prompt.
        reward: Judges steps; None: there is no expensive potential.
    """

    dataset: DataSet = "math500"
    style: Style = "qwen"
    reward: StepScorer | None = None

    primary = "correct"
    stop: tuple[str, ...] = ()
    max_tokens = 2048
    resample_at = None
    proposal = None

    @property
    def name(self) -> str:
        """`math_word`, with the data set unless it is MATH-500."""
        return "math_word" if self.dataset == "math500" else f"math_word-{self.dataset}"

    def items(self, limit: int | None = None, data: Path | None = None) -> list[MathItem]:
        """Return the problems in the order of the file.

        Args:
            limit: The first so many; None: all.
            data: Root of the data sets, or the file itself.

        Raises:
            FileNotFoundError: The data set is not there.
            ValueError: The file is not of its format, or the limit is negative.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"math_word: limit is {limit}; expected None, 0 or more.")
        return [
            MathItem(p.id, make_prompt(p.question, self.style), p.question, p.answer, p.level)
            for p in load(self.dataset, data)[:limit]
        ]

    def cheap(self, item: MathItem) -> list[AnyPotential]:
        """Return nothing: a solution has no grammar."""
        return []

    def expensive(self, item: MathItem) -> list[AnyPotential]:
        """Return the reward model's judgement of the steps, where there is one."""
        if self.reward is None:
            return []
        return [Telescoping(self.reward, item.question, mark=MARK)]

    def score(self, item: MathItem, text: str) -> dict[str, float]:
        """Return `correct`, `answered`, and `correct_level_N` where the item has a level."""
        answer = extract(text)
        right = float(equal(item.answer, answer))
        scores = {"correct": right, "answered": float(answer is not None)}
        return scores if item.level is None else scores | {f"correct_level_{item.level}": right}

    def population_scores(
        self, item: MathItem, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Return nothing: answers are judged one by one."""
        checked_weights(texts, weights)
        return {}


TASK = MathWordTask()
