"""Depth: how long a model thinks about each token, where that is a matter of the call."""

from __future__ import annotations

from typing import Any, TypeVar

from smc.errors import SettingsError

ModelT = TypeVar("ModelT")


def with_depth(model: ModelT, depth: int) -> ModelT:
    """Return a model that thinks so many iterations about each token; weights are shared.

    Depth is compute that leaves no tokens behind: another depth is another distribution of the
    same texts.

    Args:
        model: Of recurrent depth or inner thinking (`smc.backends.depth`), as a network of
            transformers, as `smc.load` gives it, or wrapped in steps.
        depth: From 1 on.

    Raises:
        SettingsError: The model's depth is fixed, or the number is none.

    Example:
        `smc.with_depth(smc.load("embedded:arithmetic-recurrent"), 16)` thinks twice as long as it
        was trained to on average.
    """
    return _deep(model).with_depth(depth)


def depth_cost(model: Any, depth: int) -> float:
    """Return what a token costs at a depth, in tokens at the model's own depth.

    That is the ratio of layers that a token goes through, repetitions counted.

    Args:
        model: See `with_depth`.
        depth: From 1 on.

    Raises:
        SettingsError: See `with_depth`.
    """
    return float(with_depth(_deep(model), depth).layer_passes / model.layer_passes)


def _deep(model: Any) -> Any:
    """The model, if its depth can be chosen."""
    if getattr(model, "layer_passes", None) is None or not hasattr(model, "with_depth"):
        name = getattr(model, "name", None) or type(model).__name__
        raise SettingsError(
            f"depth: {name} has a depth of its own; expected a model of recurrent depth or "
            "inner thinking, such as smc.load('embedded:arithmetic-recurrent'). Leave the depth "
            "out."
        )
    return model
