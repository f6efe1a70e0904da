"""The result of a strategy: its solutions, the answer they gave, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smc.steps import Budget, Solution
from smc.strategies.result_record import record_of
from smc.strategies.trajectories import Trajectory
from smc.strategies.writing.protocol import Call


@dataclass(frozen=True)
class Round:
    """One round of a search.

    Attributes:
        trajectories: What was there to choose from.
        chosen: Indices of what went on; for particles the ancestors, or () where none were drawn.
        budget: Spent so far.
    """

    trajectories: tuple[Trajectory, ...]
    chosen: tuple[int, ...]
    budget: Budget


@dataclass(frozen=True)
class StrategyResult:
    """What a strategy found for one prompt.

    Attributes:
        trajectories: The solutions it ended with, unfinished and failed ones included.
        answer: What the selection settled on; None where no solution came to its end.
        chosen: Index of the solution that stands for the answer.
        votes: Weight of each answer, the largest first.
        budget: What all of it cost, texts that were dropped included.
        history: Its rounds.
        log_weights: `[N]` of a particle method with a target of its own, scaled such that their
            log mean is the log evidence; else None.
        errors: What went wrong on the way, each message once.
        notes: What else is worth knowing of the run: edits that only copied, say.
        calls: Of a strategy that writes many prompts, all its texts in order.
    """

    trajectories: tuple[Trajectory, ...]
    answer: Hashable | None
    chosen: int | None
    votes: Mapping[Hashable, float]
    budget: Budget
    history: tuple[Round, ...] = ()
    log_weights: tuple[float, ...] | None = None
    errors: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()

    @property
    def solutions(self) -> tuple[Solution, ...]:
        """Of all trajectories."""
        return tuple(t.solution for t in self.trajectories)

    @property
    def scores(self) -> tuple[tuple[float, ...], ...]:
        """Of all trajectories, one for each step."""
        return tuple(t.scores for t in self.trajectories)

    @property
    def finished(self) -> tuple[bool, ...]:
        """Which trajectories came to their end."""
        return tuple(t.finished for t in self.trajectories)

    @property
    def text(self) -> str | None:
        """The text of the chosen solution."""
        return None if self.chosen is None else self.trajectories[self.chosen].text

    def to_json(self) -> str:
        """Return answer, votes, solutions, scores and cost as JSON; rounds are left out."""
        return json.dumps(record_of(self), ensure_ascii=False, allow_nan=False)

    def to_html(self, path: str | Path, *, title: str = "Answer") -> None:
        """Write a page: answer and votes, the tree of steps with their scores, all texts.

        Args:
            path: Of the file.
            title: Its heading.
        """
        from smc.pages.strategy import strategy_page

        Path(path).write_text(strategy_page(self, title=title), encoding="utf-8")
