"""Accuracy of the domain's models: one greedy answer to each problem, checked exactly."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from domains.arithmetic.training.measure import draw
from domains.countdown.problems import LEVELS
from domains.countdown.splits import Split, problems
from domains.countdown.steps import is_right

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


def greedy_accuracy(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    split: Split,
    prompts: int,
    *,
    seed: int,
    levels: tuple[int, ...] = LEVELS,
) -> dict[str, float]:
    """Return the share of problems that one greedy answer solves, by level: `right_3`, `right_4`.

    Args:
        model: Any of the domain.
        tokenizer: Its tokenizer.
        split: Where the problems are from.
        prompts: How many problems, of all levels together.
        seed: Of the problems.
        levels: Which.
    """
    chosen = list(islice(problems(split, seed, levels), prompts))
    texts = draw(model, tokenizer, [p.text for p in chosen], seed=0, temperature=0.0)
    right = [is_right(p, text) for p, text in zip(chosen, texts, strict=True)]
    return {
        f"right_{level}": float(
            np.mean([r for p, r in zip(chosen, right, strict=True) if len(p.numbers) == level])
        )
        for level in levels
    }
