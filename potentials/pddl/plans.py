"""Planner protocol: what planners are asked and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from potentials.pddl.errors import PDDLError
from potentials.pddl.model import Domain, Problem
from potentials.pddl.strips import Plan, Step, after


class Status(Enum):
    """How a search for a plan ended."""

    SOLVED = "solved"
    UNSOLVABLE = "unsolvable"
    """There is no plan: proven."""
    NOT_FOUND = "not found"
    """The search ended without a plan, but there may be one."""
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"
    FAILED = "failed"
    """The planner broke down, or its plan does not reach the goal."""


@dataclass(frozen=True)
class PlanResult:
    """What came of a search for a plan.

    Attributes:
        status: How it ended.
        planner: Who searched.
        plan: The steps, where it is SOLVED.
        seconds: Wall-clock time of the search, also where the result comes from a cache.
        detail: What else the planner said.
    """

    status: Status
    planner: str
    plan: Plan | None = None
    seconds: float = 0.0
    detail: str = ""


class PlanningError(PDDLError):
    """There is no plan where one is needed, or it cannot be kept.

    Attributes:
        result: How the search ended; None if no planner was started.
    """

    def __init__(
        self, what: str, *, expected: str, remedy: str, result: PlanResult | None = None
    ) -> None:
        super().__init__(what, expected=expected, remedy=remedy)
        self.result = result

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (self.what, self.expected, self.remedy, self.result)


def _rebuilt(what: str, expected: str, remedy: str, result: PlanResult | None) -> PlanningError:
    """Make the error again in another process."""
    return PlanningError(what, expected=expected, remedy=remedy, result=result)


class Planner(Protocol):
    """Whatever finds plans. Equal names mean equal planners: cached plans are filed by it."""

    @property
    def name(self) -> str:
        """Of the planner and its options."""
        ...

    def find(self, domain: Domain, problem: Problem) -> PlanResult:
        """Search for a plan.

        Raises:
            PlanningError: The planner is not installed.
        """
        ...


def checked(
    domain: Domain, problem: Problem, steps: Sequence[Step], planner: str, seconds: float
) -> PlanResult:
    """Return the result of a search that gave a plan: SOLVED only if it reaches the goal."""
    plan = tuple(steps)
    try:
        reached = after(domain, problem, plan)
    except PDDLError as error:
        return PlanResult(Status.FAILED, planner, None, seconds, error.what)
    missing = [a for a in problem.goal if a not in reached]
    if missing:
        detail = f"the plan does not reach {missing[0]}"
        return PlanResult(Status.FAILED, planner, None, seconds, detail)
    return PlanResult(Status.SOLVED, planner, plan, seconds)
