"""Judgement of an answer: is it the goal that was asked for?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from domains.planetarium.equivalence import equivalent, solvable
from domains.planetarium.prompt import completed
from domains.planetarium.worlds import WORLDS, world_of
from potentials.pddl import PDDLError, Problem, parse_problem

MAX_ANSWER = 20_000
"""Characters; longer answers are not read."""


@dataclass(frozen=True)
class GoalVerdict:
    """What an answer is worth.

    Attributes:
        parses: It completes the problem: known predicates, known objects, right arity.
        solvable: Some plan reaches it.
        correct: The completed problem is equivalent to the true one.
    """

    parses: bool
    solvable: bool
    correct: bool


@lru_cache(maxsize=4096)
def judge(problem: str, answer: str, placeholder: bool = False) -> GoalVerdict:
    """Compare the problem that an answer completes with the true one.

    Args:
        problem: In PDDL, with the true goal.
        answer: What followed `(:goal (and`, cut before the first `))`.
        placeholder: Initial state and goal may be renamed apart.

    Raises:
        PDDLError: The true problem is malformed.
        ValueError: It is of another domain.
    """
    true = true_problem(problem)
    if len(answer) > MAX_ANSWER:
        return GoalVerdict(parses=False, solvable=False, correct=False)
    try:
        given = parse_problem(completed(problem, answer), world_of(true).domain)
    except PDDLError:
        return GoalVerdict(parses=False, solvable=False, correct=False)
    can = solvable(given)
    return GoalVerdict(True, can, can and equivalent(true, given, placeholder))


@lru_cache(maxsize=1024)
def true_problem(text: str) -> Problem:
    """Read a problem and hold it against its domain.

    Raises:
        PDDLError: It is malformed.
        ValueError: It is of another domain than the two.
    """
    problem = parse_problem(text)
    world = world_of(problem)
    return parse_problem(text, WORLDS[world.name].domain)
