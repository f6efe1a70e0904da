"""Goals by a known plan: does the goal hold where the plan leads?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potentials.pddl.answers import CLOSED_EXPRESSIONS, AtomPotential
from potentials.pddl.model import Atom, Domain, Problem
from potentials.pddl.planning import find_plan
from potentials.pddl.plans import Planner, PlanningError, PlanResult
from potentials.pddl.problems import check_problem
from potentials.pddl.strips import Plan, Step, after
from smc.potential import Boundary


class PlanReachesGoal(AtomPotential[bool]):
    """Keeps a goal that holds in the state which a known plan leads to.

    Of the problem the initial state is used, and the goal only to find the plan: it is the true
    goal, so this potential is for one who has the answer and measures how close a model comes. The
    plan is found and run once, when the potential is made; each atom of a goal is then looked up in
    the state that it leads to.

    Args:
        domain: Of the problem.
        problem: With the true goal.
        plan: If given, no planner is asked, and the goal need not be the true one.
        planner: Who searches for the plan; default `FastDownward()`, a process of its own.
        cache: A folder in which plans are kept; None: nowhere.
        boundary: When `prefix` is asked; default `closed_expressions()`; None: after every token.

    Attributes:
        planning: How the plan was found and in how many seconds; None where it was given.
        plan: Its steps.
        reached: The atoms that hold where it leads.

    Raises:
        PDDLError: The problem does not fit the domain, or `plan` cannot be run.
        PlanningError: No plan was found; its `result` says why, and `find_plan` returns the same
            without raising. Or the planner is not installed, or the cache cannot be written.

    Reference:
        Loula et al. 2025 (arXiv:2504.13139), the domain of goal inference.

    Example:
        >>> from potentials.pddl import Step, parse_domain, parse_problem
        >>> from smc.potential import log_prefix
        >>> domain = parse_domain('''(define (domain walk) (:predicates (at ?p))
        ...     (:action go :parameters (?p ?q) :precondition (at ?p)
        ...      :effect (and (at ?q) (not (at ?p)))))''')
        >>> problem = parse_problem('''(define (problem p) (:domain walk) (:objects a b)
        ...     (:init (at a)) (:goal (and (at b))))''')
        >>> reaches = PlanReachesGoal(domain, problem, plan=[Step("go", ("a", "b"))])
        >>> log_prefix(reaches, " (at b)"), log_prefix(reaches, " (at a)")
        (0.0, -inf)
    """

    def __init__(
        self,
        domain: Domain,
        problem: Problem,
        *,
        plan: Sequence[Step] | None = None,
        planner: Planner | None = None,
        cache: str | Path | None = None,
        boundary: Boundary[Any] | None = CLOSED_EXPRESSIONS,
    ) -> None:
        super().__init__(boundary=boundary)
        check_problem(domain, problem)
        self.planning: PlanResult | None = None
        if plan is None:
            self.planning = find_plan(domain, problem, planner=planner, cache=cache)
            plan = _found(problem, self.planning)
        self.plan: Plan = tuple(plan)
        self.reached = after(domain, problem, self.plan)

    def nothing(self) -> bool:
        """Return the facts of the empty goal: nothing is to be known of the atoms before."""
        return True

    def taking(self, facts: bool, atom: Atom) -> bool | None:
        """Return True if the atom holds where the plan leads, else None."""
        return True if atom in self.reached else None


def _found(problem: Problem, result: PlanResult) -> Plan:
    if result.plan is None:
        detail = f" ({result.detail})" if result.detail else ""
        raise PlanningError(
            f"no plan for the problem {problem.name}: {result.planner} ended after "
            f"{result.seconds:.1f} s with {result.status.name}{detail}",
            expected="a plan that reaches its goal",
            remedy="Give another planner= or a plan=, raise its limits, or use GoalConsistent and "
            "GoalReachable, which need none.",
            result=result,
        )
    return result.plan
