"""The result of one method in the demo: its posteriors, seconds and scores."""

from __future__ import annotations

from dataclasses import dataclass

from smc.intervals import Interval
from smc.posterior import Posterior


@dataclass(frozen=True)
class MethodResult:
    """What a method gave.

    Attributes:
        posteriors: One a prompt.
        seconds: Of the whole batch.
        scores: For each score its posterior mean over prompts; 0 where all particles died.
    """

    method: str
    posteriors: tuple[Posterior, ...]
    seconds: float
    scores: dict[str, Interval]

    @property
    def tokens(self) -> float:
        """Particle-tokens a prompt."""
        return sum(p.num_tokens for p in self.posteriors) / len(self.posteriors)
