"""The embedded model as a judge of lines: how likely it is to write them itself."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from potentials.reward_model import (
    Continuation,
    LikelihoodReward,
    Logistic,
    load_likelihood_reward,
)

MODEL = Path(__file__).parent / "model"
"""The embedded model."""
FORMAT = Continuation(between="")
"""A prompt ends in its own newline."""
CALIBRATION = Logistic(slope=1.0, intercept=1.0)
"""The odds of being right are the likelihood times e: fixed beforehand, and not fitted."""


def likelihood_judge(name: str = str(MODEL)) -> LikelihoodReward:
    """Return a model of this domain as a judge.

    It sees the question and the lines so far, and was never told of any line whether it is right.

    Args:
        name: Of the model.

    Raises:
        ModelError: It is not there.
    """
    return load_likelihood_reward(name, FORMAT, calibration=CALIBRATION, device="cpu")


@lru_cache(maxsize=1)
def reward_model() -> LikelihoodReward:
    """Return the embedded model's own judgement, loaded once."""
    return likelihood_judge()
