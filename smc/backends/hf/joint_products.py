"""Linear layers that are given the same input, computed as one product (horizontal fusion).

Queries, keys and values of an attention, or the two factors of a gated feed-forward: a step of few
rows pays for each product alone. Which layers they are is read from a pass, and the network is
asked again whether it computes the same.
"""

from __future__ import annotations

import logging
from collections import Counter
from itertools import groupby
from typing import Any

import torch

from smc.backends.hf.forward import Batch, Forward
from smc.backends.hf.packed_linear import PackedLinear, can_be_one

_LOGGER = logging.getLogger(__name__)


def join_products(network: Any) -> int:
    """Have packed layers that are called one after another with one input share a product.

    Args:
        network: A causal model of `transformers`; in place.

    Returns:
        How many products became one; 0 where the network would not compute the same.
    """
    forward = Forward(network)
    rows = Batch.of([[0, 1, 2], [2, 1, 0]], forward.device)
    groups: list[list[PackedLinear]] = []
    try:
        groups, expected = _observed(forward, rows)
        for first, *others in groups:
            first.lead(others)
        with torch.inference_mode():
            works = forward.agree(expected, forward.whole(rows))
    except Exception:  # the network's own code: whatever it raises, its layers stay apart
        works = False
    if works:
        return sum(map(len, groups))
    _LOGGER.warning(
        "%s: its linear layers cannot be computed together, so each takes a product of its own. "
        "Expect a step to take some percent longer.",
        forward.name,
    )
    for first, *_ in groups:
        first.lead([])
    return 0


def _observed(forward: Forward, rows: Batch) -> tuple[list[list[PackedLinear]], torch.Tensor]:
    """The groups of layers that were given one input, in the order of their calls; the logits."""
    calls: list[tuple[torch.Tensor, PackedLinear]] = []

    def note(layer: Any, inputs: tuple[torch.Tensor]) -> None:
        calls.append((inputs[0], layer))

    layers = [m for m in forward.network.modules() if isinstance(m, PackedLinear)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        with torch.enable_grad():  # so that they multiply plainly, and nothing is laid out in vain
            logits = forward.whole(rows)
    finally:
        for hook in hooks:
            hook.remove()
    count = Counter(layer for _, layer in calls)
    groups = ([layer for _, layer in group] for _, group in groupby(calls, lambda c: id(c[0])))
    found = [g for g in groups if len(g) > 1 and can_be_one(g)]
    return [g for g in found if all(count[layer] == 1 for layer in g)], logits.detach()
