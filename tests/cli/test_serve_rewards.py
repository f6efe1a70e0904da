"""`smc serve --reward`: names of reward models, read before anything is loaded."""

import re

import pytest

from domains.arithmetic.task import PRM
from smc.cli.serve_rewards import check_reward_options, rewards_of
from smc.errors import SettingsError


def test_names_formats_and_models_are_told_apart():
    assert check_reward_options(["prm=Qwen/PRM", "own=math-shepherd:./prm", "c=C:/prm"]) == {
        "prm": (None, "Qwen/PRM"),
        "own": ("math-shepherd", "./prm"),
        "c": (None, "C:/prm"),
    }


def test_they_are_loaded_by_name():
    rewards = rewards_of([f"prm=math-shepherd:{PRM}"], "cpu")
    ((first, second),) = rewards["prm"].scorer.scores("a=1+1;a?\n", [("a=1+1=2\n", "x")])
    assert 0 <= second <= 1 and 0 <= first <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["prm"], "NAME=MODEL"),
        (["=x"], "NAME=MODEL"),
        (["a=x", "a=y"], "'a' is taken"),
        (["likelihood=x"], "'likelihood' is taken"),
    ],
    ids=["no model", "no name", "twice", "judge"],
)
def test_bad_options_are_explained(options, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        check_reward_options(options)
