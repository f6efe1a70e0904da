"""Evaluation of the embedded model: held-out loss, and execution accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from domains.spider.compact_prompt import compact_text, told
from domains.spider.hardness import LEVELS, hardness
from domains.spider.scoring import judge
from domains.spider.training.examples import Sample
from domains.spider.training.queries import written
from domains.training.held_out import AnswerLosses, answer_losses

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

MAX_NEW_TOKENS = 100


def prompt_of(sample: Sample) -> str:
    """Return the prompt of a sample."""
    return compact_text(str(sample.known.listing), told(sample.pieces))


def losses(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, samples: Sequence[Sample]
) -> AnswerLosses:
    """Return the losses of the queries in the one style."""
    pairs = ((prompt_of(sample), f" {written(sample.parts)}\n") for sample in samples)
    return answer_losses(model, tokenizer, pairs)


@torch.no_grad()
def answers(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    *,
    greedy: bool,
    seed: int = 0,
    rows: int = 16,
) -> list[str]:
    """Return an answer to each prompt, greedy or drawn at temperature 1 without truncation."""
    torch.manual_seed(seed)
    newline = tokenizer.convert_tokens_to_ids(tokenizer.tokenize("\n"))
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    texts_of = [""] * len(prompts)
    for at in range(0, len(order), rows):
        mine = order[at : at + rows]
        inputs = tokenizer([prompts[i] for i in mine], return_tensors="pt", padding=True)
        out = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            do_sample=not greedy,
            top_k=0 if not greedy else None,
            max_new_tokens=MAX_NEW_TOKENS,
            eos_token_id=[*newline, tokenizer.eos_token_id],
            pad_token_id=tokenizer.eos_token_id,
        )
        texts = tokenizer.batch_decode(
            out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )
        for i, text in zip(mine, texts, strict=True):
            texts_of[i] = text.strip()
    return texts_of


def validation(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    held_out: Sequence[Sample],
    prompts: int,
) -> dict[str, Any]:
    """Return the loss and the share of right greedy answers on held-out samples.

    Returns:
        `held_out_loss` in nats per token of the query, `exact` and `correct`, shares of all, and
        `easy`, `medium`, …: right ones of so many.
    """
    rng = np.random.default_rng(0)
    count = min(prompts, len(held_out))
    chosen = [held_out[i] for i in rng.choice(len(held_out), count, replace=False)]
    loss = losses(model, tokenizer, chosen)
    texts = answers(model, tokenizer, [prompt_of(s) for s in chosen], greedy=True)
    right: dict[str, list[bool]] = {level: [] for level in LEVELS}
    for sample, text in zip(chosen, texts, strict=True):
        assert sample.known.file is not None
        verdict = judge(sample.known.file, sample.gold, text, timeout=5.0)
        right[hardness(sample.gold)].append(verdict.correct)
    exact = sum(text == written(s.parts) for s, text in zip(chosen, texts, strict=True))
    every = [r for level in right.values() for r in level]
    return {
        "held_out_loss": loss.per_token,
        "exact": exact / count,
        "correct": sum(every) / count,
        **{level: f"{sum(mine)}/{len(mine)}" for level, mine in right.items()},
    }
