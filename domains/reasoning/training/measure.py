"""What the model can do: right greedy answers by kind, and how well it judges lines."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from domains.arithmetic.training.measure import draw as draw_texts
from domains.reasoning.judge import CALIBRATION, FORMAT
from domains.reasoning.puzzles import KINDS, Mode, Puzzle, draw_from, puzzles
from domains.reasoning.training.mistakes import mistaken
from domains.splits import Split
from potentials.reward_model import LikelihoodReward

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Verdicts = Mapping[str, tuple[list[float], list[bool]]]
"""Scores and labels of lines, by kind."""


def greedy_right(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    split: Split,
    prompts: int,
    *,
    seed: int,
    mode: Mode = "steps",
) -> dict[str, list[bool]]:
    """Return for each kind whether greedy answers are right.

    Args:
        model: Of this domain.
        tokenizer: Its tokenizer.
        split: Where the puzzles are from.
        prompts: How many puzzles, of all kinds together.
        seed: Of the puzzles.
        mode: Of the prompts.
    """
    chosen = sorted(islice(puzzles(split, seed), prompts), key=lambda p: len(p.question))
    texts = draw_texts(model, tokenizer, [p.prompt(mode) for p in chosen], seed=0, temperature=0.0)
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for puzzle, text in zip(chosen, texts, strict=True):
        right[puzzle.kind].append(puzzle.is_right(text))
    return right


def accuracies(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    split: Split,
    prompts: int,
    *,
    seed: int,
) -> dict[str, float]:
    """Return the shares of right greedy answers, `right_KIND` by steps and `direct_KIND`."""
    modes: tuple[tuple[str, Mode], ...] = (("right", "steps"), ("direct", "direct"))
    return {
        f"{name}_{kind}": float(np.mean(right)) if right else float("nan")
        for name, mode in modes
        for kind, right in greedy_right(
            model, tokenizer, split, prompts, seed=seed, mode=mode
        ).items()
    }


def verdicts(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    split: Split,
    prompts: int,
    *,
    seed: int,
) -> Verdicts:
    """Return how the model judges lines up to the first mistake, half of the solutions with one."""
    rng, scorer = random.Random(f"judging {split} {seed}"), _judge(model, tokenizer)
    found: dict[str, tuple[list[float], list[bool]]] = defaultdict(lambda: ([], []))
    for k in range(prompts):
        kind = list(KINDS)[k % len(KINDS)]
        puzzle: Puzzle = draw_from(split, kind, rng)
        lines = mistaken(puzzle, rng) if rng.random() < 0.5 else puzzle.solve().lines
        labels = puzzle.sound(lines)
        lines = lines[: sum(labels) + 1]
        (scores,) = scorer.scores(puzzle.prompt(), [tuple(f"{line}\n" for line in lines)])
        found[kind][0].extend(scores)
        found[kind][1].extend(labels[: len(lines)])
    return found


def _judge(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> LikelihoodReward:
    return LikelihoodReward(model, tokenizer, FORMAT, calibration=CALIBRATION)
