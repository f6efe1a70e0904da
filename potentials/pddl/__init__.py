"""Planning goals in PDDL: reading, the grammar of a problem's goals, and what makes one good.

The text that these potentials read is an answer to a prompt that ends in `(:goal (and`: atoms, and
then the parenthesis that closes the conjunction, `" (on a b) (clear a))"`. Where `))` is a stop
string the text lacks those two characters, `" (on a b) (clear a"`; the potentials take both.

Importing this loads none of its modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.lazy import lazy_names

if TYPE_CHECKING:
    from potentials.pddl.answers import closed_expressions
    from potentials.pddl.consistent import GoalConsistent
    from potentials.pddl.constructive import Constructive
    from potentials.pddl.domains import parse_domain
    from potentials.pddl.errors import PDDLError
    from potentials.pddl.fast_downward import FastDownward
    from potentials.pddl.grammar import goal_grammar
    from potentials.pddl.model import Action, Atom, Domain, Problem
    from potentials.pddl.mutexes import invariants
    from potentials.pddl.planning import find_plan
    from potentials.pddl.plans import Planner, PlanningError, PlanResult, Status
    from potentials.pddl.problems import check_problem, parse_goal, parse_problem
    from potentials.pddl.reachable import GoalReachable
    from potentials.pddl.reaching import PlanReachesGoal
    from potentials.pddl.relaxed import relaxed_reachable
    from potentials.pddl.strips import Plan, Step, after
    from potentials.pddl.writing import domain_text, problem_text

_HOMES = {
    "Action": "potentials.pddl.model",
    "Atom": "potentials.pddl.model",
    "Constructive": "potentials.pddl.constructive",
    "Domain": "potentials.pddl.model",
    "FastDownward": "potentials.pddl.fast_downward",
    "GoalConsistent": "potentials.pddl.consistent",
    "GoalReachable": "potentials.pddl.reachable",
    "PDDLError": "potentials.pddl.errors",
    "Plan": "potentials.pddl.strips",
    "PlanReachesGoal": "potentials.pddl.reaching",
    "PlanResult": "potentials.pddl.plans",
    "Planner": "potentials.pddl.plans",
    "PlanningError": "potentials.pddl.plans",
    "Problem": "potentials.pddl.model",
    "Status": "potentials.pddl.plans",
    "Step": "potentials.pddl.strips",
    "after": "potentials.pddl.strips",
    "check_problem": "potentials.pddl.problems",
    "closed_expressions": "potentials.pddl.answers",
    "domain_text": "potentials.pddl.writing",
    "find_plan": "potentials.pddl.planning",
    "goal_grammar": "potentials.pddl.grammar",
    "invariants": "potentials.pddl.mutexes",
    "parse_domain": "potentials.pddl.domains",
    "parse_goal": "potentials.pddl.problems",
    "parse_problem": "potentials.pddl.problems",
    "problem_text": "potentials.pddl.writing",
    "relaxed_reachable": "potentials.pddl.relaxed",
}

__all__ = [
    "Action",
    "Atom",
    "Constructive",
    "Domain",
    "FastDownward",
    "GoalConsistent",
    "GoalReachable",
    "PDDLError",
    "Plan",
    "PlanReachesGoal",
    "PlanResult",
    "Planner",
    "PlanningError",
    "Problem",
    "Status",
    "Step",
    "after",
    "check_problem",
    "closed_expressions",
    "domain_text",
    "find_plan",
    "goal_grammar",
    "invariants",
    "parse_domain",
    "parse_goal",
    "parse_problem",
    "problem_text",
    "relaxed_reachable",
]

__getattr__ = lazy_names(__name__, _HOMES)
