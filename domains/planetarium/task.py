"""The planning task: a goal in words is completed in PDDL."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from domains.base import Item, checked_weights
from domains.planetarium.data import PlanetariumRow, choose, load
from domains.planetarium.judge import judge, true_problem
from domains.planetarium.prompt import STOP, goal_prompt
from domains.planetarium.shown import few_shot
from domains.planetarium.worlds import WORLDS, world_of
from smc.potential import AnyPotential

if TYPE_CHECKING:
    from potentials.grammar import Grammar
    from potentials.pddl import Planner

COUNT = 100
MAX_OBJECTS = 9
POTENTIALS = ("plan", "consistent", "reachable", "whole")
PLANNERS = ("fast-downward", "constructive")


@dataclass(frozen=True)
class GoalItem(Item):
    """A problem whose goal is to be written.

    Attributes:
        problem: In PDDL, with the true goal, which the scorer sees and the potential that knows a
            plan.
        placeholder: Initial state and goal may be renamed apart.
        objects: How many.
    """

    problem: str
    placeholder: bool
    objects: int


@dataclass(frozen=True)
class PlanetariumTask:
    """Goals of Planetarium, set up as by Loula et al. 2025 (arXiv:2504.13139).

    Args:
        domains: `blocksworld`, as in the paper, `gripper`, or both.
        max_objects: Of a problem; None: all.
        abstract: Take also descriptions that do not name every atom ("a single stack").
        potential: What steers beside the grammar, joined by `+`. `plan`: a plan for the true goal
            must lead to the goal that is written, as in the paper. `consistent`, `reachable`: what
            can be told without the true goal. `whole`: the goal is one state and no more, for one
            who knows that much.
        planner: `fast-downward`, or `constructive`, which needs no further package and makes longer
            plans; where a goal fixes the whole state, as in blocksworld, both lead to the same one.
        plans: Folder for plans, none of which is searched for twice; None: `smc/plans` in the
            user's cache.
        shots: How many problems, made here, a prompt shows with their goals; for models that were
            not trained on the task.

    Raises:
        ValueError: An argument has a value that is not listed here.
    """

    domains: tuple[str, ...] = ("blocksworld",)
    max_objects: int | None = MAX_OBJECTS
    abstract: bool = False
    potential: str = "plan"
    planner: str = "fast-downward"
    plans: Path | None = None
    shots: int = 0

    name = "planetarium"
    primary = "correct"
    stop = (STOP,)
    max_tokens = 150
    resample_at = None
    proposal = None

    def __post_init__(self) -> None:
        _listed("domains", self.domains, tuple(WORLDS))
        _listed("potential", self.potential.split("+"), POTENTIALS)
        _listed("planner", (self.planner,), PLANNERS)
        if self.shots < 0:
            raise ValueError(f"planetarium: shots is {self.shots}; expected 0 or more.")

    def items(self, limit: int | None = None, data: Path | None = None) -> list[GoalItem]:
        """Return `limit` problems (default 100); a limit never changes those before it.

        Args:
            limit: How many; more than there are gives all.
            data: Root of the data sets, or a file of the data set.

        Raises:
            FileNotFoundError: The data set is not there.
            ValueError: A file is unreadable or lacks columns, no row is of the wanted kind, a
                problem is malformed, or the limit is negative.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"planetarium: limit is {limit}; expected None, 0 or more.")
        if data is None:
            raise FileNotFoundError(
                "planetarium: no folder of data was given; expected one with a folder planetarium. "
                "Set SMC_DATA, or give --data."
            )
        rows = choose(load(data), self.domains, self.max_objects, self.abstract)
        if not rows:
            raise ValueError(
                f"planetarium: {data} has no problem of {' or '.join(self.domains)} with at most "
                f"{self.max_objects} objects and a description of this kind; allow more."
            )
        return [_item(row, self.shots) for row in rows[: COUNT if limit is None else limit]]

    def cheap(self, item: GoalItem) -> list[AnyPotential]:
        """Return the grammar of goals over the problem's objects; one object for equal objects."""
        return [_grammar(world_of(true_problem(item.problem)).name, _objects(item.problem))]

    def expensive(self, item: GoalItem) -> list[AnyPotential]:
        """Return what steers beside the grammar; the same objects for the same problem.

        Raises:
            PlanningError: No plan for the true goal was found, or the planner is not installed.
        """
        return [self._potential(name, item.problem) for name in self.potential.split("+")]

    def score(self, item: GoalItem, text: str) -> dict[str, float]:
        """Return correct, solvable and parses: 1 or 0."""
        verdict = judge(item.problem, text, item.placeholder)
        return {
            "correct": float(verdict.correct),
            "solvable": float(verdict.solvable),
            "parses": float(verdict.parses),
        }

    def population_scores(
        self, item: GoalItem, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Return nothing: answers are judged one by one."""
        checked_weights(texts, weights)
        return {}

    def _potential(self, name: str, problem: str) -> AnyPotential:
        if name == "plan":
            return _reaches(problem, self.planner, self.plans or _user_plans())
        return {"consistent": _consistent, "reachable": _reachable, "whole": _whole}[name](problem)


def make_planner(name: str) -> Planner:
    """Return a planner by its name in `PLANNERS`."""
    from potentials.pddl import Constructive, FastDownward

    return FastDownward() if name == "fast-downward" else Constructive()


def _item(row: PlanetariumRow, shots: int) -> GoalItem:
    true_problem(row.problem)
    return GoalItem(
        id=f"planetarium-{row.digest[:12]}",
        prompt=few_shot(goal_prompt(row.description, row.problem), shots),
        problem=row.problem,
        placeholder=row.placeholder,
        objects=row.objects,
    )


def _listed(argument: str, values: Sequence[str], known: Sequence[str]) -> None:
    unknown = [value for value in values if value not in known]
    if unknown or not values:
        raise ValueError(
            f"planetarium: {argument} is {', '.join(map(repr, values)) or 'empty'}; expected some "
            f"of {', '.join(known)}."
        )


def _user_plans() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "smc" / "plans"


def _objects(problem: str) -> tuple[str, ...]:
    return tuple(sorted(true_problem(problem).objects))


@lru_cache(maxsize=256)
def _grammar(domain: str, objects: tuple[str, ...]) -> Grammar:
    from potentials.grammar import Grammar
    from potentials.pddl import Problem, goal_grammar

    some = Problem("objects", domain, dict.fromkeys(objects, "object"), frozenset(), ())
    return Grammar(goal_grammar(WORLDS[domain].domain, some))


@lru_cache(maxsize=1024)
def _reaches(problem: str, planner: str, plans: Path) -> AnyPotential:
    from potentials.pddl import PlanReachesGoal

    true = true_problem(problem)
    return PlanReachesGoal(world_of(true).domain, true, planner=make_planner(planner), cache=plans)


@lru_cache(maxsize=1024)
def _consistent(problem: str) -> AnyPotential:
    from potentials.pddl import GoalConsistent

    true = true_problem(problem)
    return GoalConsistent(world_of(true).domain, true)


@lru_cache(maxsize=1024)
def _reachable(problem: str) -> AnyPotential:
    from potentials.pddl import GoalReachable

    true = true_problem(problem)
    return GoalReachable(world_of(true).domain, true)


@lru_cache(maxsize=1024)
def _whole(problem: str) -> AnyPotential:
    from domains.planetarium.whole import GoalWhole

    return GoalWhole(true_problem(problem))


TASK = PlanetariumTask()
