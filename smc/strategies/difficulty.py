"""Difficulty of a problem for a model: pass@1, or the mean reward of its samples."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import Budget, StepModel, StepScorer
from smc.strategies.majority_vote import majority_vote
from smc.strategies.options import Options
from smc.strategies.samples import choose_among_samples

ABSOLUTE = (0.5, 0.1)
"""Easy from 50% pass@1 on, medium from 10% on, else hard (Liu et al. 2025)."""


def pass_rate(
    model: StepModel,
    prompt: Prompt,
    correct: Callable[[Hashable], bool],
    *,
    num_samples: int = 64,
    options: Options | None = None,
) -> tuple[float, Budget]:
    """Return pass@1, the share of samples with the right answer, and what it cost.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        correct: Whether an answer (of `options.answer`) is right.
        num_samples: Snell et al. take 2048.
        options: See `Options`.
    """
    result = majority_vote(model, prompt, num_solutions=num_samples, options=options)
    right = sum(weight for own, weight in result.votes.items() if correct(own))
    return right / num_samples, result.budget


def mean_score(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_samples: int = 64,
    options: Options | None = None,
) -> tuple[float, Budget]:
    """Return the mean value of samples under a judge: a difficulty that needs no right answers.

    Source: Snell et al. (2024), section 3.2, model-predicted difficulty.
    """
    result = choose_among_samples(model, prompt, scorer, num_samples, options or Options(), "best")
    return float(np.mean([t.value for t in result.trajectories])), result.budget


def quantile_thresholds(rates: Sequence[float], bins: int = 5) -> tuple[float, ...]:
    """Return the thresholds that cut problems into bins of equal size, the easiest first.

    Problems of the same rate share a bin. Where the hardest fill more than the last bin (no sample
    of them is right), they have it to themselves; where other thresholds coincide, there are fewer
    bins.

    Args:
        rates: Of the calibration problems.
        bins: 5 in Snell et al.

    Raises:
        SettingsError: No rates, or fewer than one bin.
    """
    if not len(rates) or bins < 1:
        raise SettingsError(
            f"difficulty: got {len(rates)} rates and {bins} bins; expected at least one of each."
        )
    ordered = np.sort(np.asarray(rates, dtype=np.float64))[::-1]
    at = [ordered[round(k * len(ordered) / bins) - 1] for k in range(1, bins)]
    above = ordered[ordered > ordered[-1]]  # what is not among the hardest
    return tuple(dict.fromkeys(float(max(t, above[-1])) for t in at)) if len(above) else ()


def bin_of(rate: float, thresholds: Sequence[float]) -> int:
    """Return the bin of a rate: 0, the easiest, holds what reaches the first threshold.

    Example:
        >>> [bin_of(rate, ABSOLUTE) for rate in (1.0, 0.5, 0.3, 0.0)]
        [0, 0, 1, 2]

    Raises:
        SettingsError: The thresholds do not descend.
    """
    if any(a <= b for a, b in itertools.pairwise(thresholds)):
        raise SettingsError(
            f"difficulty: the thresholds {tuple(thresholds)} do not descend; expected the "
            "easiest first, such as (0.5, 0.1)."
        )
    return sum(rate < t for t in thresholds)
