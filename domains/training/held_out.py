"""Held-out loss: of answers that a model was not trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


@dataclass(frozen=True)
class AnswerLosses:
    """Losses of answers, each after its prompt.

    Attributes:
        totals: One an answer, in nats, summed over its tokens.
        tokens: Of all answers together.
    """

    totals: tuple[float, ...]
    tokens: int

    @property
    def per_token(self) -> float:
        """Mean over all tokens, in nats."""
        return sum(self.totals) / self.tokens

    @property
    def per_answer(self) -> float:
        """Mean over the answers, in nats."""
        return sum(self.totals) / len(self.totals)

    @property
    def per_answer_se(self) -> float:
        """The standard error of `per_answer`; NaN for a single answer."""
        return float(torch.tensor(self.totals, dtype=torch.float64).std() / len(self.totals) ** 0.5)


@torch.no_grad()
def answer_losses(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    pairs: Iterable[tuple[str, str]],
) -> AnswerLosses:
    """Return the losses of answers after their prompts, tokenized apart.

    Args:
        model: The model, on the CPU.
        tokenizer: Its tokenizer.
        pairs: Prompt and answer each.
    """
    totals: list[float] = []
    tokens = 0
    for prompt_text, answer_text in pairs:
        prompt, answer = tokenizer.encode(prompt_text), tokenizer.encode(answer_text)
        logits = model(input_ids=torch.tensor([prompt + answer])).logits[0].float()
        log_probs = logits[len(prompt) - 1 : -1].log_softmax(-1)
        totals.append(-float(log_probs.gather(1, torch.tensor(answer)[:, None]).sum()))
        tokens += len(answer)
    return AnswerLosses(tuple(totals), tokens)
