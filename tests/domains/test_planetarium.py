"""The planning task: prompt, items, potentials, scores."""

from __future__ import annotations

import os
import random
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.tasks import load_task
from domains.planetarium.describe import describe
from domains.planetarium.equivalence import problem_fingerprint
from domains.planetarium.generate import blocks
from domains.planetarium.judge import GoalVerdict, judge, true_problem
from domains.planetarium.prompt import (
    INSTRUCTION,
    STOP,
    completed,
    goal_prompt,
    goal_words,
    opening,
)
from domains.planetarium.shown import shown
from domains.planetarium.task import PlanetariumTask
from domains.planetarium.training.problems import benchmark_classes
from potentials.pddl import Atom, PDDLError, parse_problem
from smc.potential import log_complete, log_prefix
from tests.domains.planetarium_rows import made_rows, written

SWAP = """(define (problem swap) (:domain blocksworld) (:requirements :strips)
    (:objects b1 b2 b3)
    (:init (arm-empty) (clear b1) (on b1 b2) (on-table b2) (clear b3) (on-table b3))
    (:goal (and (arm-empty) (clear b2) (on b2 b1) (on-table b1) (on b3 b2))))"""
"""Its goal has no state: two blocks cannot be clear and under another at once."""

TOWER = SWAP.replace("(clear b2) (on b2 b1)", "(clear b3) (on b2 b1)")
CARRY = """(define (problem carry) (:domain gripper) (:requirements :strips)
    (:objects ball1 ball2 left right hall)
    (:init (ball ball1) (ball ball2) (gripper left) (gripper right) (room hall)
           (at-robby hall) (carry ball1 left) (at ball2 hall) (free right))
    (:goal (and (at ball1 hall) (carry ball2 left))))"""


@pytest.fixture
def task(tmp_path):
    return PlanetariumTask(planner="constructive", plans=tmp_path / "plans")


@pytest.fixture
def root(tmp_path):
    written(tmp_path / "data" / "planetarium", made_rows())
    return tmp_path / "data"


def test_the_prompt_shows_the_words_for_the_goal_and_the_problem_up_to_it():
    prompt = goal_prompt("You have 3 blocks.\nYour goal is to build.", TOWER)
    assert prompt.endswith("(clear b3) (on-table b3))\n    (:goal (and")
    assert "Your goal is to build.\n\n(define (problem swap)" in prompt
    assert "You have" not in prompt
    assert "(on b3 b2)" not in prompt
    assert goal_words("Build a tower.") == "Build a tower."


def test_shown_problems_stand_between_the_instruction_and_the_question(root):
    plain, few_shot = PlanetariumTask(), PlanetariumTask(shots=2)
    (before,), (after,) = plain.items(1, root), few_shot.items(1, root)
    assert before.id == after.id
    examples = after.prompt.removeprefix(INSTRUCTION).removesuffix(
        before.prompt.removeprefix(INSTRUCTION)
    )
    problems = examples.strip().split("\n\n")[1::2]
    assert [len(parse_problem(p).objects) for p in problems] == [3, 4]
    assert after.prompt == INSTRUCTION + examples + before.prompt.removeprefix(INSTRUCTION)
    for words, problem in zip(examples.strip().split("\n\n")[::2], problems, strict=True):
        # Shown as asked: what follows `(:goal (and` is an answer that is right.
        answer = problem.removeprefix(opening(problem)).split(STOP)[0]
        assert judge(problem, answer).correct
        assert words.count("\n") == len(parse_problem(problem).goal)
    with pytest.raises(ValueError, match="shots is -1"):
        PlanetariumTask(shots=-1)


def test_no_problem_of_the_data_is_shown():
    data = Path(os.environ.get("SMC_DATA", "../shared/data"))
    if not (data / "planetarium").exists():
        pytest.skip("no planetarium under SMC_DATA")
    classes = benchmark_classes(data)
    problems = shown(3).strip().split("\n\n")[1::2]
    assert len(problems) == 3
    assert not {problem_fingerprint(parse_problem(p)) for p in problems} & classes


