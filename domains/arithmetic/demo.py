"""Demonstration `smc demo arithmetic`: long chains whose finished steps are checked."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from domains.arithmetic.problems import LEVELS, ArithmeticProblem, Level, random_problem
from domains.arithmetic.splits import split_of
from domains.arithmetic.steps import MARK, answer, follows, sound, split
from domains.arithmetic.task import ArithmeticItem, ArithmeticTask
from potentials.boundaries import lines
from smc.pages.picture import Cell, text_picture
from smc.potential import AnyPotential, Potential

MODEL = Path(__file__).parent / "model"

LONG = Level(steps=8, literal=9, bound=50)
"""As many operations as problems of level 5, with the numbers of level 2."""

_SEED = 1


class CheckedSteps(Potential):
    """Keeps a chain only while each finished step follows: log Φ is 0 or −inf.

    Args:
        problem: What the steps are of.
    """

    boundary = lines()

    def __init__(self, problem: ArithmeticProblem) -> None:
        self._problem = problem

    def prefix(self, text: str) -> float:
        """Return −inf if a finished line does not follow from those before it."""
        steps = [line for line in split(text) if line.endswith(MARK)]
        return 0.0 if all(follows(self._problem, steps)) else -math.inf

    def complete(self, text: str) -> float:
        """Return −inf unless all assignments are worked out, each rightly."""
        flags = follows(self._problem, split(text))
        whole = len(flags) == len(self._problem.assignments)
        return 0.0 if whole and all(flags) else -math.inf


@dataclass(frozen=True)
class ArithmeticDemo:
    """Chains of eight operations that the model has not seen; no data set."""

    task: ArithmeticTask

    title = "Chains of arithmetic from a small language model"
    summary = (
        "Eight assignments are to be worked out, one a line. The model is right about most "
        "lines, and seldom about all eight. A regular expression masks its tokens, and each "
        "finished line is checked against the problem."
    )
    note = "Correct: the last line has the right value."
    model = MODEL
    scores = ("correct",)
    prompts = 80
    particles = 20
    ess_threshold = 0.95
    """Checks kill and do not rank, so whoever died is replaced at once."""
    resample_at = None

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end an answer."""
        return self.task.stop

    @property
    def max_tokens(self) -> int:
        """Tokens of an answer at most."""
        return self.task.max_tokens

    def items(self, count: int) -> list[ArithmeticItem]:
        """Return so many problems."""
        return list(islice(_problems(), count))

    def potentials(self, item: ArithmeticItem) -> list[AnyPotential]:
        """Return the format, and the check of the steps."""
        return [*self.task.cheap(item), CheckedSteps(item.problem)]

    def score(self, item: ArithmeticItem, text: str) -> dict[str, float]:
        """Return the scores of one answer."""
        return {"correct": float(answer(text) == item.problem.answer)}

    def remark(self, item: ArithmeticItem, text: str) -> str:
        """Return how many steps are right before the first mistake."""
        return f"{sum(sound(item.problem, split(text)))} of {len(item.problem.assignments)} right"

    def draw(self, item: ArithmeticItem, text: str) -> str | None:
        """Return the assignments beside the steps, right and wrong ones marked."""
        return chain(item.problem, text)


def chain(problem: ArithmeticProblem, text: str) -> str:
    """Return assignments and steps as SVG.

    A step has ✓ if it follows, a soft one if it follows from a value that was wrong before, and
    ✗ if it does not.
    """
    steps = split(text)
    rows = []
    for k in range(max(len(steps), len(problem.assignments))):
        asked = str(problem.assignments[k]) if k < len(problem.assignments) else ""
        told = steps[k].removesuffix(MARK) if k < len(steps) else "–"
        following = k < len(steps) and follows(problem, steps[: k + 1])[-1]
        right = following and sound(problem, steps[: k + 1])[-1]
        tone = "good" if right else "soft" if following else "bad"
        rows.append([Cell("✓" if following else "✗", tone), Cell(told, tone), Cell(asked, "soft")])
    return text_picture(rows)


def _problems() -> Iterator[ArithmeticItem]:
    """Yield different problems that the model was not trained on, always the same."""
    rng = random.Random(_SEED)
    seen: set[str] = set()
    while True:
        problem = random_problem(LONG, rng)
        if split_of(problem) == "test" and problem.text not in seen:
            seen.add(problem.text)
            name = f"arithmetic-long-{len(seen):04d}"
            yield ArithmeticItem(name, problem.text, max(LEVELS), problem)


DEMO = ArithmeticDemo(ArithmeticTask())
