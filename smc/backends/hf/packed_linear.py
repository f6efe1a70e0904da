"""Linear layers whose weights are laid out once for the processor's product (prepacking).

A product with few rows spends its time on reading the weights, and in bfloat16 on a CPU oneDNN
needs them in blocks of its own: `torch.nn.functional.linear` lays them out anew in every call.
Here a layer keeps them so beside its parameter, as inductor's freezing does; the numbers are the
same to the last bit, and a step of few rows takes 0.5 to 0.8 of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import linear

_ROWS_LAID_OUT_FOR = 64  # the layout serves any number of rows; it is chosen for about this one
_SHARE_OF_FREE_MEMORY = 0.5


class PackedLinear(torch.nn.Linear):
    """A linear layer in bfloat16 on a CPU, with a copy of its weight in oneDNN's layout.

    The parameter stays what it was, for gradients, saving and whoever else reads it. A change to
    it in place, or another in its stead, is noticed and laid out anew; one through `weight.data`,
    which torch does not count, is not.
    """

    _laid_out: tuple[list[tuple[int, int]], torch.Tensor, torch.Tensor | None] | None = None
    _followers: tuple[PackedLinear, ...] = ()
    _ready: tuple[torch.Tensor, torch.Tensor] | None = None
    """An input, and the output for it from the product of the layer that this one follows."""
    number: int | None = None
    """Among the layers of a compiled step, if there is one."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """`[..., in]` to `[..., out]`, as `torch.nn.Linear`."""
        weight = self.weight
        traced = torch.compiler.is_compiling()
        if (
            torch.is_grad_enabled()
            or (traced and self.number is None)
            or not input.dtype == weight.dtype == torch.bfloat16
            or not input.device.type == weight.device.type == "cpu"
        ):
            return linear(input, weight, self.bias)
        ready = self._ready
        if ready is not None:
            object.__setattr__(self, "_ready", None)  # a module's own way takes microseconds
            if ready[0] is input:
                return ready[1]
        widths = [m.out_features for m in (self, *self._followers)]
        if traced:
            out = torch.ops.smc.laid_out_product(input, self.number, sum(widths))
        else:
            out = self.product(input)
        if not self._followers:
            return out
        own, *others = out.split(widths, dim=-1)
        for layer, part in zip(self._followers, others, strict=True):
            object.__setattr__(layer, "_ready", (input, part))
        return own

    def product(self, input: torch.Tensor) -> torch.Tensor:
        """The outputs of this layer and of those that follow it, one behind the other."""
        return _product(input, *self._packed())

    def lead(self, followers: Sequence[PackedLinear]) -> None:
        """Compute with this layer's product that of others, which are called next with its input.

        A follower that is called with another input, or alone, takes a product of its own.

        Args:
            followers: `can_be_one` with this layer; empty to end it.
        """
        for layer in (self, *followers):
            layer._laid_out = layer._ready = None
        self._followers = tuple(followers)

    def _packed(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        layers = (self, *self._followers)
        # Not `m.weight`: a module looks its attributes up in Python, and this is asked every step.
        state = [_state_of(p) for m in layers for p in m._parameters.values() if p is not None]
        kept = self._laid_out
        if kept is None or kept[0] != state:
            if not can_be_one(layers):
                self.lead([])
                return self._packed()
            kept = self._laid_out = state, *_lay_out(layers)
        return kept[1:]

    def __getstate__(self) -> dict[str, Any]:
        """Without the copy, which cannot be copied or stored and is made anew, and other layers."""
        made = ("_laid_out", "_followers", "_ready", "number")
        return {name: value for name, value in vars(self).items() if name not in made}


def can_be_one(layers: Sequence[torch.nn.Linear]) -> bool:
    """Whether the products of layers can be one: all of bfloat16 on a CPU, all or none biased."""
    biased = {layer.bias is not None for layer in layers}
    return len(biased) == 1 and all(_may_gain(layer) for layer in layers)


def pack_linear_layers(network: torch.nn.Module) -> int:
    """Have a network's linear layers keep their weights laid out, where that helps and fits.

    Layers of other classes, types and devices stay as they are, as all do where the copies would
    take more than half of the memory that is free, or torch lacks the product.

    Args:
        network: Whose layers become `PackedLinear` in place.

    Returns:
        How many layers did.
    """
    layers = [m for m in network.modules() if type(m) is torch.nn.Linear and _may_gain(m)]
    size = sum(m.weight.nbytes for m in layers)
    if not layers or size > _SHARE_OF_FREE_MEMORY * _free_bytes() or not _is_supported():
        return 0
    for layer in layers:
        layer.__class__ = PackedLinear
    return len(layers)


def _may_gain(layer: torch.nn.Linear) -> bool:
    weight = layer.weight
    return weight.device.type == "cpu" and weight.dtype == torch.bfloat16


def _state_of(parameter: torch.Tensor) -> tuple[int, int]:
    return parameter.data_ptr(), 0 if parameter.is_inference() else parameter._version


def _lay_out(layers: Sequence[torch.nn.Linear]) -> tuple[torch.Tensor, torch.Tensor | None]:
    weights = [m.weight.detach() for m in layers]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights)
    biases = [m.bias.detach() for m in layers if m.bias is not None]
    bias = None
    if biases:
        bias = biases[0] if len(layers) == 1 else torch.cat(biases)
    return torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS_LAID_OUT_FOR), bias


def _product(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")


def _is_supported() -> bool:
    """Whether this torch on this processor has the product; its names are not quite public."""
    try:
        if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return False
        with torch.inference_mode():
            one = torch.ones(2, 32, dtype=torch.bfloat16)
            weight = torch.ops.mkldnn._reorder_linear_weight(one, _ROWS_LAID_OUT_FOR)
            return bool((_product(one, weight, None) == 32).all())
    except (AttributeError, RuntimeError):
        return False


def _free_bytes() -> int:
    """What may be taken of memory: of the machine, and of the group of processes (a container)."""
    of_machine = [int(line.split()[1]) * 1024 for line in _lines("/proc/meminfo", "MemAvailable:")]
    limit, used = (
        [int(line) for line in _lines(f"/sys/fs/cgroup/memory.{name}") if line.isdigit()]
        for name in ("max", "current")  # the limit may be the word "max": none
    )
    of_group = [most - now for most, now in zip(limit, used, strict=False)]
    return min([*of_machine, *of_group], default=0)


def _lines(path: str, start: str = "") -> list[str]:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return []
    return [line for line in lines if line.startswith(start)]
