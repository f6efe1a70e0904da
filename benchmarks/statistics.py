"""Means with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


def bootstrap(
    values: Values, *, draws: int = DRAWS, level: float = LEVEL, seed: int = 0
) -> Interval:
    """Return the mean with a percentile bootstrap interval.

    What is resampled are items: the seeds of an item stay together, since they have its difficulty
    in common, so the interval is about other items of the kind. With one item it has no width, and
    where all values are equal (a rate of 0 or 1, say) neither: both understate.

    Args:
        values: By item.
        draws: Bootstrap samples.
        level: Of the interval.
        seed: Same seed, same interval.
    """
    filled = [v for v in values.values() if len(v)]
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
