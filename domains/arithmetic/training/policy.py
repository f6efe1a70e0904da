"""Corpus of the policy: generated problems of the training part, with their solutions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from domains.arithmetic.problems import ArithmeticProblem, generate
from domains.arithmetic.splits import split_of
from domains.arithmetic.steps import solve
from domains.training.batch import Batch
from domains.training.setting import Setting
from domains.training.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

LEVELS_IN_TURN = (1, 2, 3, 4, 5, 3, 4, 5)
BATCHES_AN_EPOCH = 256


@dataclass(frozen=True)
class PolicySetting(Setting):
    """The policy's sizes; `length` bounds a row, `rows · length` the tokens of a batch."""

    minutes: float = 12.0
    rows: int = 16
    length: int = 256
    width: int = 128
    layers: int = 4
    inner: int = 256
    head: int = 32
    vocabulary: int = 257
    context: int = 512


class PolicyCorpus:
    """Batches of problems of one level each, the levels taking turns; see `Corpus`.

    Args:
        setting: Sizes and seed.

    Attributes:
        levels: Of the batches.
    """

    levels: tuple[int, ...] = LEVELS_IN_TURN

    def __init__(self, setting: PolicySetting) -> None:
        self.setting = setting

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Return a tokenizer of bytes: no merges, one token a character."""
        return train_tokenizer([], self.setting.vocabulary, self.setting.context)

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yield batches without end; only what comes after the prompt counts."""
        while True:
            rng = random.Random(f"policy {self.setting.seed} {epoch}")
            for k in range(BATCHES_AN_EPOCH):
                yield self._batch(tokenizer, epoch, self.levels[k % len(self.levels)], rng)
            epoch += 1

    def _batch(
        self, tokenizer: PreTrainedTokenizerFast, epoch: int, level: int, rng: random.Random
    ) -> Batch:
        budget = self.setting.rows * self.setting.length
        rows: list[list[int]] = []
        prompts: list[int] = []
        longest = 0
        while True:
            problem = training_problem(level, rng)
            prompt = tokenizer.encode(problem.text)
            row = prompt + tokenizer.encode("".join(solve(problem))) + [tokenizer.eos_token_id]
            longest = max(longest, len(row))
            if rows and longest * (len(rows) + 1) > budget:
                return padded(rows, prompts, epoch, tokenizer.pad_token_id)
            rows.append(row)
            prompts.append(len(prompt))

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """Return the share of right answers at temperature 1, by level, on the calibration part."""
        from domains.arithmetic.training.measure import accuracy

        return accuracy(model, tokenizer, "calibration", prompts, seed=0)


def training_problem(level: int, rng: random.Random) -> ArithmeticProblem:
    """Return a random problem of the training part."""
    problem = generate(level, rng)
    while split_of(problem) != "train":
        problem = generate(level, rng)
    return problem


def padded(rows: list[list[int]], prompts: list[int], epoch: int, pad: int) -> Batch:
    """Return a batch of rows padded on the right; the first `prompts[r]` tokens do not count."""
    width = max(map(len, rows))
    tokens = np.full((len(rows), width), pad, dtype=np.int64)
    weights = np.zeros((len(rows), width - 1), dtype=np.float32)
    for r, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        tokens[r, : len(row)] = row
        weights[r, prompt - 1 : len(row) - 1] = 1.0
    return Batch(epoch, tokens, weights)
