"""Token masses relative to a row's own peak: of rows with scores, a temperature, or little mass."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_LARGE_SCORE = 16.0
"""Absolute log score from which on float32 sums of logits and scores are not exact enough."""


def masses_at_peaks(
    logits: torch.Tensor,
    allowed: torch.Tensor | None,
    scores: torch.Tensor | None,
    temperatures: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the masses of some rows, and the logs of what they are to be multiplied by.

    Args:
        logits: `[R, V]` float32.
        allowed: `[R, V]`, 0 of the tokens that are not; None: all are.
        scores: `[R, V]` log scores, or none.
        temperatures: `[R]` that the logits are divided by, or none.

    Returns:
        `[R, V]` masses, of which the largest of a row is 1, and `[R]` log scales, float64.
    """
    combined = _combined(logits, scores, temperatures)
    if allowed is not None:
        combined = combined.masked_fill(allowed == 0, float("-inf"))
    peak = combined.amax(-1, keepdim=True)
    peak = peak.masked_fill(peak == float("-inf"), 0.0)
    return (combined - peak).to(logits.dtype).exp_(), peak[:, 0].double()


def _combined(
    logits: torch.Tensor, scores: torch.Tensor | None, temperatures: torch.Tensor | None
) -> torch.Tensor:
    """Tempered logits of some rows with their scores; in float64 where scores are large.

    Beside a score of 10,000 the logits would lose their third digit behind the point.
    """
    import torch

    combined = logits
    if temperatures is not None:
        combined = combined / temperatures[:, None].to(combined.dtype)
    if scores is None:
        return combined
    size = scores.masked_fill(scores == -torch.inf, 0).abs().amax(-1)
    if size.amax() > _LARGE_SCORE:
        exact = combined.double() + scores.double()
        return torch.where((size > _LARGE_SCORE)[:, None], exact, (combined + scores).double())
    return combined + scores
