"""Log weight arithmetic: sums, means, normalising, effective sample size, when to resample.

The only module that exponentiates a weight. All functions are pure and take `[N]` float64 log
weights, of which some may be −inf (dead particles, which stay in the population) and none NaN or
+inf.
"""

from __future__ import annotations

import math

import numpy as np

from smc.model import FloatArray

_ROUNDING = 1e-9
# For a few particles the methods of arrays take longer than the sums.
_max, _sum = np.maximum.reduce, np.add.reduce


def log_sum_exp(log_weights: FloatArray) -> float:
    """Return log Σ exp(log_weights); −inf for an all-dead population."""
    peak = float(_max(log_weights))
    if peak == -math.inf:
        return -math.inf
    return peak + math.log(_sum(np.exp(log_weights - peak)))


def log_mean_exp(log_weights: FloatArray) -> float:
    """Return log of the mean weight: the evidence factor of a population."""
    return log_sum_exp(log_weights) - math.log(len(log_weights))


def normalise(log_weights: FloatArray) -> FloatArray:
    """Return `[N]` linear weights that sum to 1; all zero for an all-dead population.

    Example:
        >>> normalise(np.log([1.0, 3.0])).round(6).tolist()
        [0.25, 0.75]
    """
    peak = _max(log_weights)
    if peak == -math.inf:
        return np.zeros_like(log_weights)
    weights = np.exp(log_weights - peak)
    return weights / _sum(weights)


def ess(log_weights: FloatArray) -> float:
    """Return the effective sample size 1 / Σ W², between 1 and N; 0 for an all-dead population.

    Source: Kong, Liu & Wong (1994), J. Am. Stat. Assoc. 89, 278-288.
    """
    weights = normalise(log_weights)
    total = float(_sum(weights * weights))
    return 1.0 / total if total > 0 else 0.0


def is_due(log_weights: FloatArray, ess_threshold: float) -> bool:
    """Return whether a population shall be resampled: ESS < ess_threshold · N.

    Equal weights have an ESS of N up to rounding, and are left alone even at a threshold of 1:
    drawing among them would only add noise.

    Args:
        log_weights: `[N]`, −inf for the dead. A population of none but dead counts as ESS 0.
        ess_threshold: Fraction of N in [0, 1]; 0: never.

    Example:
        >>> is_due(np.log([0.9, 0.1]), 0.8), is_due(np.log([0.5, 0.5]), 1.0)
        (True, False)

    Source: Liu & Chen (1995), J. Am. Stat. Assoc. 90, 567-576.
    """
    return ess(log_weights) < ess_threshold * len(log_weights) * (1 - _ROUNDING)
