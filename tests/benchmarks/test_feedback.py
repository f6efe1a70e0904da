"""Feedback at test time: what an attempt has cost, and what equal tokens means."""

from __future__ import annotations

import pytest

import smc
from benchmarks.feedback.arms import Attempt, Counted, Verifier, attempts_of, run_arm, upto_right
from benchmarks.feedback.items import FailedItem, failed_items, right
from benchmarks.feedback.report import Run, rows
from domains.arithmetic.problems import parse
from domains.arithmetic.steps import solve
from smc.strategies.feedback_trials import feedback_trials
from smc.strategies.writing import TokenWriter
from tests.test_strategies_feedback import Pupil, fresh

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
    assert attempts_of(result, [10, 10]) == [
        Attempt(5, False),
        Attempt(5 + 10 + 3, False),
        Attempt(5 + 10 + 3, True),
    ]


def test_nothing_is_counted_behind_the_first_right_one():
    assert upto_right([Attempt(3, False), Attempt(4, True), Attempt(5, True)]) == [
        Attempt(3, False),
        Attempt(4, True),
    ]
    assert len(upto_right([Attempt(3, False)] * 3)) == 3


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
    assert first[1].startswith("0.50") and first[2].startswith("0.50") and first[3] == "–"
    assert learning[1].startswith("1.00") and learning[2].startswith("0.50")
    assert learning[3].startswith("+0.00") and learning[4:] == ["2.0", "50", "2"]


@pytest.mark.slow
def test_arms_share_their_first_attempt_and_leave_the_model_as_it_was():
    model = smc.load("embedded:arithmetic")
    (item,) = failed_items(TokenWriter(model, max_tokens=128), "calibration", 5, 1)
    assert not right(item, item.greedy) and item.other[0] != item.prompt
    again = failed_items(TokenWriter(model, max_tokens=128), "calibration", 5, 1)
    assert again == [item]
    arms = {
        name: run_arm(name, model, item, trials=2, seed=0, rate=0.01)
        for name in ("independent", "fttt", "optune", "optune_swapped", "independent")
    }
    assert len({own[0] for own in arms.values()}) == 1
    plain = run_arm("independent", model, item, trials=2, seed=0, rate=0.01)
    assert plain == arms["independent"]
