"""Parts of transformer blocks that may run more than once in a pass, each time with its own cache.

A plain layer knows its place in the cache. One that is repeated stands at another place each time,
so the caller says which: repetition i of a block has keys and values of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Pass:
    """What all blocks of one forward pass have in common.

    Attributes:
        cos: `[R or 1, Q, 1, D/2]` of the rotary angles.
        sin: Likewise.
        attend: An attention function of transformers.
        mask: Its mask; None: causal.
        cache: Takes keys and values; None: none is kept.
        extra: Further arguments of the attention function.
        training: Whether gradients are wanted.
    """

    cos: torch.Tensor
    sin: torch.Tensor
    attend: Callable[..., tuple[torch.Tensor, Any]]
    mask: Any
    cache: Any
    extra: Mapping[str, Any]
    training: bool


@dataclass(frozen=True)
class Place:
    """Where a block stands this time; an attention function takes it for the layer.

    Attributes:
        layer_idx: Index in the cache.
        num_key_value_groups: Query heads that share a head of keys.
        training: See `Pass`.
        is_causal: As attention functions ask for it.
    """

    layer_idx: int
    num_key_value_groups: int
    training: bool
    is_causal: bool = True


def rotary_angles(
    positions: torch.Tensor, head: int, base: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosines and sines, each float32 `[R, Q, 1, head/2]`, for `[R, Q]` positions."""
    powers = torch.arange(0, head, 2, dtype=torch.float32, device=positions.device) / head
    angles = positions[..., None, None].float() * base**-powers
    return angles.cos(), angles.sin()


def rotate(x: torch.Tensor, run: Pass) -> torch.Tensor:
    """Rotate `[R, Q, H, D]`: numbers 2i and 2i + 1 are a complex number."""
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    turned = even * run.cos - odd * run.sin, odd * run.cos + even * run.sin
    return torch.stack(turned, -1).flatten(-2).to(x.dtype)


class RMSNorm(nn.Module):
    """Root-mean-square norm, computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `[..., width]`."""
        normed = functional.rms_norm(x.float(), x.shape[-1:], eps=self.eps)
        return normed.to(x.dtype) * self.weight


class Attention(nn.Module):
    """Causal attention with rotary positions.

    Args:
        width: Of the hidden states.
        heads: Of queries.
        key_heads: Of keys and values; as many as queries if there is a bias.
        bias: Whether queries and keys have one.
    """

    def __init__(self, width: int, heads: int, key_heads: int, *, bias: bool) -> None:
        super().__init__()
        self.head = width // heads
        self.heads = heads, key_heads, key_heads
        self.Wqkv = nn.Linear(width, sum(self.heads) * self.head, bias=False)
        self.qk_bias = nn.Parameter(torch.zeros(2, 1, heads, self.head)) if bias else None
        self.proj = nn.Linear(width, width, bias=False)

    def forward(self, x: torch.Tensor, index: int, run: Pass) -> torch.Tensor:
        """Return `[R, Q, width]`.

        Args:
            x: `[R, Q, width]`.
            index: The place in the cache.
            run: The pass.
        """
        query, key, value = self.Wqkv(x).unflatten(-1, (-1, self.head)).split(self.heads, dim=2)
        if self.qk_bias is not None:
            query, key = query + self.qk_bias[0], key + self.qk_bias[1]
        query, key = rotate(query, run).transpose(1, 2), rotate(key, run).transpose(1, 2)
        value = value.transpose(1, 2)
        if run.cache is not None:
            key, value = run.cache.update(key, value, index)
        place = Place(index, self.heads[0] // self.heads[1], run.training)
        mixed, _ = run.attend(
            place, query, key, value, run.mask, scaling=self.head**-0.5, dropout=0.0, **run.extra
        )
        return self.proj(mixed.flatten(2))


class GatedMLP(nn.Module):
    """Gated part of a block: SiLU of one half times the other.

    Args:
        width: Of the hidden states.
        inner: Of each half.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, 2 * inner, bias=False)
        self.proj = nn.Linear(inner, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `[..., width]`."""
        gate, value = self.fc(x).chunk(2, dim=-1)
        return self.proj(functional.silu(gate) * value)
