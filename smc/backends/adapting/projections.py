"""The projections of a network that are adapted: its query and value matrices, by layer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from smc.errors import ModelError

QUERY_AND_VALUE = ("q_proj", "v_proj")


def projections(
    network: nn.Module, names: Sequence[str] = QUERY_AND_VALUE, last: int | None = None
) -> dict[str, nn.Module]:
    """Return the linear layers of these names, by their place in the network.

    Args:
        network: Any.
        names: Last parts of the places.
        last: Of each name only the last so many layers; None: all.

    Raises:
        ModelError: There is none of a name.
    """
    found: dict[str, nn.Module] = {}
    for name in names:
        own = [(at, m) for at, m in network.named_modules() if at.rpartition(".")[2] == name]
        if not own:
            raise ModelError(
                f"adapting {type(network).__name__}: expected layers called {name}, and found "
                "none. Give the names of its query and value projections."
            )
        found |= dict(own if last is None else own[-last:])
    return found


def sizes(layer: nn.Module) -> tuple[int, int]:
    """Return the sizes of a linear layer's input and output.

    Raises:
        ModelError: It has no matrix to read them from.
    """
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, torch.Tensor) or weight.ndim != 2 or not weight.is_floating_point():
        raise ModelError(
            f"adapting: got the layer {type(layer).__name__}; expected a linear one, with a matrix "
            "of floating-point numbers."
        )
    return int(weight.shape[1]), int(weight.shape[0])


@contextmanager
def hooks(pairs: Sequence[tuple[nn.Module, Any]]):
    """Hold forward hooks on layers for the time of a block."""
    handles = [layer.register_forward_hook(hook) for layer, hook in pairs]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
