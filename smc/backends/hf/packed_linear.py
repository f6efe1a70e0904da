"""Linear layers whose weights are laid out once for the processor's product (prepacking).

A product with few rows spends its time on reading the weights, and in bfloat16 on a CPU oneDNN
needs them in blocks of its own: `torch.nn.functional.linear` lays them out anew in every call.
Here a layer keeps them so beside its parameter, as inductor's freezing does; the numbers are the
same to the last bit, and a step of few rows takes 0.5 to 0.8 of the time.
"""

from __future__ import annotations

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

    _laid_out: tuple[tuple[int, int], torch.Tensor] | None = None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """`[..., in]` to `[..., out]`, as `torch.nn.Linear`."""
        weight = self.weight
        if (
            torch.is_grad_enabled()
            or torch.compiler.is_compiling()
            or not input.dtype == weight.dtype == torch.bfloat16
            or not input.device.type == weight.device.type == "cpu"
        ):
            return linear(input, weight, self.bias)
        return _product(input, self._packed(weight), self.bias)

    def _packed(self, weight: torch.Tensor) -> torch.Tensor:
        state = (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
        kept = self._laid_out
        if kept is None or kept[0] != state:
            kept = self._laid_out = state, _lay_out(weight.detach())
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        """Without the copy, which cannot be copied or stored; it is made anew."""
        return {name: value for name, value in vars(self).items() if name != "_laid_out"}


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


def _lay_out(weight: torch.Tensor) -> torch.Tensor:
    return torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS_LAID_OUT_FOR)


def _product(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")


def _is_supported() -> bool:
    """Whether this torch on this processor has the product; its names are not quite public."""
    try:
        if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            return False
        with torch.inference_mode():
            one = torch.ones(2, 32, dtype=torch.bfloat16)
            return bool((_product(one, _lay_out(one), None) == 32).all())
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
