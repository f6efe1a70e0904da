"""A vote that stops when it is decided: the rule by integration, and what is drawn and counted."""

from __future__ import annotations

import numpy as np
import pytest

from smc.errors import EndpointError, SettingsError
from smc.steps import Extension
from smc.strategies import Options, majority_vote
from smc.strategies.early_stop import is_decided, lead_probability
from tests.step_worlds import Script, token_steps


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (4, 1), (7, 5), (30, 20), (3, 3)])
def test_the_rule_is_the_integral_of_the_posterior(first, second):
    grid = (np.arange(400_000) + 0.5) / 400_000
    density = grid**first * (1 - grid) ** second
    assert lead_probability(first, second) == pytest.approx(
        density[grid > 0.5].sum() / density.sum(), abs=1e-5
    )


def test_no_votes_decide_nothing():
    assert not is_decided([], 0.5) and not is_decided([0], 0.5)
    assert is_decided([4], 0.95) and not is_decided([3], 0.95)
    assert is_decided([1, 9, 0, 2], 0.95) and not is_decided([8, 1, 9], 0.95)


def answers(share: float) -> Script:
    return Script(lambda s, u: Extension("a" if u < share else "b", True, 1))


def test_an_easy_problem_costs_few_samples_and_a_hard_one_all():
    easy = majority_vote(answers(1.0), "", num_solutions=40, decided=0.95, batch=1)
    assert (easy.answer, easy.budget.model_tokens, len(easy.history)) == ("a", 4, 4)
    flip = iter([0, 1] * 20)
    even = Script(lambda s, u: Extension("ab"[next(flip)], True, 1))
    hard = majority_vote(even, "", num_solutions=40, decided=0.95, batch=4)
    assert hard.budget.model_tokens == 40 and hard.votes == {"a": 20, "b": 20}


@pytest.mark.parametrize("seed", range(6))
def test_what_is_drawn_is_the_beginning_of_the_whole_vote(seed):
    options = Options(seed=seed)
    whole = majority_vote(answers(0.7), "", num_solutions=30, options=options)
    early = majority_vote(answers(0.7), "", num_solutions=30, decided=0.9, batch=3, options=options)
    assert early.solutions == whole.solutions[: len(early.solutions)]
    never = majority_vote(answers(0.7), "", num_solutions=7, decided=0.9999, options=options)
    assert never.solutions == whole.solutions[:7]


def test_samples_that_fail_are_no_votes():
    down = Script(
        lambda s, u: (
            Extension("", False, 0, error=EndpointError("it is down"))
            if u < 0.5
            else Extension("a", True, 1)
        )
    )
    result = majority_vote(down, "", num_solutions=40, decided=0.95, batch=2)
    assert result.votes["a"] in (4, 5) and result.errors == ("it is down",)


@pytest.mark.parametrize(
    "wrong", [{"decided": 0.4}, {"decided": 1.0}, {"decided": 0.9, "batch": 0}]
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(SettingsError):
        majority_vote(token_steps(), "", num_solutions=4, **wrong)
