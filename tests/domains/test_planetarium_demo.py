"""The demo of goals: problems made on the spot, and the plan that steers."""

import math

import pytest

from domains.planetarium.demo import DEMO
from domains.planetarium.equivalence import problem_fingerprint
from domains.planetarium.judge import true_problem
from domains.planetarium.training.problems import HELD_OUT
from smc.cli.demo_domain import DOMAINS, default_domain, find_domain


@pytest.fixture(scope="module")
def items():
    return DEMO.items(12)


def test_problems_are_the_same_again_and_different_from_each_other(items):
    assert DEMO.items(5) == items[:5]
    assert len({item.prompt for item in items}) == len(items)


def test_problems_are_of_classes_that_the_model_was_not_trained_on(items):
    for item in items:
        assert problem_fingerprint(true_problem(item.problem))[0] < HELD_OUT
        assert 7 <= item.objects <= 9


def test_the_true_goal_has_weight_and_is_right(items):
    for item in items:
        goal = "".join(f" {atom}" for atom in true_problem(item.problem).goal)
        answer = goal.removesuffix(")")  # the stop string takes the last parenthesis
        assert goal not in item.prompt
        _, reaches = DEMO.potentials(item)
        assert reaches.complete(reaches.advance(reaches.start(), answer.encode())) == 0.0
        assert DEMO.score(item, answer) == {"correct": 1.0, "parses": 1.0}


def test_a_goal_that_the_plan_does_not_reach_has_none(items):
    _, reaches = DEMO.potentials(items[0])
    wrong = " (on b1 b1"
    assert reaches.complete(reaches.advance(reaches.start(), wrong.encode())) == -math.inf
    assert DEMO.score(items[0], wrong)["correct"] == 0.0
    assert DEMO.remark(items[0], " (arm-empty) (clear b1") == "2 atoms"
    assert DEMO.draw(items[0], " (arm-empty") is None


def test_names_of_the_command():
    assert find_domain("goals") is DEMO is find_domain("planetarium")
    assert default_domain() in DOMAINS
