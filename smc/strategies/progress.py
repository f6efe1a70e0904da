"""Progress of a run, told while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smc.steps import Budget
from smc.strategies.trajectories import Trajectory


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        solutions: That were worked on last.
        finished: How many of these came to their end.
        steps: Of the longest of them.
        budget: Spent so far.
    """

    solutions: int
    finished: int
    steps: int
    budget: Budget

    @classmethod
    def of(cls, trajectories: Sequence[Trajectory], budget: Budget) -> Progress:
        """Return how far some trajectories are."""
        return cls(
            len(trajectories),
            sum(t.finished for t in trajectories),
            max((len(t.solution) for t in trajectories), default=0),
            budget,
        )


Watch = Callable[[Progress], None]
"""Called after every step that was drawn, and every round."""
