"""Confidence intervals of means: percentile bootstrap over items, and Wilson's for shares.

Sources: Efron & Tibshirani (1993), An Introduction to the Bootstrap, section 13.3; Wilson (1927),
Probable Inference, the Law of Succession, and Statistical Inference, JASA 22.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Values = Mapping[str, Sequence[float]]
"""For each item its values, one a seed; an item without any does not take part."""

DRAWS = 10_000
LEVEL = 0.95
_CELLS = 2**24


@dataclass(frozen=True)
class Interval:
    """A mean with its interval.

    Attributes:
        mean: Of all values; NaN if there are none.
        low: Lower end.
        high: Upper end.
        items: How many items have a value.
    """

    mean: float
    low: float
    high: float
    items: int


def mean_interval(values: Values | Sequence[float], *, level: float = LEVEL) -> Interval:
    """Return the mean of scores with its interval: Wilson's for shares, else the bootstrap's.

    A share is a mean of values that are all 0 or 1, one an item. Where all are 0, or all are 1, an
    item may have several: a bootstrap would be sure of what 8 of 8 items only suggest.

    Args:
        values: By item; or one of each item.
        level: Of the interval.

    Example:
        >>> mean_interval([1.0] * 8)
        Interval(mean=1.0, low=0.675..., high=1.0, items=8)
    """
    filled = _filled(values)
    ones = [sum(v) / len(v) for v in filled]
    if filled and (set(ones) <= {0.0} or set(ones) <= {1.0} or _is_share(filled)):
        return wilson(round(sum(ones)), len(filled), level=level)
    return bootstrap(values, level=level)


def wilson(successes: int, trials: int, *, level: float = LEVEL) -> Interval:
    """Return the share of successes with Wilson's score interval.

    Args:
        successes: 0 to `trials`.
        trials: Independent ones; one at least.
        level: Of the interval.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, size = successes / trials, trials + z * z
    centre = (successes + z * z / 2) / size
    half = z / size * math.sqrt(trials * share * (1 - share) + z * z / 4)
    # At the ends, where the interval touches them, rounding may not.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return Interval(share, low, high, trials)


def bootstrap(
    values: Values | Sequence[float],
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Return the mean with a percentile bootstrap interval.

    What is resampled are items: the seeds of an item stay together, since they have its difficulty
    in common, so the interval is about other items of the kind. With one item it has no width, and
    where all values are equal neither: both understate.

    Args:
        values: By item; or one of each item.
        draws: Bootstrap samples.
        level: Of the interval.
        seed: Same seed, same interval.
    """
    filled = _filled(values)
    if not filled:
        return Interval(np.nan, np.nan, np.nan, 0)
    sums = np.array([np.sum(v) for v in filled])
    counts = np.array([len(v) for v in filled], dtype=np.float64)
    means = _resampled_means(sums, counts, draws, np.random.default_rng(seed))
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(sums.sum() / counts.sum()), float(low), float(high), len(filled))


def paired(ours: Values, theirs: Values) -> dict[str, list[float]]:
    """Return the differences `ours − theirs` of each item that both have.

    The seeds of an item are paired by position; what only one has is left out.
    """
    return {
        item: [a - b for a, b in zip(own, theirs[item], strict=False)]
        for item, own in ours.items()
        if item in theirs
    }


def _filled(values: Values | Sequence[float]) -> list[Sequence[float]]:
    if isinstance(values, Mapping):
        return [v for v in values.values() if len(v)]
    return [[v] for v in values]


def _is_share(filled: Sequence[Sequence[float]]) -> bool:
    return all(len(v) == 1 and v[0] in (0.0, 1.0) for v in filled)


def _resampled_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return `[draws]` means, each of as many items drawn with replacement."""
    size = len(sums)
    step = max(1, _CELLS // size)  # bounds the memory
    means = []
    for at in range(0, draws, step):
        drawn = rng.integers(size, size=(min(step, draws - at), size))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)
