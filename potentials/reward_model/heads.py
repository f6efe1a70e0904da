"""Scoring heads: from the hidden state at a mark to a score in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from smc.errors import ModelError


@dataclass(frozen=True)
class TokenHead:
    """P(good) of two next tokens, as the language-model head sees them.

    Attributes:
        output: The model's output embedding.
        good: Token id.
        bad: Token id.
    """

    output: Any
    good: int
    bad: int

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[M, H]` to `[M]`."""
        chosen = self.output(hidden)[:, [self.good, self.bad]]
        return chosen.float().softmax(-1)[:, 0]


@dataclass(frozen=True)
class LinearHead:
    """Linear maps with ReLU between them; one output is a logit, of two the second is the good one.

    Attributes:
        layers: Weight and bias of each map, first to last; a bias may be missing.
    """

    layers: Sequence[tuple[torch.Tensor, torch.Tensor | None]]

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[M, H]` to `[M]`."""
        for k, (weight, bias) in enumerate(self.layers):
            hidden = functional.linear(hidden.to(weight), weight, bias)
            if k + 1 < len(self.layers):
                hidden = hidden.relu()
        return scores_of(hidden)


def scores_of(logits: torch.Tensor) -> torch.Tensor:
    """`[M, 1]` logits, or `[M, 2]` of which the second is the good one, to `[M]` probabilities.

    Raises:
        ModelError: There is another number of labels.
    """
    labels = logits.shape[-1]
    if labels not in (1, 2):
        raise ModelError(
            f"reward model: the head has {labels} labels; expected 1 (a logit) or 2 (bad, good)."
        )
    logits = logits.float()
    return logits.sigmoid()[:, 0] if labels == 1 else logits.softmax(-1)[:, 1]


def linear_layers(
    weights: Mapping[str, torch.Tensor], names: Sequence[str], like: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    """Return the maps of a head from the weights of a checkpoint.

    Args:
        weights: By name, of the head at least.
        names: Of the maps, first to last, without `.weight`.
        like: A parameter of the model, whose device and dtype they take.

    Raises:
        ModelError: One is missing.
    """
    missing = [n for n in names if f"{n}.weight" not in weights]
    if missing:
        raise ModelError(
            f"reward model: the checkpoint has no {missing[0]}.weight, the weights of its head; "
            f"found {', '.join(sorted(weights)) or 'nothing of the kind'}. Is it a model of this "
            "format? A plain language model has no such head."
        )
    layers = []
    for name in names:
        bias = weights.get(f"{name}.bias")
        layers.append((weights[f"{name}.weight"].to(like), None if bias is None else bias.to(like)))
    return layers
