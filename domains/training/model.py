"""The embedded model, a small Llama: its initialisation, loss and export."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from domains.training.batch import Batch
from domains.training.setting import Setting


def build_model(setting: Setting, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama with tied embeddings; the blocks begin as the identity."""
    torch.manual_seed(setting.seed)
    config = LlamaConfig(
        vocab_size=setting.vocabulary,
        hidden_size=setting.width,
        intermediate_size=setting.inner,
        num_hidden_layers=setting.layers,
        num_attention_heads=setting.width // setting.head,
        num_key_value_heads=setting.width // setting.head,
        head_dim=setting.head,
        max_position_embeddings=setting.context,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.zero_()
    return model


def batch_loss(model: LlamaForCausalLM, batch: Batch) -> torch.Tensor:
    """The mean loss of a batch in nats per token, weighted as the batch says."""
    tokens = torch.from_numpy(batch.tokens)
    positions = None if batch.positions is None else torch.from_numpy(batch.positions)
    sees = None if batch.sees is None else torch.from_numpy(batch.sees)[:, None]
    hidden = model.model(
        input_ids=tokens[:, :-1], attention_mask=sees, position_ids=positions, use_cache=False
    ).last_hidden_state
    return head_loss(model.lm_head, hidden, batch)


def head_loss(head: nn.Module, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The mean loss of a batch, given what the head reads: `[R, L, width]`."""
    targets = torch.from_numpy(batch.tokens)[:, 1:]
    if batch.weights is None:
        return functional.cross_entropy(head(hidden).flatten(0, 1), targets.flatten())
    # The head is a good part of the work: only what is to be learned goes through it.
    weights = torch.from_numpy(batch.weights)
    counts = weights > 0
    losses = functional.cross_entropy(head(hidden[counts]), targets[counts], reduction="none")
    return (losses * weights[counts]).sum() / weights.sum()


def export(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Writes the model and the tokenizer to a folder."""
    # Without top_k=0, generate() would cut the model's distribution to 50 tokens.
    model.generation_config = GenerationConfig(
        do_sample=True,
        top_k=0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model.save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)
    tokenizer.save_pretrained(out)
