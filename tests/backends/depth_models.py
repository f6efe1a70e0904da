"""Small random networks of chosen depth, and the recurrent one's equations written out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from smc.backends.depth.configs import InnerThinkingConfig, RecurrentDepthConfig
from smc.backends.depth.inner_thinking import InnerThinking
from smc.backends.depth.recurrent import RecurrentDepth, first_states
from tests.models import RECURRENT_SIZES

VOCABULARY = 40


def recurrent(*, seed: int = 0, vocab_size: int = VOCABULARY, **changes: Any) -> RecurrentDepth:
    """Return a random network, in evaluation mode."""
    torch.manual_seed(seed)
    config = RecurrentDepthConfig(**{**RECURRENT_SIZES, "vocab_size": vocab_size, **changes})
    network = RecurrentDepth(config).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name or "ln_f" in name or "bias" in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    return network


def inner_thinking(*, seed: int = 0, vocab_size: int = VOCABULARY, **changes: Any) -> InnerThinking:
    """Return a random network whose routers tell tokens apart, in evaluation mode."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_layers": 4, "steps": 3}
    config = InnerThinkingConfig(
        vocab_size=vocab_size,
        max_position_embeddings=64,
        initializer_range=0.25,
        **{**sizes, **changes},
    )
    network = InnerThinking(config).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "routers" in name:
                parameter.add_(0.5 * torch.randn_like(parameter))
    return network


def ids_of(rows: int = 2, length: int = 9, *, seed: int = 1) -> torch.Tensor:
    """Return `[rows, length]` random token ids."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, VOCABULARY, (rows, length), generator=generator)


def by_hand(
    weights: Mapping[str, torch.Tensor], config: RecurrentDepthConfig, ids: torch.Tensor, r: int
) -> torch.Tensor:
    """Return `[L, V]` logits of a row, from the published names of weights and plain equations."""

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        scale = (x.square().mean(-1, keepdim=True) + config.norm_eps).rsqrt()
        return x * scale * weights[f"transformer.{name}.weight"]

    def turned(x: torch.Tensor) -> torch.Tensor:
        half = x.shape[-1] // 2
        angles = torch.outer(
            torch.arange(len(x)).float(), config.rope_base ** (-torch.arange(half) / half)
        )
        pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
        turns = torch.polar(torch.ones_like(angles), angles)[:, None]
        return torch.view_as_real(pairs * turns).flatten(-2)

    def block(name: str, x: torch.Tensor) -> torch.Tensor:
        own = {k.removeprefix(f"transformer.{name}."): w for k, w in weights.items()}
        parts = (norm(f"{name}.norm_1", x) @ own["attn.Wqkv.weight"].T).chunk(3, dim=-1)
        q, k, v = (p.unflatten(-1, (config.n_heads, -1)) for p in parts)
        q, k = (turned(p + b) for p, b in zip((q, k), own["attn.qk_bias"], strict=True))
        scores = torch.einsum("ihd,jhd->hij", q, k) * q.shape[-1] ** -0.5
        later = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(later, -torch.inf).softmax(-1)
        seen = torch.einsum("hij,jhd->ihd", mixed, v).flatten(1) @ own["attn.proj.weight"].T
        x = norm(f"{name}.norm_2", seen + x)
        gate, value = (norm(f"{name}.norm_3", x) @ own["mlp.fc.weight"].T).chunk(2, dim=-1)
        inner = functional.silu(gate) * value
        return norm(f"{name}.norm_4", inner @ own["mlp.proj.weight"].T + x)

    scales = config.init_values or {}
    read = weights["transformer.wte.weight"][ids] * scales["embed_scale"]
    for i in range(config.n_layers_in_prelude):
        read = block(f"prelude.{i}", read)
    start = first_states(config.state_seed, config.block_size, config.n_embd)[: len(ids)]
    state = start * scales["std"] * scales["embed_scale"]
    for _ in range(r):
        state = torch.cat([state, read], -1) @ weights["transformer.adapter.weight"].T
        for j in range(config.n_layers_in_recurrent_block):
            state = block(f"core_block.{j}", state)
    state = norm("ln_f", state)
    for j in range(config.n_layers_in_coda):
        state = block(f"coda.{j}", state)
    return norm("ln_f", state) @ weights["lm_head.weight"].T
