"""Evaluation for the model card: held-out loss, and how many sampled goals are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from domains.planetarium.generate import problem_text
from domains.planetarium.judge import GoalVerdict, judge
from domains.planetarium.prompt import STOP
from domains.planetarium.training.problems import Example
from domains.training.held_out import answer_losses

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

MAX_NEW_TOKENS = 150
BATCH = 32


def held_out_loss(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, examples: Sequence[Example]
) -> dict[str, float]:
    """Loss on the goal that follows a prompt.

    Returns:
        ``per_token`` (nats, over the tokens of the goals), ``per_goal`` (nats, their sum for one
        goal) and ``per_goal_se``, its standard error.
    """
    losses = answer_losses(model, tokenizer, ((e.prompt, e.answer) for e in examples))
    return {
        "per_token": losses.per_token,
        "per_goal": losses.per_answer,
        "per_goal_se": losses.per_answer_se,
    }


def solved(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    examples: Sequence[Example],
    seed: int,
) -> dict[str, float]:
    """One goal a prompt, drawn at temperature 1 without truncation, and how good they are.

    Returns:
        Shares ``correct``, ``solvable`` and ``parses``, and ``correct_se``.
    """
    answers = sample(model, tokenizer, [e.prompt for e in examples], seed)
    verdicts = [
        judge(problem_text(e.problem), answer) for e, answer in zip(examples, answers, strict=True)
    ]
    return shares(verdicts)


def shares(verdicts: Sequence[GoalVerdict], each: int = 1) -> dict[str, float]:
    """The shares of the verdicts that are ``correct``, ``solvable`` and ``parses``.

    Args:
        verdicts: those of a prompt stand together.
        each: verdicts a prompt. ``correct_se`` is taken over prompts.
    """
    table = np.array([[v.correct, v.solvable, v.parses] for v in verdicts], float)
    by_prompt = table.reshape(-1, each, 3).mean(1)
    correct, solvable, parses = by_prompt.mean(0).tolist()
    return {
        "correct": correct,
        "correct_se": float(by_prompt[:, 0].std() / np.sqrt(len(by_prompt))),
        "solvable": solvable,
        "parses": parses,
    }


@torch.no_grad()
def sample(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str], seed: int
) -> list[str]:
    """Draws one continuation of every prompt at temperature 1, cut before the first `))`.

    A text that did not end within ``MAX_NEW_TOKENS`` is returned as it is.
    """
    torch.manual_seed(seed)
    ends = [i for t, i in tokenizer.get_vocab().items() if t.startswith(STOP)]
    texts: list[str] = []
    for start in range(0, len(prompts), BATCH):
        inputs = tokenizer(list(prompts[start : start + BATCH]), return_tensors="pt", padding=True)
        out = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=MAX_NEW_TOKENS,
            eos_token_id=[*ends, tokenizer.eos_token_id],
            pad_token_id=tokenizer.eos_token_id,
        )
        new = out[:, inputs["input_ids"].shape[1] :]
        texts += tokenizer.batch_decode(new, skip_special_tokens=True)
    return [text.split(STOP)[0] for text in texts]
