"""Plan search: the plan of a problem is found by a planner, or fetched from the cache."""

from __future__ import annotations

from pathlib import Path

from potentials.pddl.cache import PlanCache
from potentials.pddl.fast_downward import FastDownward
from potentials.pddl.model import Domain, Problem
from potentials.pddl.plans import Planner, PlanResult
from potentials.pddl.problems import check_problem


def find_plan(
    domain: Domain,
    problem: Problem,
    *,
    planner: Planner | None = None,
    cache: str | Path | None = None,
) -> PlanResult:
    """Search for a plan that reaches a problem's goal.

    A plan that is found has been run: it can be taken step by step, and the goal holds after it.

    Args:
        domain: Of the problem.
        problem: With its goal.
        planner: Who searches; default `FastDownward()`.
        cache: A folder for plans; None: nothing is kept. What is kept there, plans and proofs that
            there is none, is not searched for again by a planner of the same name.

    Returns:
        The plan, or why there is none: UNSOLVABLE, TIMEOUT and the like are results.

    Raises:
        PDDLError: The problem does not fit the domain.
        PlanningError: The planner is not installed, or the cache's folder cannot be made or
            written; what was found before that is in its `result`.
    """
    check_problem(domain, problem)
    planner = planner or FastDownward()
    kept = PlanCache(Path(cache)) if cache is not None else None
    known = kept.get(domain, problem, planner.name) if kept else None
    if known is not None:
        return known
    if kept:
        kept.make()
    result = planner.find(domain, problem)
    if kept:
        kept.keep(domain, problem, planner.name, result)
    return result
