"""The inverse CDF of rows of masses: block sums are searched first, then one block."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

BLOCK = 256
"""Tokens a block."""


def block_sums(mass: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """`[R, blocks]` float32 sums of masses, which are too few in a block to lose digits."""
    import torch

    return torch.sum(mass.view(mass.shape[0], -1, BLOCK), -1, out=out)


def inverse_cdf(
    mass: torch.Tensor, sums: torch.Tensor, rows: torch.Tensor, uniforms: torch.Tensor
) -> torch.Tensor:
    """`[M]` token ids at the uniforms' quantiles; a token with mass, or 0 where there is none.

    Running sums round, and a parallel scan need not be monotone, so the position found is only a
    proposal for it: it is moved to the nearest token with mass.
    """
    import torch

    blocks = sums.double().cumsum(-1)[rows]
    target = (uniforms * blocks[:, -1])[:, None]
    first: int | torch.Tensor = 0  # of the block
    if blocks.shape[1] == 1:
        within = mass[rows]
    else:
        block = torch.searchsorted(blocks, target, right=True).clamp_(max=blocks.shape[1] - 1)
        target = target - (blocks.gather(1, block) - sums.double()[rows].gather(1, block))
        within = mass.view(mass.shape[0], -1, BLOCK)[rows, block[:, 0]]
        first = block[:, 0] * BLOCK
    running = within.double().cumsum_(-1)
    inside = torch.searchsorted(running, target, right=True).clamp_(max=BLOCK - 1)
    tokens = first + inside[:, 0]
    dead = blocks[:, -1] <= 0
    tokens[dead] = 0
    stray = ((mass[rows, tokens] <= 0) & ~dead).nonzero()[:, 0]
    if stray.numel():
        tokens[stray] = _nearest_with_mass(mass[rows[stray]], tokens[stray])
    return tokens


def _nearest_with_mass(mass: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """The last token with mass at or before each position, else the first one after it."""
    import torch

    position = torch.arange(mass.shape[1], device=mass.device)
    has_mass = mass > 0
    before = torch.where(has_mass & (position <= tokens[:, None]), position, -1).amax(-1)
    first = has_mass.int().argmax(-1)
    return torch.where(before >= 0, before, first)
