"""Calibration: difficulty is measured, every plan is run, and the choice is stored and printed."""

import pytest

from smc.errors import SettingsError
from smc.strategies import ComputeOptimal, Plan
from smc.strategies.calibration import CalibrationProblem, calibrate
from smc.strategies.solve import plan_of
from tests.step_worlds import Judge, TableSteps, uneven

PROBLEMS = [
    CalibrationProblem("often", "", lambda answer: len(str(answer)) <= 3),
    CalibrationProblem("seldom", "", lambda answer: str(answer) == "bb"),
    CalibrationProblem("never", "", lambda answer: False),
    CalibrationProblem("always", "", lambda answer: True),
]
PLANS = [Plan("majority_vote", 1), Plan("majority_vote", 4), plan_of("best_of_n", 4)]


def calibrated(**changes):
    options = {"plans": PLANS, "sizes": [1, 4], "model_name": "m", "reward_name": "r", "bins": 2}
    return calibrate(
        TableSteps(), PROBLEMS, Judge(uneven), **options | {"num_samples": 20} | changes
    )


def test_every_plan_is_tried_on_every_problem():
    told = []
    found = calibrated(on_problem=lambda count, rate: told.append((count, rate)))
    assert {(t.item, t.plan) for t in found.trials} == {(p.id, q) for p in PROBLEMS for q in PLANS}
    rates = {t.item: t.difficulty for t in found.trials}
    assert told == [(i, rates[p.id]) for i, p in enumerate(PROBLEMS, 1)]
    assert rates["always"] > rates["often"] > rates["never"] == 0
    assert all(t.correct == 0 for t in found.trials if t.item == "never")
    assert calibrated() == found  # same seed, same choice


def test_the_choice_stays_within_its_budget_and_is_stored(tmp_path):
    found = calibrated()
    choice = found.choice
    assert choice.choices and len(choice.budgets) == 2
    assert all(best.tokens <= budget for (_, budget), best in choice.choices.items())
    choice.save(tmp_path / "choice.json")
    assert ComputeOptimal.load(tmp_path / "choice.json") == choice


@pytest.mark.parametrize("changes", [{"plans": []}, {"sizes": []}], ids=["no plans", "no budgets"])
def test_nothing_to_calibrate_is_refused(changes):
    with pytest.raises(SettingsError, match="expected two problems or more"):
        calibrated(**changes)
    with pytest.raises(SettingsError, match="1 ids"):
        calibrate(TableSteps(), PROBLEMS[:1] * 2, Judge(uneven), plans=PLANS, sizes=[1],
                  model_name="m", reward_name="r")  # fmt: skip


def test_the_budget_is_divided_as_solve_divides_it():
    assert plan_of("beam", 6) == Plan("beam", 6, (("width", 3),))
    assert plan_of("particle_gibbs", 16) == Plan("particle_gibbs", 4, (("sweeps", 4),))
    assert plan_of("beam", 6, {"width": 2}) == Plan("beam", 6, (("width", 2),))
