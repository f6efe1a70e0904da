"""Names of `transformers` that are not quite its public interface, each used in this file alone.

Caches are recognised by what they do, not by what an argument is called: releases rename the
argument of `forward` that takes one (`past_key_values`, `cache_params`, `cache`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_args

from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache
from transformers.cache_utils import DynamicLayer

_CACHE_NAMES = ("cache", "past_key_values", "cache_params")
"""Of arguments without a type, as models that bring their own code have them."""


def parameters_of(network: Any) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a network's `forward`, by name; adapters hide them."""
    wrapped = getattr(network, "get_base_model", None)
    return inspect.signature((wrapped() if wrapped else network).forward).parameters


def cache_argument(parameters: Mapping[str, inspect.Parameter]) -> str:
    """Return the name of the parameter that takes a cache whose rows can be reordered.

    Args:
        parameters: Of a network's `forward`.

    Returns:
        The name; empty where there is no such parameter.
    """
    typed = [name for name, p in parameters.items() if _takes_cache(p.annotation)]
    named = [name for name in _CACHE_NAMES if name in parameters]
    return next(iter((*typed, *named)), "")


def _takes_cache(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return "Cache" in annotation
    return any(callable(getattr(kind, "reorder_cache", None)) for kind in _kinds(annotation))


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The types of a union, or the one type."""
    return get_args(annotation) or (annotation,)


def cache_of(output: Any) -> Any:
    """Return the cache among a network's outputs, if there is one whose rows can be reordered."""
    return next((v for v in output.values() if hasattr(v, "reorder_cache")), None)


def has_columns(cache: Any) -> bool:
    """Whether a cache holds past columns, which a mask covers, or recurrent states alone."""
    try:
        cache.get_seq_length()
    except (AttributeError, NotImplementedError, ValueError):
        return False
    return True


def empty_cache(config: Any, layer: Callable[[], DynamicLayer]) -> DynamicCache | None:
    """Return a cache whose layers are made as a network asks for them.

    Args:
        config: Of the network.
        layer: Makes a layer.

    Returns:
        The cache; None where some layer of the network is not plain full attention.
    """
    try:
        cache = DynamicCache(config=config)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if not cache.layers or any(type(layer) is not DynamicLayer for layer in cache.layers):
        return None
    cache.layers.clear()  # some configs count other layers
    cache.layer_class_to_replicate = layer  # type: ignore[assignment]
    return cache


def attention_of(network: Any) -> str:
    """Return the name of the attention function that a network uses."""
    return getattr(network.config, "_attn_implementation", None) or ""


def register_attention(name: str, attend: Callable[..., Any], masks_of: str) -> None:
    """Make an attention function known under a name, with the masks of another.

    Args:
        name: Of the function.
        attend: As `AttentionInterface` calls it.
        masks_of: Name of an attention function whose masks it takes.
    """
    AttentionInterface.register(name, attend)
    AttentionMaskInterface.register(name, AttentionMaskInterface()[masks_of])


def attention_function(name: str) -> Callable[..., Any]:
    """Return the attention function of a name."""
    return AttentionInterface()[name]
