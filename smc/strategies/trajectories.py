"""A trajectory: one solution on its way or at its end, with its scores and what became of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smc.errors import SMCError
from smc.steps import Solution


@dataclass(frozen=True)
class Trajectory:
    """One solution and what is known of it.

    Attributes:
        solution: Its steps.
        scores: One for each step that was judged; a strategy may judge only some trajectories.
        value: The aggregate of its scores that the strategy went by; NaN: not judged.
        finished: The model ended it.
        truncated: It may grow no further, and has no end.
        error: Why it could not go on.
        num_tokens: Tokens of this solution.
        log_weight: Sum of the increments of constrained proposals.
    """

    solution: Solution = ()
    scores: tuple[float, ...] = ()
    value: float = float("nan")
    finished: bool = False
    truncated: bool = False
    error: SMCError | None = None
    num_tokens: int = 0
    log_weight: float = 0.0

    @property
    def text(self) -> str:
        """The steps, joined."""
        return "".join(self.solution)

    @property
    def goes_on(self) -> bool:
        """Whether it can be extended."""
        stopped = self.finished or self.truncated or self.error is not None
        return not stopped and self.log_weight > -np.inf


def replace_all(
    trajectories: Sequence[Trajectory], new: Mapping[int, Trajectory]
) -> list[Trajectory]:
    """Return the trajectories with some of them replaced, by index."""
    return [new.get(i, trajectory) for i, trajectory in enumerate(trajectories)]


def messages(trajectories: Sequence[Trajectory]) -> tuple[str, ...]:
    """Return what went wrong with the trajectories, each message once."""
    return tuple(dict.fromkeys(str(t.error) for t in trajectories if t.error is not None))


def with_log_weight(trajectory: Trajectory, log_weight: float) -> Trajectory:
    """Return the trajectory with another log weight."""
    return dataclasses.replace(trajectory, log_weight=log_weight)
