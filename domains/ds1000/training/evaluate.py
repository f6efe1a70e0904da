"""Held-out loss over the course of a training, from its log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


@torch.no_grad()
def held_out_loss(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]
) -> dict[str, float]:
    """Return the loss on whole texts.

    Returns:
        `per_token` and `per_character` in nats, and `texts`, how many there were.
    """
    total, tokens = 0.0, 0
    for text in texts:
        ids = torch.tensor([[tokenizer.eos_token_id, *tokenizer.encode(text)]])
        total += float(model(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    return {
        "per_token": total / tokens,
        "per_character": total / sum(map(len, texts)),
        "texts": len(texts),
    }
