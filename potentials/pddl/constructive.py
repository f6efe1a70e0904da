"""Constructive planners: plans made by rule, without search, for the two usual domains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from potentials.pddl.model import Atom, Domain, Problem
from potentials.pddl.plans import PlanResult, Status, checked
from potentials.pddl.strips import Step


@dataclass(frozen=True)
class Constructive:
    """Makes plans for blocksworld (four operators) and gripper, in milliseconds.

    Blocksworld: every block is put on the table, then the towers of the goal are built from below;
    what the goal does not speak of ends on the table. Gripper: every ball that is carried is
    dropped, then each is taken where the goal wants it. The plans are long, and where a goal leaves
    something open the state that they lead to is not a search's. Like any plan they are run before
    they count. Other domains, and goals that these rules do not reach, are NOT_FOUND.
    """

    name = "constructive"

    def find(self, domain: Domain, problem: Problem) -> PlanResult:
        """Make a plan."""
        began = time.perf_counter()
        actions = {action.name: len(action.parameters) for action in domain.actions}
        for wanted, make in _RULES:
            if actions == wanted:
                steps = make(problem)
                result = checked(domain, problem, steps, self.name, time.perf_counter() - began)
                if result.status is Status.SOLVED:
                    return result
        return PlanResult(
            Status.NOT_FOUND,
            self.name,
            seconds=time.perf_counter() - began,
            detail="no rule for this domain, or none that reaches this goal",
        )


def _blocksworld(problem: Problem) -> list[Step]:
    steps: list[Step] = []
    under = _pairs(problem.init, "on")
    above = {low: high for high, low in under.items()}
    steps += [Step("putdown", (block,)) for block in _first(problem.init, "holding")]
    for block in list(under):
        for _ in range(len(above)):  # up to the top of its tower
            block = above.get(block, block)
        while block in under:
            low = under.pop(block)
            above.pop(low, None)
            steps += [Step("unstack", (block, low)), Step("putdown", (block,))]
            block = low
    wanted = _pairs(problem.goal, "on")
    built: set[str] = set()
    for block in wanted:
        tower = []
        while block in wanted and block not in built:
            built.add(block)
            tower.append(block)
            block = wanted[block]
        for each in reversed(tower):
            steps += [Step("pickup", (each,)), Step("stack", (each, wanted[each]))]
    for block in _first(problem.goal, "holding"):
        if block in wanted:
            steps.append(Step("unstack", (block, wanted[block])))
        else:
            steps.append(Step("pickup", (block,)))
    return steps


def _gripper(problem: Problem) -> list[Step]:
    steps: list[Step] = []
    here = next(iter(_first(problem.init, "at-robby")), "")
    places = _pairs(problem.init, "at")
    hands = _first(problem.init, "gripper")
    for ball, hand in _pairs(problem.init, "carry").items():
        steps.append(Step("drop", (ball, here, hand)))
        places[ball] = here
    errands = [(b, r, "") for b, r in _pairs(problem.goal, "at").items()]
    errands += [(b, "", hand) for b, hand in _pairs(problem.goal, "carry").items()]
    for ball, room, hand in errands:
        place = places.get(ball, room)
        if place == room:
            continue
        hand = hand or next(iter(hands), "")
        steps += [Step("move", (here, place)), Step("pick", (ball, place, hand))]
        here = place
        if room:
            steps += [Step("move", (here, room)), Step("drop", (ball, room, hand))]
            here = room
    steps += [Step("move", (here, room)) for room in _first(problem.goal, "at-robby")]
    return steps


def _pairs(atoms: Iterable[Atom], predicate: str) -> dict[str, str]:
    """Return first argument -> second argument of a predicate's atoms, in a fixed order."""
    return {a.args[0]: a.args[1] for a in sorted(atoms) if a.predicate == predicate}


def _first(atoms: Iterable[Atom], predicate: str) -> list[str]:
    return [a.args[0] for a in sorted(atoms) if a.predicate == predicate]


_RULES: tuple[tuple[dict[str, int], Callable[[Problem], list[Step]]], ...] = (
    ({"pickup": 1, "putdown": 1, "stack": 2, "unstack": 2}, _blocksworld),
    ({"move": 2, "pick": 3, "drop": 3}, _gripper),
)
