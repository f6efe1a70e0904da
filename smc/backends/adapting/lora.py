"""Low-rank adaptation (LoRA): a trainable matrix of small rank beside each projection."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from smc.backends.adapting.projections import sizes


class LowRankAdapter:
    """y = Wx + (α/r) B A x beside some linear layers, W untouched; off until `start`.

    A starts as `nn.Linear` does, by a generator of its own, and B at zero: so a fresh adapter
    changes nothing, and every start from the same seed is the same.

    Args:
        layers: The linear layers, by place.
        rank: r.
        alpha: α.
        dropout: Share of the inputs of A that is dropped, while `training`.
        seed: Of A and of what is dropped.

    Source: Hu et al. (2021), "LoRA: low-rank adaptation of large language models".
    """

    def __init__(
        self,
        layers: Mapping[str, nn.Module],
        *,
        rank: int = 4,
        alpha: float = 16.0,
        dropout: float = 0.05,
        seed: int = 0,
    ) -> None:
        self.training = False
        self._layers = dict(layers)
        self._rank = rank
        self._scale = alpha / rank
        self._dropout = dropout
        self._seed = seed
        self._factors: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self._handles: list[RemovableHandle] = []
        self._generator = torch.Generator()

    @property
    def parameters(self) -> list[torch.Tensor]:
        """A `[r, in]` and B `[out, r]` of each layer, in float32; none before `start`."""
        return [factor for pair in self._factors.values() for factor in pair]

    def start(self) -> None:
        """Put fresh factors beside the layers."""
        self.remove()
        self._generator.manual_seed(self._seed)
        for place, layer in self._layers.items():
            size_in, size_out = sizes(layer)
            weight = layer.weight
            assert isinstance(weight, torch.Tensor)
            bound = 1 / math.sqrt(size_in)
            a = torch.rand(self._rank, size_in, generator=self._generator) * 2 * bound - bound
            b = torch.zeros(size_out, self._rank)
            self._factors[place] = tuple(  # type: ignore[assignment]
                factor.to(weight.device).requires_grad_() for factor in (a, b)
            )
        self._attach()

    def remove(self) -> None:
        """Take the factors away: the layers compute what they did."""
        self._detach()
        self._factors = {}

    @contextmanager
    def paused(self):
        """Take the adapter off for the time of a block, and keep its factors."""
        self._detach()
        try:
            yield
        finally:
            self._attach()

    def _attach(self) -> None:
        for place, factors in self._factors.items():
            self._handles.append(self._layers[place].register_forward_hook(self._hook(*factors)))

    def _detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _hook(self, a: torch.Tensor, b: torch.Tensor):
        def add(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor):
            low = self._dropped(inputs[0].float()) @ a.T
            return output + (self._scale * (low @ b.T)).to(output.dtype)

        return add

    def _dropped(self, x: torch.Tensor) -> torch.Tensor:
        if not (self.training and self._dropout):
            return x
        kept = torch.rand(x.shape, generator=self._generator).to(x.device) >= self._dropout
        return x * kept / (1 - self._dropout)
