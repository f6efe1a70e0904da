"""Results as JSON: answer, votes, solutions with their scores, and what they cost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smc.strategies.results import StrategyResult
    from smc.strategies.trajectories import Trajectory


def record_of(result: StrategyResult) -> dict[str, Any]:
    """Return what a result holds as plain values; without its rounds and the texts of its calls."""
    return {
        "answer": _plain(result.answer),
        "text": result.text,
        "chosen": result.chosen,
        "votes": [[_plain(answer), weight] for answer, weight in result.votes.items()],
        "budget": dataclasses.asdict(result.budget),
        "solutions": [_solution(t) for t in result.trajectories],
        "log_weights": None
        if result.log_weights is None
        else [_number(w) for w in result.log_weights],
        "calls": len(result.calls),
        "errors": list(result.errors),
        "notes": list(result.notes),
    }


def _solution(trajectory: Trajectory) -> dict[str, Any]:
    return {
        "steps": list(map(str, trajectory.solution)),
        "scores": list(trajectory.scores),
        "value": _number(trajectory.value),
        "finished": trajectory.finished,
        "truncated": trajectory.truncated,
        "tokens": trajectory.num_tokens,
        "error": None if trajectory.error is None else str(trajectory.error),
    }


def _plain(answer: Hashable | None) -> Any:
    """An answer as JSON can write it: what is no plain value as text."""
    if isinstance(answer, float):
        return _number(answer)
    return answer if answer is None or isinstance(answer, str | int) else str(answer)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
