"""Labelled batches for the reward model: what is to be judged, and what is to be foretold."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from domains.arithmetic.problems import parse
from domains.arithmetic.steps import solve
from domains.arithmetic.training.policy import training_problem
from domains.arithmetic.training.samples import LEVELS_IN_TURN, Sample
from domains.training.batch import Batch
from potentials.reward_model.formats import MathShepherd

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from potentials.reward_model.formats import Reading

FORMAT = MathShepherd()


@dataclass(frozen=True)
class LabelledBatch(Batch):
    """Rows with steps to judge.

    Attributes:
        rows: `[M]` the row of each mark.
        marks: `[M]` its position.
        labels: `[M]` 1 where the step is right.
        so_far: `[R, L]` after each character: 1 where all is right so far, 0 where it is not, −1
            where nobody says.
    """

    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    marks: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    so_far: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))


def labelled(
    chosen: Sequence[tuple[Sample, Reading]], epoch: int, pad: int, *, judged: bool = True
) -> LabelledBatch:
    """Return samples as one batch; only their right beginnings are to be foretold.

    Args:
        chosen: Samples, each as the format reads it.
        epoch: The batch belongs to.
        pad: The token behind the shorter ones.
        judged: Whether there is anything to judge, too.
    """
    width = max(len(reading.ids) for _, reading in chosen)
    tokens = np.full((len(chosen), width + 1), pad, dtype=np.int64)
    weights = np.zeros((len(chosen), width), dtype=np.float32)
    so_far = np.full((len(chosen), width), -1, dtype=np.int64)
    rows, marks, labels = [], [], []
    for r, (sample, reading) in enumerate(chosen):
        tokens[r, : len(reading.ids)] = reading.ids
        sound = sum(sample.labels)
        if sound:
            opening = len(sample.prompt)  # a token a character
            weights[r, opening : reading.marks[sound - 1]] = 1.0
        if judged:
            rows += [r] * len(reading.marks)
            marks += reading.marks
            labels += sample.labels
            for at, label in characters(sample, reading.marks):
                so_far[r, at] = label
    return LabelledBatch(
        epoch,
        tokens,
        weights,
        rows=np.array(rows, dtype=np.int64),
        marks=np.array(marks, dtype=np.int64),
        labels=np.array(labels, dtype=np.int64),
        so_far=so_far,
    )


def lesson(tokenizer: PreTrainedTokenizerFast, rng: random.Random, budget: int) -> LabelledBatch:
    """Return right solutions to new problems of one level, to be foretold.

    Args:
        tokenizer: Of the reward model.
        rng: Of level and problems.
        budget: Tokens of the batch at most, padding included; one solution at least.
    """
    level = rng.choice(LEVELS_IN_TURN)
    chosen: list[tuple[Sample, Reading]] = []
    longest = 0
    while True:
        problem = training_problem(level, rng)
        steps = solve(problem)
        sample = Sample(level, problem.text, steps, (True,) * len(steps))
        reading = FORMAT.readings(tokenizer, sample.prompt, sample.steps)[0]
        longest = max(longest, len(reading.ids))
        if chosen and longest * (len(chosen) + 1) > budget:
            return labelled(chosen, 0, tokenizer.pad_token_id, judged=False)
        chosen.append((sample, reading))


def characters(sample: Sample, marks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the place of each character of a solution, and whether all is right up to it.

    Args:
        sample: The solution.
        marks: Where its steps are judged, in the tokens of the format.

    Yields:
        Position in the tokens, and 1 or 0; nothing from where that cannot be told.
    """
    solution = solve(parse(sample.prompt))
    start, good = len(sample.prompt) + 1, True
    for k, (step, mark) in enumerate(zip(sample.steps, marks, strict=True)):
        if good and not sample.labels[k] and sample.steps[:k] != solution[:k]:
            return  # another order: what the next step should be is open
        for c in range(mark - 1 - start):
            expected = sample.labels[k] or (k < len(solution) and step[c] == solution[k][c : c + 1])
            good = good and bool(expected)
            yield start + c, int(good)
        good = good and sample.labels[k]
        start = mark + 2  # the newline behind the mark