def test_a_problem_with_a_goal_of_one_atom_is_opened_all_the_same():
    one = TOWER.split("(:goal")[0] + "(:goal (holding b1)))"
    assert opening(one).endswith("(:goal (and")
    assert judge(one, " (holding b1").correct
    with pytest.raises(ValueError, match=r"no \(:goal"):
        opening("(define (problem p))")


@pytest.mark.parametrize("answer", [" (clear b1", " (clear b1)"])
def test_an_answer_is_completed_whether_or_not_its_last_atom_is_closed(answer):
    found = parse_problem(completed(TOWER, answer))
    assert found.goal == (Atom("clear", ("b1",)),)
    assert found.init == parse_problem(TOWER).init


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (" (arm-empty) (clear b3) (on b3 b2) (on b2 b1) (on-table b1", (True, True, True)),
        (" (on b3 b2) (on b2 b1", (True, True, True)),
        # Of the third block nothing is said: it may be held.
        (" (on b2 b1) (clear b2", (True, True, False)),
        (" (arm-empty) (on b3 b2) (on b1 b3", (True, True, False)),
        (" (on b1 b2) (on b2 b1", (True, False, False)),
        (" (clear b1) (on b2 b1", (True, False, False)),
        (" (on b3 b9", (False, False, False)),
        (" (on b3", (False, False, False)),
        (" (over b3 b2", (False, False, False)),
        (" (on b3 b2))) (:goal (and (on b2 b1", (False, False, False)),
        (" (not (clear b3", (False, False, False)),
        ("", (True, True, False)),
        ("\0é(", (False, False, False)),
        ("(" * 30_000, (False, False, False)),
        (" (clear b3)" * 3000, (False, False, False)),
    ],
)
def test_answers_are_judged(answer, verdict):
    assert judge(TOWER, answer) == GoalVerdict(*verdict)


def test_an_answer_in_gripper_is_judged_by_what_one_room_implies():
    # The hall is the only room: the robot is there, and the other gripper carries nothing.
    assert judge(CARRY, " (at-robby hall) (at ball1 hall) (free right) (carry ball2 left").correct
    assert not judge(CARRY, " (at ball1 hall) (carry ball2 right").correct
    assert not judge(CARRY, " (at ball2 hall) (carry ball1 left").correct
    assert judge(CARRY, " (at ball2 hall) (carry ball1 right", placeholder=True).correct
    assert not judge(CARRY, " (carry ball2 left").correct
    assert not judge(CARRY, " (at left hall").solvable


def test_nothing_is_equivalent_to_a_problem_without_a_plan():
    assert judge(SWAP, " (clear b2) (on b3 b2").solvable is False
    assert not judge(SWAP, " (arm-empty) (clear b2) (on b2 b1) (on-table b1) (on b3 b2").correct


def test_a_true_problem_that_is_malformed_or_of_another_domain_raises():
    with pytest.raises(PDDLError):
        judge(TOWER.replace("(on b1 b2)", "(on b1 b9)"), " (clear b1")
    with pytest.raises(ValueError, match="of the domain 'floor'; expected blocksworld or gripper"):
        judge(TOWER.replace("blocksworld", "floor"), " (clear b1")


def test_items_are_numbered_by_content_and_a_limit_changes_none(task, root):
    items = task.items(data=root)
    assert [item.id for item in task.items(3, root)] == [item.id for item in items[:3]]
    assert len({item.id for item in items}) == len(items) > 3
    assert all(item.objects <= 9 and item.prompt.endswith("(:goal (and") for item in items)
    assert task.items(0, root) == []


def test_items_need_data_of_the_wanted_kind(task, root, tmp_path):
    with pytest.raises(FileNotFoundError, match="give --data"):
        task.items()
    with pytest.raises(ValueError, match="limit is -1"):
        task.items(-1, root)
    written(tmp_path / "v" / "planetarium", made_rows(4, init_is_abstract=1))
    with pytest.raises(ValueError, match="has no problem of blocksworld with at most 9 objects"):
        task.items(data=tmp_path / "v")
    written(tmp_path / "w" / "planetarium", made_rows(1, problem_pddl=TOWER + ")"))
    with pytest.raises(PDDLError):
        task.items(data=tmp_path / "w")


