"""The optimizer: Muon for the matrices of the blocks, AdamW for the rest."""

from __future__ import annotations

import torch
from torch import nn

PEAK_MATRICES = 8e-3
PEAK_OTHERS = 4e-3
WARM_UP = 0.01


def optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon over the matrices of the layers, AdamW over embedding (and tied head) and norms."""
    embedded = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    matrices = [p for p in model.parameters() if p.ndim == 2 and id(p) not in embedded]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(
            matrices, lr=PEAK_MATRICES, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=PEAK_OTHERS, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def schedule(done: float) -> float:
    """Learning rate as a share of its peak, at a share ``done`` of the time budget.

    A short linear warm-up, then linearly to zero. Driven by time, not by steps, so that a
    slowed or resumed run still ends at a rate of zero.
    """
    if done < WARM_UP:
        return max(done, 0.0) / WARM_UP + 1e-3
    return max(0.0, (1.0 - done) / (1.0 - WARM_UP))


def set_rates(optims: list[torch.optim.Optimizer], share: float) -> None:
    """Sets every optimizer's rate to ``share`` of its peak."""
    for optimizer, peak in zip(optims, (PEAK_MATRICES, PEAK_OTHERS), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = peak * share
