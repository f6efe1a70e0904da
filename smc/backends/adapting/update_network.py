"""OpTune's network: from activations and gradients at a matrix to the update of the matrix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

Shape = tuple[int, int]
"""Sizes of a linear layer's input and output."""


class _Transform(nn.Module):
    """x + up(dropout(down(x))) of normalised x = (u, δ); one for each shape of matrix."""

    count: torch.Tensor
    mean: torch.Tensor
    squares: torch.Tensor

    def __init__(self, size: int, rank: int, dropout: float) -> None:
        super().__init__()
        self.down = nn.Linear(size, rank)
        self.up = nn.Linear(rank, size)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(size, dtype=torch.float64))

    def observe(self, x: torch.Tensor) -> None:
        """Take rows `[N, size]` into the running mean and deviation (Chan et al.'s merge)."""
        x = x.double()
        n, mean = len(x), x.mean(0)
        total = self.count + n
        gap = mean - self.mean
        self.squares += (x - mean).square().sum(0) + gap.square() * self.count * n / total
        self.mean += gap * n / total
        self.count.copy_(total)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `[..., size]`; without observations nothing is normalised."""
        if self.count > 1:
            deviation = (self.squares / (self.count - 1)).sqrt() + 1e-7
            x = ((x.double() - self.mean) / deviation).to(x.dtype)
        return x + self.up(self.dropout(self.down(x)))


class UpdateNetwork(nn.Module):
    """Foretells ΔW = −λ Σₜ δ'ₜ u'ₜᵀ of some matrices, u', δ' a transform of u, δ.

    u are the inputs of a layer and δ the gradients of a loss at its outputs, so that without a
    transform ΔW is a step of gradient descent. Matrices of one shape share their transform; each
    has a learned rate λ.

    Args:
        shapes: Of the matrices, by place.
        rank: Of the transforms.
        dropout: Inside them, in training.
        rate: λ at the start.

    Source: OpTune of Li et al. (2025), arXiv:2502.15771; after Mitchell et al. (2022), "Fast model
    editing at scale" (MEND).
    """

    def __init__(
        self,
        shapes: dict[str, Shape],
        *,
        rank: int = 16,
        dropout: float = 0.1,
        rate: float = 1e-4,
    ) -> None:
        super().__init__()
        self.shapes = dict(shapes)
        self.rank = rank
        self.transforms = nn.ModuleDict(
            {_name(s): _Transform(sum(s), rank, dropout) for s in dict.fromkeys(shapes.values())}
        )
        self.rates = nn.Parameter(torch.full((len(shapes),), rate))

    @property
    def places(self) -> Sequence[str]:
        """Of the matrices, in the order of `rates`."""
        return tuple(self.shapes)

    def observe(self, place: str, inputs: torch.Tensor, gradients: torch.Tensor) -> None:
        """Take `[N, in]` and `[N, out]` into the running statistics."""
        transform = self.transforms[_name(self.shapes[place])]
        assert isinstance(transform, _Transform)
        transform.observe(torch.cat([inputs, gradients], -1))

    def update(
        self,
        place: str,
        inputs: torch.Tensor,
        gradients: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return ΔW.

        Args:
            place: Of the matrix.
            inputs: u, `[B, T, in]`.
            gradients: δ, `[B, T, out]`.
            mask: `[B, T]`, which tokens there are; None: all.

        Returns:
            `[B, out, in]`.
        """
        shape = self.shapes[place]
        both = self.transforms[_name(shape)](torch.cat([inputs, gradients], -1))
        if mask is not None:
            both = both * mask[..., None].to(both.dtype)
        u, delta = both.split(list(shape), -1)
        rate = self.rates[self.places.index(place)]
        return -rate * torch.einsum("bto,bti->boi", delta, u)


def _name(shape: Shape) -> str:
    return f"{shape[0]}x{shape[1]}"