@pytest.mark.parametrize(
    "arguments",
    [{"domains": ()}, {"domains": ("floor",)}, {"potential": "plan+luck"}, {"planner": "me"}],
)
def test_arguments_are_checked(arguments):
    with pytest.raises(ValueError, match=r"planetarium: .*expected some of"):
        PlanetariumTask(**arguments)


def test_potentials_give_every_prefix_of_every_true_goal_its_weight(task, root):
    wide = PlanetariumTask(
        ("blocksworld", "gripper"),
        planner=task.planner,
        plans=task.plans,
        potential="plan+consistent+reachable",
    )
    items = wide.items(data=root)
    assert {true_problem(item.problem).domain for item in items} == {"blocksworld", "gripper"}
    for item in items:
        goal = "".join(f" {atom}" for atom in true_problem(item.problem).goal)[:-1]
        assert wide.score(item, goal) == {"correct": 1.0, "solvable": 1.0, "parses": 1.0}
        for potential in wide.cheap(item) + wide.expensive(item):
            assert log_complete(potential, goal) == 0
            assert all(log_prefix(potential, goal[:end]) == 0 for end in range(len(goal)))


def test_potentials_refuse_what_they_are_for(task, root):
    item = next(i for i in task.items(data=root) if i.objects >= 3)
    (grammar,), (reaches,) = task.cheap(item), task.expensive(item)
    (consistent,) = PlanetariumTask(potential="consistent").expensive(item)
    assert log_complete(grammar, " (clear b1") == 0
    assert log_complete(grammar, " (clear b77") == -float("inf")
    assert log_complete(grammar, " (clear b1 b2") == -float("inf")
    contradiction = " (on b1 b2) (on b1 b3)"
    assert log_prefix(grammar, contradiction) == 0
    assert log_prefix(consistent, contradiction) == log_prefix(reaches, contradiction)
    assert log_prefix(consistent, contradiction) == -float("inf")


def test_potentials_are_shared_and_plans_kept(task, root):
    items = task.items(data=root)
    same_size = [item for item in items if item.objects == items[0].objects]
    assert len({id(p) for item in same_size for p in task.cheap(item)}) == 1
    assert task.expensive(items[0])[0] is task.expensive(items[0])[0]
    assert len(list(task.plans.iterdir())) >= 1


def test_the_task_is_found_with_and_without_the_true_plan():
    assert load_task("planetarium").potential == "plan"
    assert load_task("planetarium:without_plan").potential == "consistent+reachable"
    assert load_task("planetarium:whole_state").potential == "consistent+reachable+whole"


def test_a_population_has_no_scores_of_its_own(task, root):
    item = task.items(1, root)[0]
    assert task.population_scores(item, ["a"], [1.0]) == {}
    with pytest.raises(ValueError, match="2 texts but 1 weights"):
        task.population_scores(item, ["a", "b"], [1.0])


def test_descriptions_name_every_atom_in_its_order():
    rng = random.Random(2)
    for problem in islice((blocks(rng, 4) for _ in iter(int, 1)), 20):
        words = describe(rng, problem)
        assert words.startswith("Your goal is")
        at = -1
        for atom in problem.goal:
            for name in atom.args:
                at = words.index(name, at + 1)


def test_the_benchmark_has_its_hundred_problems(data_dir):
    """On the data set itself: a fixed choice, every goal a whole state and within the grammar."""
    if not (data_dir / "planetarium").is_dir():
        pytest.skip(f"no planetarium in {data_dir}")
    task = PlanetariumTask(potential="consistent+reachable")
    items = task.items(data=data_dir)
    assert len(items) == 100
    assert max(item.objects for item in items) == 9
    for item in items[::5]:
        goal = "".join(f" {atom}" for atom in true_problem(item.problem).goal)[:-1]
        assert task.score(item, goal)["correct"] == 1
        for potential in task.cheap(item) + task.expensive(item):
            assert log_complete(potential, goal) == 0
