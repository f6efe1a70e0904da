"""Accuracy of the domain's models: answers drawn, and how many are right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domains.arithmetic.problems import LEVELS, ArithmeticProblem
from domains.arithmetic.splits import Split, problems
from domains.arithmetic.steps import answer

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

LONGEST = 128
"""Tokens of an answer at most, end included; the longest right one has about 110."""


def load_policy(folder: Path) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Return an exported policy and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def draw(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    *,
    seed: int,
    temperature: float = 1.0,
    rows: int = 256,
) -> list[str]:
    """Return one answer to each prompt, drawn from the model; temperature 0 takes the likeliest.

    Args:
        model: The policy.
        tokenizer: Its tokenizer.
        prompts: In any order; those of like length are best together.
        seed: Of the draws.
        temperature: At least 0.
        rows: Of a batch.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    solutions: list[str] = []
    end = tokenizer.eos_token_id
    for at in range(0, len(prompts), rows):
        batch = tokenizer(list(prompts[at : at + rows]), padding=True, return_tensors="pt")
        ids, mask = batch["input_ids"], batch["attention_mask"]
        positions, cache, drawn = (mask.cumsum(-1) - 1).clamp(min=0), None, []
        alive = torch.ones(len(ids), dtype=torch.bool)
        with torch.inference_mode():
            for _ in range(LONGEST):
                out = model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                cache, logits = out.past_key_values, out.logits[:, -1].double()
                if temperature > 0:
                    probs = (logits / temperature).softmax(-1)
                    ids = torch.multinomial(probs, 1, generator=generator)
                else:
                    ids = logits.argmax(-1, keepdim=True)
                ids[~alive] = end
                drawn.append(ids)
                alive &= ids[:, 0] != end
                if not alive.any():
                    break
                mask = torch.cat([mask, torch.ones_like(ids)], -1)
                positions = positions[:, -1:] + 1
        texts = torch.cat(drawn, -1).tolist()
        solutions += [tokenizer.decode(row[: _index(row, end)]) for row in texts]
    return solutions


def accuracy(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    split: Split,
    prompts: int,
    *,
    seed: int,
    temperature: float = 1.0,
    levels: tuple[int, ...] = tuple(LEVELS),
) -> dict[str, float]:
    """Return the share of right answers by level, `right_1` to `right_5`.

    Args:
        model: The policy.
        tokenizer: Its tokenizer.
        split: Where the problems are from.
        prompts: How many problems, of all levels together.
        seed: Of problems and draws.
        temperature: Of the draws.
        levels: Of the problems.
    """
    chosen = sorted(islice(problems(split, seed, levels), prompts), key=lambda pair: pair[0])
    texts = draw(model, tokenizer, [p.text for _, p in chosen], seed=seed, temperature=temperature)
    right: dict[int, list[bool]] = defaultdict(list)
    for (level, problem), text in zip(chosen, texts, strict=True):
        right[level].append(is_right(problem, text))
    return {f"right_{level}": float(np.mean(right[level])) for level in levels if right[level]}


def is_right(problem: ArithmeticProblem, text: str) -> bool:
    """Say whether a text ends in the problem's answer."""
    return answer(text) == problem.answer


def _index(row: list[int], token: int) -> int:
    return row.index(token) if token in row else len(row)
