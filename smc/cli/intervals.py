"""Bootstrap intervals of a mean over prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A mean, and the ends of its interval."""

    mean: float
    low: float
    high: float


def bootstrap(values: Sequence[float], *, level: float = 0.95, resamples: int = 10_000) -> Interval:
    """Return the mean and its percentile bootstrap interval, over prompts, with a fixed seed.

    Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 13.3. With few
    values it is too narrow, and with equal ones it is a point: the mean is then not certain.

    Example:
        >>> bootstrap([1.0, 1.0, 1.0])
        Interval(mean=1.0, low=1.0, high=1.0)
    """
    sample = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(0).integers(len(sample), size=(resamples, len(sample)))
    ends = np.quantile(sample[draws].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(sample.mean()), float(ends[0]), float(ends[1]))
