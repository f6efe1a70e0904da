"""Aggregation of step scores into the value of a solution, and selection of an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from smc.errors import PotentialError, SettingsError
from smc.model import Prompt
from smc.steps import Solution, StepScorer
from smc.strategies.trajectories import Trajectory

Aggregate = Literal["last", "min", "mean", "product", "whole"]
Selection = Literal["best", "weighted", "majority"]
Answer = Callable[[str], Hashable | None]
"""From the text of a solution to its answer, equal where two answers are the same; None: it has
none, and no vote."""

AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = MappingProxyType(
    {
        "last": lambda scores: scores[-1],
        "min": min,
        "mean": lambda scores: sum(scores) / len(scores),
        "product": math.prod,
        # The judge read the text as one step, so there is one score.
        "whole": lambda scores: scores[-1],
    }
)
SELECTIONS = ("best", "weighted", "majority")


def aggregate(scores: Sequence[float], how: Aggregate) -> float:
    """Return the value of a solution with these step scores; 0 of one without a step.

    Example:
        >>> aggregate((0.5, 0.25), "product"), aggregate((0.5, 0.25), "last")
        (0.125, 0.25)
    """
    return float(AGGREGATES[how](scores)) if scores else 0.0


def check_choices(how: str, selection: str) -> None:
    """Raise unless both are known.

    Raises:
        SettingsError: One is not.
    """
    for name, value, known in (
        ("aggregate", how, tuple(AGGREGATES)),
        ("selection", selection, SELECTIONS),
    ):
        if value not in known:
            raise SettingsError(f"{name}: expected one of {', '.join(known)}; got {value!r}.")


def judge(
    scorer: StepScorer, prompt: Prompt, solutions: Sequence[Solution], how: Aggregate
) -> list[tuple[float, ...]]:
    """Return the step scores of solutions; each distinct one is judged once.

    Raises:
        PotentialError: The scorer returned something that is no score in [0, 1] a step.
    """
    asked = [("".join(s),) if how == "whole" and s else s for s in solutions]
    distinct = list(dict.fromkeys(s for s in asked if s))
    scores = dict(zip(distinct, _checked_scores(scorer, prompt, distinct), strict=True))
    return [scores.get(s, ()) for s in asked]


def select(
    trajectories: Sequence[Trajectory], answer: Answer | None, selection: Selection
) -> tuple[Hashable | None, int | None, dict[Hashable, float]]:
    """Choose an answer among the finished trajectories.

    best: that of the trajectory with the largest value (best-of-N). weighted: the largest sum of
    values (weighted best-of-N). majority: the largest count. Ties go to the answer that was there
    first. The trajectory that stands for an answer is the one of largest value among those that
    gave it, or without values the first.

    Returns:
        The answer, the index of its trajectory, and the weight of each answer, the largest first.
    """
    given: dict[Hashable, list[int]] = {}
    for index, trajectory in enumerate(trajectories):
        if trajectory.finished:
            own = trajectory.text if answer is None else answer(trajectory.text)
            if own is not None:
                given.setdefault(own, []).append(index)
    weigh: dict[str, Callable[[list[int]], float]] = {
        "best": lambda members: max(_value(trajectories[i]) for i in members),
        "weighted": lambda members: sum(_value(trajectories[i]) for i in members),
        "majority": len,
    }
    votes = {own: float(weigh[selection](members)) for own, members in given.items()}
    if not votes:
        return None, None, {}
    best = max(votes, key=votes.__getitem__)
    chosen = max(given[best], key=lambda i: _value(trajectories[i]))
    return best, chosen, dict(sorted(votes.items(), key=lambda item: -item[1]))


def _value(trajectory: Trajectory) -> float:
    return 0.0 if math.isnan(trajectory.value) else trajectory.value


def _checked_scores(
    scorer: StepScorer, prompt: Prompt, solutions: Sequence[Solution]
) -> list[tuple[float, ...]]:
    if not solutions:
        return []
    scored = scorer.scores(prompt, solutions)
    if len(scored) != len(solutions):
        raise PotentialError(
            f"scorer {type(scorer).__name__}: scores returned {len(scored)} items for "
            f"{len(solutions)} solutions; expected one tuple each, in order."
        )
    for solution, scores in zip(solutions, scored, strict=True):
        good = len(scores) == len(solution) and all(0 <= s <= 1 for s in scores)  # NaN is neither
        if not good:
            raise PotentialError(
                f"scorer {type(scorer).__name__}: got the scores {scores!r} for the {len(solution)}"
                f" steps of {''.join(solution)[-200:]!r}; expected one number in [0, 1] a step."
            )
    return [tuple(map(float, scores)) for scores in scored]
