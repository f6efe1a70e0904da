"""Capture of activations and gradients at linear layers, and updates put beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from smc.backends.adapting.projections import hooks


@dataclass(frozen=True)
class Captured:
    """What a forward and backward pass left at a layer.

    Attributes:
        inputs: u, `[B, T, in]`.
        gradients: δ, `[B, T, out]`, of the loss at the layer's outputs.
    """

    inputs: torch.Tensor
    gradients: torch.Tensor


def capture(
    network: Any, layers: Mapping[str, nn.Module], ids: torch.Tensor, mask: torch.Tensor
) -> dict[str, Captured]:
    """Return inputs and gradients at some layers, of the loss on all tokens.

    Args:
        network: A causal language model.
        layers: By place.
        ids: `[B, T]`, padded on the right.
        mask: `[B, T]`, 1 where there is a token. The loss is the sum over the rows of each row's
            mean, so that a row's gradients do not depend on the others.
    """
    inputs: dict[str, torch.Tensor] = {}
    leaves: dict[str, torch.Tensor] = {}

    def watch(place: str):
        def hook(layer: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor):
            inputs[place] = given[0].detach()
            leaves[place] = torch.zeros_like(output).requires_grad_()
            return output + leaves[place]

        return hook

    with hooks([(layer, watch(place)) for place, layer in layers.items()]):
        loss = row_losses(network, ids, mask, mask[:, 1:]).sum()
    gradients = torch.autograd.grad(loss, [leaves[place] for place in layers])
    return {
        place: Captured(inputs[place].float(), gradient.float())
        for place, gradient in zip(layers, gradients, strict=True)
    }


def row_losses(
    network: Any, ids: torch.Tensor, mask: torch.Tensor, counts: torch.Tensor
) -> torch.Tensor:
    """Return the mean loss of each row, `[B]`, over the targets `ids[:, 1:]` that count."""
    logits = network(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
    losses = functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
    weights = counts.to(losses.dtype)
    return (losses * weights).sum(1) / weights.sum(1).clamp(min=1)


def updated(layers: Mapping[str, nn.Module], updates: Mapping[str, torch.Tensor]):
    """Return a context in which the layers compute with W + ΔW.

    Args:
        layers: By place.
        updates: ΔW of each, `[B, out, in]` for the rows of a batch, or `[1, out, in]` for any.
    """

    def add(update: torch.Tensor):
        def hook(layer: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor):
            own = update.expand(len(output), -1, -1)
            extra = torch.bmm(given[0].to(update.dtype), own.transpose(1, 2))
            return output + extra.to(output.dtype)

        return hook

    return hooks([(layer, add(updates[place])) for place, layer in layers.items()])
