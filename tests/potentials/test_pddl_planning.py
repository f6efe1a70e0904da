"""Planners: plans that hold, and every way in which there is none."""

import pickle
from dataclasses import dataclass, field

import pytest

from potentials.pddl import (
    Constructive,
    Domain,
    PDDLError,
    PlanningError,
    PlanReachesGoal,
    PlanResult,
    Problem,
    Status,
    Step,
    after,
    find_plan,
    parse_domain,
    parse_problem,
)
from potentials.pddl.plans import checked
from tests.potentials.pddl_worlds import ABC, BLOCKS, GRIPPER, POST, ROOMS, TYPED, blocks_text

BLOCKS_DOMAIN, GRIPPER_DOMAIN, POST_DOMAIN = map(parse_domain, (BLOCKS, GRIPPER, TYPED))
TOWERS = parse_problem(ABC, BLOCKS_DOMAIN)
WORLDS = {
    "blocks": (BLOCKS_DOMAIN, TOWERS),
    "gripper": (GRIPPER_DOMAIN, parse_problem(ROOMS, GRIPPER_DOMAIN)),
    "typed": (POST_DOMAIN, parse_problem(POST, POST_DOMAIN)),
}


def towers(goal: str, names: str = "a b c", init: str | None = None) -> Problem:
    init = init or "(arm-empty) (on a b) (on-table b) (on-table c) (clear a) (clear c)"
    return parse_problem(blocks_text(names, init, goal), BLOCKS_DOMAIN)


@dataclass
class Fake:
    """A planner that answers what it is told to, and counts."""

    result: PlanResult
    name: str = "fake"
    asked: list[str] = field(default_factory=list)

    def find(self, domain: Domain, problem: Problem) -> PlanResult:
        self.asked.append(problem.name)
        return self.result


def holds(domain: Domain, problem: Problem, result: PlanResult) -> bool:
    assert result.plan is not None
    return set(problem.goal) <= after(domain, problem, result.plan)


@pytest.mark.parametrize(
    ("problem", "ok"),
    [
        (TOWERS, True),
        (towers("(and (on a b) (on b c))"), True),
        (towers("(and (holding b) (on c a))"), True),
        (towers("(and (holding a) (on b c))"), True),
        (towers("(and (clear b) (arm-empty))"), True),
        (towers("(and (on c b) (on b a) (holding c))"), False),
        (towers("(and (on a b) (on b a))"), False),
        (towers("(and (on a a))"), False),
        (towers("(and (on a b))", init="(holding a) (on-table b) (clear b)"), True),
        (towers("(and (clear a))", init="(on a b) (on b a) (arm-empty)"), False),
        (WORLDS["gripper"][1], True),
        (WORLDS["typed"][1], False),
    ],
)
def test_constructed_plans_hold_or_are_not_given(problem: Problem, ok: bool):
    domain = {"blocks": BLOCKS_DOMAIN, "balls": GRIPPER_DOMAIN, "post": POST_DOMAIN}[problem.domain]
    result = find_plan(domain, problem, planner=Constructive())
    assert result.status is (Status.SOLVED if ok else Status.NOT_FOUND), result
    assert not ok or holds(domain, problem, result)


@pytest.mark.parametrize(
    "goal",
    [
        "(and (carry ball1 right) (carry ball2 left) (at-robby r2))",
        "(and (at ball2 r1) (free left) (free right))",
        "(and (at ball2 r2) (carry ball1 left))",
        "(and (at-robby r2))",
        "(at ball1 r1)",
    ],
)
def test_constructed_plans_of_the_gripper(goal: str):
    text = ROOMS.replace("(and (at ball1 r2) (at ball2 r2))", goal)
    problem = parse_problem(text, GRIPPER_DOMAIN)
    result = find_plan(GRIPPER_DOMAIN, problem, planner=Constructive())
    assert result.status is Status.SOLVED and holds(GRIPPER_DOMAIN, problem, result)


def test_no_plan_where_one_is_needed_is_an_error_that_holds_the_result():
    told = PlanResult(Status.TIMEOUT, "fake", None, 7.0)
    with pytest.raises(PlanningError, match=r"towers: fake ended after 7\.0 s with TIMEOUT") as got:
        PlanReachesGoal(BLOCKS_DOMAIN, TOWERS, planner=Fake(told))
    assert got.value.result == told
    assert "GoalConsistent" in got.value.remedy
    assert pickle.loads(pickle.dumps(got.value)).result == told


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([Step("pickup", ("b",))], "does not hold"),
        ([Step("unstack", ("a", "b")), Step("putdown", ("a",))], "does not reach (on b c)"),
        ([Step("fly", ())], "no action"),
    ],
)
def test_a_plan_that_a_planner_made_up_is_a_breakdown(steps: list[Step], says: str):
    class Wrong(Fake):
        def find(self, domain: Domain, problem: Problem) -> PlanResult:
            return checked(domain, problem, steps, "wrong", 0.1)

    result = find_plan(BLOCKS_DOMAIN, TOWERS, planner=Wrong(PlanResult(Status.FAILED, "wrong")))
    assert result.status is Status.FAILED and result.plan is None
    assert says in result.detail


def test_a_given_plan_is_run():
    with pytest.raises(PDDLError, match="cannot be taken"):
        PlanReachesGoal(BLOCKS_DOMAIN, TOWERS, plan=[Step("pickup", ("b",))])


def test_a_problem_of_another_domain_is_refused():
    with pytest.raises(PDDLError, match="of the domain blocks"):
        find_plan(GRIPPER_DOMAIN, TOWERS, planner=Constructive())
