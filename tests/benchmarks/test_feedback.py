"""Feedback at test time: what an attempt has cost, and what equal tokens means."""

from __future__ import annotations

from pathlib import Path

import pytest

import smc
from benchmarks.feedback import report as study
from benchmarks.feedback.arms import ARMS, Counted, attempts_of, reflection, run_arm
from benchmarks.feedback.attempts import Attempt, Verifier, read_of
from benchmarks.feedback.baselines import refined
from benchmarks.feedback.items import FailedItem, failed_items, right
from benchmarks.feedback.report import Run, read_runs, rows
from domains.arithmetic.problems import parse
from domains.arithmetic.steps import solve
from smc.strategies.feedback_trials import feedback_trials
from smc.strategies.writing import TokenWriter, WrittenText
from tests.test_strategies_feedback import Pupil, fresh
from tests.writers import in_turn

PROBLEM = parse("a=7+5;b=a*3;b?\n")
ITEM = FailedItem("one", 1, PROBLEM, "a=1\n")


def test_right_is_every_line():
    assert right(ITEM, "".join(solve(PROBLEM)))
    assert not right(ITEM, "a=7+5=13\nb=12*3=36")
    assert not right(ITEM, "") and not right(ITEM, "b=12*3=36")
    assert Verifier(ITEM).scores(ITEM.prompt, [("a=7+5=12\n",), solve(PROBLEM)]) == [
        (0.0,),
        (1.0, 1.0),
    ]


def test_an_attempt_costs_what_was_learnt_before_it():
    """Ten tokens a lesson, and the list of mistakes as long as it is."""
    pupil = Pupil(lambda n, adapted: ("right" if n == 2 else "wrong") if adapted else "sum")
    result = feedback_trials(pupil, "Q", fresh(), num_solutions=9, mistakes=True)
    asked = [len(str(c.prompt)) for c in result.calls if c.role != "draft"]
    assert len(asked) == 2
    assert attempts_of(result, [10, 10]) == [
        Attempt(5, False),
        Attempt(5 + 10 + 3 + asked[0], False),
        Attempt(5 + 10 + 3 + asked[1], True),
    ]


def test_a_swapped_lesson_is_about_the_other_attempt():
    learner = Pupil(lambda n, adapted: "x")
    counted = Counted(learner, swapped=("another", "its attempt"))  # type: ignore[arg-type]
    assert counted.learn("Q", "mine", ["No."]) == 10
    assert learner.lessons == [("its attempt", ("No.",))] and counted.lessons == [10]


def test_equal_tokens_are_those_of_independent_samples_of_the_same_problem():
    runs = [
        Run("independent", "i", 5, 0, ((10, False), (10, True))),  # a budget of 4 · 10
        Run("learning", "i", 5, 0, ((10, False), (35, True))),
        Run("independent", "j", 5, 0, ((20, False),) * 4),  # of 4 · 20
        Run("learning", "j", 5, 0, ((20, False), (35, True))),
    ]
    first, learning = rows(runs, trials=4)
    assert first[1].startswith("0.50") and first[3].startswith("0.50")
    assert first[2] == first[4] == "–"
    assert learning[1].startswith("1.00")
    assert learning[2].startswith("+0.50") and learning[3].startswith("0.50")
    assert learning[4].startswith("+0.00") and learning[5:] == ["2.0", "50", "2"]


def test_samples_behind_the_right_one_tell_the_budget_and_are_not_needed():
    run = Run("independent", "i", 5, 0, ((10, False), (20, True), (30, False)))
    assert run.needed == run.attempts[:2] and run.tokens == 30
    never = Run("independent", "i", 5, 0, ((3, False),) * 3)
    assert never.needed == never.attempts and not never.solved
    late = Run("learning", "i", 5, 0, ((45, True),))  # 2 · 20, the mean of all three: too late
    assert [r[3][:4] for r in rows([run, late], trials=2)] == ["1.00", "0.00"]
    assert [r[3][:4] for r in rows([run, late], trials=3)] == ["1.00", "1.00"]


def test_the_list_of_mistakes_names_the_first_wrong_line_and_not_the_right_answer():
    assert reflection(PROBLEM, "a=7+5=13\nb=13*3=38") == "1. The line a=7+5=13 is wrong."
    assert reflection(PROBLEM, "a=7+5=12\n") == "1. The last line is missing."


def test_what_is_read_beside_the_problem_is_counted():
    assert read_of("attempt\nproblem", "problem") == len("attempt\n")


def test_refinement_is_told_of_the_last_attempt_that_has_an_end(monkeypatch):
    """The critic reads the whole of its prompt, the editor what stands beside the problem."""
    from benchmarks.feedback import baselines

    cut = WrittenText("a=7", False, 4, truncated=True)
    editor = in_turn(cut, "".join(solve(PROBLEM)))
    monkeypatch.setattr(baselines, "TokenWriter", lambda *a, **k: editor)
    monkeypatch.setattr(baselines, "model_at", lambda place: None)
    critic = in_turn("no", "no")
    attempts = refined(in_turn("a=1"), ITEM, critic, trials=9, seed=0)
    assert [a.right for a in attempts] == [False, False, True]
    assert critic.prompts == [f"{ITEM.prompt}a=1\n~"] * 2
    assert editor.prompts == [f"{ITEM.prompt}a=1\n~no\n{ITEM.prompt}"] * 2
    read = len(f"{ITEM.prompt}a=1\n~") + len(f"{ITEM.prompt}a=1\n~no\n")
    assert attempts[0].tokens == 3 and attempts[1].tokens == 4 + 2 + read


@pytest.mark.slow
def test_arms_share_their_first_attempt_and_leave_the_model_as_it_was():
    model = smc.load("embedded:arithmetic")
    (item,) = failed_items(TokenWriter(model, max_tokens=128), "calibration", 5, 1)
    assert not right(item, item.greedy) and item.other[0] != item.prompt
    again = failed_items(TokenWriter(model, max_tokens=128), "calibration", 5, 1)
    assert again == [item]
    arms = {name: run_arm(name, model, item, trials=2, seed=0, rate=0.01) for name in ARMS}
    policy = [own[0] for name, own in arms.items() if not name.startswith(("best", "revisions"))]
    assert len(set(policy)) == 1
    assert arms["best_of_n"][0].tokens == sum(a.tokens for a in arms["independent"])
    plain = run_arm("independent", model, item, trials=2, seed=0, rate=0.01)
    assert plain == arms["independent"]


def test_the_published_table_is_that_of_its_records():
    results = Path(study.__file__).parents[1] / "results"
    runs = read_runs(results / "feedback" / "arithmetic.jsonl")
    items = {r.item for r in runs}
    assert len({(r.arm, r.item, r.seed) for r in runs}) == len(runs) == len(ARMS) * len(items)
    shown = (results / "feedback-at-test-time.md").read_text("utf-8")
    assert f"--items {len(items)} " in shown and study.level_tables(runs, 32) in shown
