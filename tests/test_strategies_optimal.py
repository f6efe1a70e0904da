"""The compute-optimal choice: difficulty, fitting, the file, its use."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smc.errors import SettingsError
from smc.steps import Extension
from smc.strategies import ComputeOptimal, Options, Plan, Trial, beam, fit
from smc.strategies.difficulty import (
    ABSOLUTE,
    bin_of,
    mean_score,
    pass_rate,
    quantile_thresholds,
)
from tests.step_worlds import Judge, Script, token_steps, uneven

VOTE = Plan("majority_vote", 4)
BEAM = Plan("beam", 4, (("width", 2),))
BIG = Plan("best_of_n", 16)
NAMES = {"model": "toy", "reward_model": "judge"}


def trials(items: int = 40, seed: int = 0) -> list[Trial]:
    """Easy problems are best voted on, hard ones searched; the big plan is best, and dear."""
    rng = np.random.default_rng(seed)
    rate = {
        (VOTE, True): 0.9, (BEAM, True): 0.6, (BIG, True): 0.95,
        (VOTE, False): 0.1, (BEAM, False): 0.4, (BIG, False): 0.5,
    }  # fmt: skip
    tokens = {VOTE: 40.0, BEAM: 60.0, BIG: 160.0}
    all_trials = []
    for k in range(items):
        easy = k % 2 == 0
        for plan in tokens:
            right = float(rng.random() < rate[plan, easy])
            all_trials.append(Trial(f"p{k}", 0.8 if easy else 0.05, plan, right, tokens[plan]))
    return all_trials


def test_the_best_plan_within_the_budget_is_chosen():
    policy = fit(trials(400), (0.5,), (50, 100, 200), **NAMES)
    assert policy.choose(0.9, 100).plan == VOTE
    assert policy.choose(0.1, 100).plan == BEAM
    assert policy.choose(0.1, 55).plan == VOTE
    assert policy.choose(0.1, 1000).plan == BIG
    assert policy.choose(0.1, 100).tokens == 60


def test_the_cross_validated_accuracy_is_that_of_unseen_problems():
    """Plans that are all alike: the best of many looks good on what it was chosen by only."""
    rng = np.random.default_rng(5)
    alike = [Plan("beam", n) for n in range(1, 41)]
    all_trials = [
        Trial(f"p{k}", 1.0, plan, float(rng.random() < 0.5), 1.0)
        for k in range(60)
        for plan in alike
    ]
    choice = fit(all_trials, (), (1,), folds=5, **NAMES).choose(1.0, 1)
    assert choice.accuracy > 0.6
    assert abs(choice.cross_validated - 0.5) < 4 * math.sqrt(0.25 / 60)


def test_folds_leave_out_what_they_judge():
    """Two problems, two plans, each right on one: what is chosen by one fails on the other."""
    a, b = Plan("beam", 1), Plan("beam", 2)
    all_trials = [Trial("x", 1, a, 1, 1), Trial("x", 1, b, 0, 1),
             Trial("y", 1, a, 0, 1), Trial("y", 1, b, 1, 1)]  # fmt: skip
    choice = fit(all_trials, (), (1,), **NAMES).choose(1, 1)
    assert (choice.accuracy, choice.cross_validated) == (0.5, 0.0)


def test_ties_go_to_the_cheaper_plan():
    all_trials = [Trial("x", 1, BIG, 1, 9), Trial("x", 1, BEAM, 1, 3)]
    choice = fit(all_trials, (), (10,), **NAMES).choose(1, 10)
    assert choice.plan == BEAM
    assert math.isnan(choice.cross_validated)


def test_it_is_stored_and_loaded(tmp_path):
    policy = fit(trials(), (0.5,), (50, 100), **NAMES)
    policy.save(tmp_path / "policy.json")
    assert ComputeOptimal.load(tmp_path / "policy.json") == policy


def test_it_runs_what_it_chooses(tmp_path):
    policy = fit(trials(400), (0.5,), (50, 100), **NAMES)
    policy.save(tmp_path / "policy.json")
    loaded = ComputeOptimal.load(tmp_path / "policy.json")
    model, options = token_steps(max_tokens=100), Options(seed=3)
    result = loaded.run(model, "", Judge(uneven), difficulty=0.1, budget=100, options=options)
    expected = beam(model, "", Judge(uneven), num_solutions=4, width=2, options=options)
    assert result.trajectories == expected.trajectories


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "model": "m"}'], ids=repr
)
def test_a_file_that_is_something_else_is_an_error_that_says_so(tmp_path, text):
    path = tmp_path / "policy.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"policy\.json.*Fit it anew"):
        ComputeOptimal.load(path)
    with pytest.raises(SettingsError, match="FileNotFoundError"):
        ComputeOptimal.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"num_solutions": 4', '"num_solutions": "4"', "choices[0].plan.num_solutions"),
        ('"items": 200', '"items": true', "choices[0].items"),
        ('"tokens": 40.0', '"tokens": NaN', "choices[0].tokens"),
        ('"model": "toy"', '"model": ["toy"]', "model"),
        ('"strategy": "majority_vote"', '"strategy": null', "choices[0].plan.strategy"),
        ('"settings": {}', '"settings": ' + '{"a":' * 99 + "1" + "}" * 99, "choices[0].plan"),
    ],
    ids=lambda text: text[:30],
)
def test_a_wrong_value_in_the_file_is_an_error_that_names_its_place(tmp_path, old, new, place):
    path = tmp_path / "policy.json"
    fit(trials(400), (0.5,), (50,), **NAMES).save(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SettingsError) as raised:
        ComputeOptimal.load(path)
    assert f": {place}" in str(raised.value) and "ComputeOptimal.save" in str(raised.value)


def test_what_is_not_fitted_is_an_error_that_says_so():
    policy = fit([t for t in trials() if t.difficulty > 0.5], (0.5,), (30, 50), **NAMES)
    with pytest.raises(SettingsError, match="budget from 50 on"):
        policy.choose(0.9, 45)
    with pytest.raises(SettingsError, match="no calibration problem"):
        policy.choose(0.1, 50)
    with pytest.raises(SettingsError, match="no strategy 'guess'"):
        Plan("guess", 1).run(token_steps(), "", Judge(uneven), Options())


@pytest.mark.parametrize(
    "incomplete",
    [[], trials()[:-1], [*trials(), trials()[0]]],
    ids=["none", "one missing", "one twice"],
)
def test_trials_that_do_not_suffice_are_an_error(incomplete):
    with pytest.raises(SettingsError):
        fit(incomplete, (0.5,), (50,), **NAMES)


def test_quantile_bins_hold_as_many_problems_each():
    rates = np.random.default_rng(1).random(100)
    thresholds = quantile_thresholds(rates, 5)
    counts = np.bincount([bin_of(r, thresholds) for r in rates])
    assert counts.tolist() == [20] * 5
    assert max(r for r in rates if bin_of(r, thresholds) == 4) < thresholds[-1]


def test_equal_rates_share_a_bin():
    rates = [1.0] * 50 + [0.4] * 10 + [0.0] * 40
    thresholds = quantile_thresholds(rates, 5)
    assert thresholds == (1.0, 0.4)
    assert [bin_of(r, thresholds) for r in (1.0, 0.4, 0.0)] == [0, 1, 2]
    assert quantile_thresholds([0.0] * 10, 5) == ()


def test_the_problems_that_are_never_solved_have_the_last_bin_to_themselves():
    rates = [1.0, 0.9, 0.6, 0.5, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0]
    thresholds = quantile_thresholds(rates, 5)
    assert thresholds == (0.9, 0.5, 0.1)
    assert [bin_of(r, thresholds) for r in (0.9, 0.5, 0.1, 0.0)] == [0, 1, 2, 3]
    more = [1.0, 0.9, 0.6, 0.5, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0]
    assert quantile_thresholds(more, 5) == (0.9, 0.5, 0.2, 0.1)


def test_absolute_bins_are_the_papers():
    assert [bin_of(r, ABSOLUTE) for r in (0.5, 0.49, 0.1, 0.09)] == [0, 1, 1, 2]


def test_bins_that_cannot_be_are_refused():
    with pytest.raises(SettingsError, match="descend"):
        bin_of(0.5, (0.1, 0.5))
    with pytest.raises(SettingsError):
        quantile_thresholds([], 5)


def test_the_pass_rate_is_the_share_of_right_answers():
    model = Script(lambda s, u: Extension("right" if u < 0.3 else "wrong", True, 2))
    rate, budget = pass_rate(model, "", lambda a: a == "right", num_samples=2000)
    assert abs(rate - 0.3) < 4 * math.sqrt(0.21 / 2000)
    assert budget.model_tokens == 4000


def test_the_mean_score_is_that_of_the_judge():
    model = Script(lambda s, u: Extension("a" if u < 0.5 else "ab", True, 1))
    judge = Judge(lambda text: len(text) / 10)
    mean, budget = mean_score(model, "", judge, num_samples=1000)
    assert abs(mean - 0.15) < 4 * 0.05 / math.sqrt(1000)
    assert budget.reward_passes > 0
