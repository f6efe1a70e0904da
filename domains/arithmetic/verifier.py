"""The verifier: the reward model's network by the likelihood it foretells, not what it says."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from domains.arithmetic.task import PRM
from potentials.reward_model import LikelihoodReward, Logistic, MathShepherd, load_likelihood_reward

CALIBRATION = Path(__file__).parent / "verifier.json"
"""Slope and intercept, and how they came about; `python -m domains.arithmetic.fit_verifier`."""


@lru_cache(maxsize=1)
def verifier() -> LikelihoodReward:
    """Return the embedded generative verifier, loaded once."""
    return make_verifier(calibration())


def calibration() -> Logistic:
    """Return the calibration that was fitted."""
    fitted = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    return Logistic(fitted["slope"], fitted["intercept"])


def make_verifier(scale: Logistic | None, *, cache_tokens: int = 32_768) -> LikelihoodReward:
    """Return the embedded network as a judge by likelihood, without the layers that judge only.

    Args:
        scale: From log likelihood to score; None: the likelihood itself.
        cache_tokens: See `LikelihoodReward`.
    """
    facts = json.loads((PRM / "training.json").read_text(encoding="utf-8"))
    return load_likelihood_reward(
        str(PRM),
        MathShepherd(),
        calibration=scale,
        layers=facts["layers"] - facts["judging"],
        device="cpu",
        cache_tokens=cache_tokens,
    )
