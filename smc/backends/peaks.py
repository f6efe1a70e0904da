"""Token masses relative to a row's own peak: of rows with scores, a temperature, or little mass."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class TemperedRows:
    """What tempered rows need beside their masses; a row at temperature 1 is as in no such batch.

    Attributes:
        hot: `[R]` temperatures.
        is_hot: `[R]` where they are not 1.
        log_norm: `[R]` of the model; 0 where it is not hot.
        log_scale: `[R]` log of what the masses are to be multiplied by.
    """

    hot: torch.Tensor
    is_hot: torch.Tensor
    log_norm: torch.Tensor
    log_scale: torch.Tensor

    @classmethod
    def none(cls, hot: torch.Tensor) -> TemperedRows:
        """Make one to be filled."""
        import torch

        return cls(hot, hot != 1, torch.zeros_like(hot), torch.zeros_like(hot))

    def fill(self, rows: slice, logits: torch.Tensor, body: torch.Tensor) -> None:
        """Write the masses of some rows."""
        import torch

        is_hot = self.is_hot[rows]
        cold = torch.arange(rows.start, rows.stop, device=is_hot.device)[~is_hot]
        own: slice | torch.Tensor = rows
        if len(cold):
            body[cold] = torch.softmax(logits[cold], -1)
            own = torch.arange(rows.start, rows.stop, device=is_hot.device)[is_hot]
        masses, self.log_norm[own], self.log_scale[own] = _tempered_masses(
            logits[own], self.hot[own]
        )
        body[own] = masses


def _tempered_masses(
    logits: torch.Tensor, temperatures: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the masses of some rows at temperatures, with the model's log norms.

    Args:
        logits: `[R, V]` float32.
        temperatures: `[R]` that the logits are divided by.

    Returns:
        `[R, V]` masses, of which the largest of a row is 1; `[R]` log of the sum of exp(logits);
        `[R]` log of what the masses are to be multiplied by. The last two are float64, and NaN
        where a row is no distribution.
    """
    peak = logits.amax(-1, keepdim=True)
    below = logits - peak
    log_norm = _log_sum(below) + peak[:, 0]
    masses = below.div_(temperatures[:, None].to(below.dtype)).exp_()
    return masses, log_norm, peak[:, 0].double() / temperatures


def log_norms(logits: torch.Tensor) -> torch.Tensor:
    """`[R]` float64 log of the sum of exp(logits); NaN where a row is no distribution.

    The terms are float32 and their sum is not: their errors do not add up, and to compute all of
    them in float64 takes ten times as long.
    """
    peak = logits.amax(-1, keepdim=True)
    return _log_sum(logits - peak) + peak[:, 0]


def _log_sum(below: torch.Tensor) -> torch.Tensor:
    import torch

    return below.exp().sum(-1, dtype=torch.float64).log()


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
