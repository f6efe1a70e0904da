"""Goals that are one state and no more: held against all states, by brute force."""

from __future__ import annotations

import math
import random

import pytest

import smc
from domains.planetarium.brute_force import goal_states
from domains.planetarium.check import random_problem
from domains.planetarium.judge import true_problem
from domains.planetarium.task import PlanetariumTask
from domains.planetarium.whole import GoalWhole
from potentials.pddl import parse_problem
from smc.potential import log_complete, log_prefix
from tests.domains.planetarium_rows import made_rows, written

TWO = parse_problem("""(define (problem two) (:domain blocksworld) (:objects a b)
    (:init (arm-empty) (clear a) (on a b) (on-table b)) (:goal (and)))""")


def test_a_goal_is_whole_where_one_state_alone_has_it():
    rng = random.Random(91)
    found = []
    for _ in range(400):
        problem = random_problem(rng)
        answer = "".join(f" {atom}" for atom in problem.goal) + ")"
        found.append(log_complete(GoalWhole(problem), answer) == 0.0)
        assert found[-1] == (len(goal_states(problem)) == 1), problem
    assert 80 < sum(found) < 320


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (" (on b a))", True),  # nothing else can be in the arm
        (" (on b a", True),
        (" (holding a))", True),
        (" (clear a) (clear b) (arm-empty))", True),
        (" (clear a) (clear b))", True),
        (" (clear a))", False),
        (" (arm-empty))", False),
        ("", False),
        (" (on b a) (on a b))", False),
        (" (on b c))", False),
        (" (on b", False),
    ],
)
def test_what_is_whole(text: str, whole: bool):
    assert (log_complete(GoalWhole(TWO), text) == 0.0) == whole


def test_the_laws_hold_and_a_beginning_may_always_become_whole():
    potential = GoalWhole(TWO)
    texts = [" (on b a) (clear b))", " (clear a))", " (arm-empty) (on a b", " (on b z))", ")", ""]
    smc.check_potential(potential, texts)
    assert log_prefix(potential, " (clear a)") == 0.0
    assert log_prefix(potential, " (on b z)") == -math.inf


def test_the_task_has_it_and_it_is_shared(tmp_path):
    root = written(tmp_path / "planetarium", made_rows()).parents[1]
    task = PlanetariumTask(potential="consistent+whole")
    found = []
    for item in task.items(data=root):
        _, whole = task.expensive(item)
        assert isinstance(whole, GoalWhole) and task.expensive(item)[1] is whole
        problem = true_problem(item.problem)
        found.append(log_complete(whole, " " + " ".join(map(str, problem.goal)) + ")") == 0.0)
        assert found[-1] == (len(goal_states(problem)) == 1)
    assert any(found)
