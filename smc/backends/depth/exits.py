"""Early exits: each token stops thinking once another iteration changes it little.

Between successive iterations one of these is compared with a threshold, for every token by itself:

- `kl`: the divergence of the next-token distribution from the one before (the paper's);
- `min_p_kl`: the same over the tokens that had a share of at least a tenth of the likeliest's;
- `entropy`: how much the distribution's entropy changed;
- `latent`: the length of the state's change, relative to the state;
- `cosine`: one minus the cosine of both states;
- `argmax`: the likeliest token has been the same so many times (the threshold is the count).

A token that has stopped keeps its state, which later tokens go on reading. Whether it stops depends
on the tokens before it alone, so a text has one probability, whatever follows.

Source: Geiping et al. (2025), section 6.1, and the criteria of seal-rg/recurrent-pretraining.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch.nn import functional

from smc.errors import SettingsError

Criterion = Literal["kl", "min_p_kl", "entropy", "latent", "cosine", "argmax"]

THRESHOLDS: Mapping[Criterion, float] = {
    "kl": 1e-3,
    "min_p_kl": 1e-5,
    "entropy": 1e-3,
    "latent": 0.03,
    "cosine": 1e-3,
    "argmax": 5,
}
"""Of the authors' code, for their 3.5B model."""
_OF_STATES = ("latent", "cosine")
_MIN_P = 0.1


@dataclass(frozen=True)
class Exit:
    """When a token stops.

    Attributes:
        criterion: What is compared.
        threshold: A token stops once its change is smaller; of `argmax`, once the likeliest token
            was the same this many times in a row. None: that of `THRESHOLDS`.
        least: Iterations at least; two are needed for a comparison.

    Raises:
        SettingsError: No such criterion, a threshold below zero, or `least` below two.
    """

    criterion: Criterion = "kl"
    threshold: float | None = None
    least: int = 2

    def __post_init__(self) -> None:
        if self.criterion not in get_args(Criterion):
            raise SettingsError(
                f"exit: criterion {self.criterion!r}; expected one of "
                f"{', '.join(get_args(Criterion))}."
            )
        if self.threshold is None:
            object.__setattr__(self, "threshold", THRESHOLDS[self.criterion])
        if not self.limit >= 0 or self.least < 2:
            raise SettingsError(
                f"exit: threshold {self.threshold!r} and least {self.least!r}; expected a "
                "threshold from 0 on, and two iterations or more."
            )

    @property
    def limit(self) -> float:
        """The threshold."""
        return THRESHOLDS[self.criterion] if self.threshold is None else self.threshold


def thought_until(
    rule: Exit,
    state: torch.Tensor,
    cap: int,
    iterate: Callable[[torch.Tensor], torch.Tensor],
    logits_of: Callable[[torch.Tensor], torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Iterate until every token has stopped.

    All tokens are computed as long as one goes on: what is counted is what they were thought
    about, and what an implementation that skips the others would pay.

    Args:
        rule: When a token stops.
        state: `[R, Q, width]` that thinking begins with.
        cap: Iterations at most.
        iterate: From states to the next ones.
        logits_of: From states to `[R, Q, V]`.

    Returns:
        `[R, Q, width]` last states, and `[R, Q]` iterations of each token.
    """
    shape = state.shape[:2]
    going = torch.ones(shape, dtype=torch.bool, device=state.device)
    steps = torch.zeros(shape, dtype=torch.int64, device=state.device)
    same = torch.ones(shape, dtype=torch.int64, device=state.device)
    before = None
    for _ in range(cap):
        new = torch.where(going[..., None], iterate(state), state)
        steps += going
        seen = new if rule.criterion in _OF_STATES else _log_probs(logits_of(new))
        if before is not None:
            if rule.criterion == "argmax":
                same = torch.where(seen.argmax(-1) == before.argmax(-1), same + 1, 1)
                done = same >= rule.limit
            else:
                done = change(rule.criterion, before, seen) < rule.limit
            going &= ~(done & (steps >= rule.least))
        state, before = new, seen
        if not going.any():
            break
    return state, steps


def change(criterion: Criterion, before: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
    """Return `[...]`, how much a criterion says has changed.

    Args:
        criterion: One that is a number (not `argmax`).
        before: `[..., n]` states of `latent` and `cosine`, log probabilities of the others.
        now: Likewise.
    """
    if criterion == "latent":
        return (now - before).norm(dim=-1) / now.norm(dim=-1)
    if criterion == "cosine":
        return 1 - functional.cosine_similarity(before, now, dim=-1)
    if criterion == "entropy":
        return (_entropy(now) - _entropy(before)).abs()
    if criterion == "min_p_kl":
        kept = before >= before.amax(-1, keepdim=True) + torch.tensor(_MIN_P).log()
        before, now = (
            x.masked_fill(~kept, -1e4).log_softmax(-1).masked_fill(~kept, -1e4)
            for x in (before, now)
        )
    return (now.exp() * (now - before)).sum(-1).clamp(min=0)


def _log_probs(logits: torch.Tensor) -> torch.Tensor:
    return logits.float().log_softmax(-1)


def _entropy(log_probs: torch.Tensor) -> torch.Tensor:
    return -(log_probs.exp() * log_probs).sum(-1)
