"""Goals of the real data: no grammar and no potential refuses one, nor a beginning of one."""

import gzip
import json
import random
from functools import cache
from pathlib import Path

import pytest

from potentials import Grammar
from potentials.pddl import (
    Constructive,
    Domain,
    GoalConsistent,
    GoalReachable,
    PlanReachesGoal,
    goal_grammar,
    parse_domain,
    parse_problem,
)
from smc.potential import log_complete
from tests.potentials.test_pddl_goals import assert_alive

pytestmark = pytest.mark.data
COUNT = 25


@pytest.fixture(scope="module")
def problems(data_dir: Path) -> list[tuple[Domain, str]]:
    """Some problems of each domain, chosen by chance."""
    folder = data_dir / "planetarium"
    if not (folder / "planetarium.jsonl.gz").is_file():
        pytest.skip("no planetarium/planetarium.jsonl.gz under SMC_DATA")

    @cache
    def domain(name: str) -> Domain:
        return parse_domain((folder / f"domain_{name}.pddl").read_text())

    found: dict[str, str] = {}
    with gzip.open(folder / "planetarium.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            found[row["problem_pddl"]] = row["domain"]
    rng = random.Random(71)
    chosen = []
    for name in ("blocksworld", "gripper"):
        texts = sorted(text for text, of in found.items() if of == name)
        chosen += [(domain(name), text) for text in rng.sample(texts, COUNT)]
    return chosen


def true_answer(text: str) -> str:
    """What follows `(:goal (and` in a problem's own layout, up to the end of the conjunction."""
    goal = text[text.index("(:goal") + len("(:goal") :].strip().removesuffix(")").rstrip()
    goal = goal.removesuffix(")").rstrip() if goal.startswith("(and") else goal
    return goal.removeprefix("(and") + ")"


def test_no_potential_refuses_a_true_goal(problems: list[tuple[Domain, str]]):
    for domain, text in problems:
        problem = parse_problem(text, domain)
        answer = true_answer(text)
        for potential in (
            GoalConsistent(domain, problem),
            GoalReachable(domain, problem),
            PlanReachesGoal(domain, problem, planner=Constructive()),
        ):
            assert_alive(potential, answer)
            assert_alive(potential, answer[: answer.index("))")])


def test_the_grammar_takes_the_true_goals(problems: list[tuple[Domain, str]]):
    for domain, text in problems[:: COUNT // 5]:
        problem = parse_problem(text, domain)
        answer = true_answer(text)
        cut = Grammar(goal_grammar(domain, problem))
        closed = Grammar(goal_grammar(domain, problem, closed=True))
        assert log_complete(cut, answer) == log_complete(closed, answer) == 0.0
        assert log_complete(cut, answer[: answer.index("))")]) == 0.0
