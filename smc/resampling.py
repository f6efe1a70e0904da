"""Resampling: the schemes that draw ancestors; `smc.weights.is_due` says when.

One signature for all schemes, `(rng, weights, count) -> ancestors`:

Args:
    rng: Generator, advanced by the scheme.
    weights: `[N]` linear weights, non-negative, sum 1.
    count: M > 0, the size of the next generation.

Returns:
    `[M]` indices into `weights`, ascending. Unbiased: index i is named M·weights[i] times on
    average; an index of weight zero is never named.

Raises:
    ValueError: Weights negative, NaN, or not summing to 1.

Source: Douc, Cappé & Moulines (2005), "Comparison of resampling schemes for particle filtering".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from smc.model import FloatArray, IntArray

Resampler = Callable[[np.random.Generator, FloatArray, int], IntArray]


def multinomial(rng: np.random.Generator, weights: FloatArray, count: int) -> IntArray:
    """Independent draws: the simplest scheme and the noisiest."""
    return _inverse_cdf(weights, np.sort(rng.random(count)))


def stratified(rng: np.random.Generator, weights: FloatArray, count: int) -> IntArray:
    """One uniform in each of M equal strata; each count is within 2 of its mean."""
    return _inverse_cdf(weights, (np.arange(count) + rng.random(count)) / count)


def systematic(rng: np.random.Generator, weights: FloatArray, count: int) -> IntArray:
    """One uniform for all strata; each count is the floor or the ceiling of its mean.

    Example:
        >>> systematic(np.random.default_rng(0), np.array([0.5, 0.0, 0.5]), 2).tolist()
        [0, 2]

    Source: Kitagawa (1996), J. Comput. Graph. Stat. 5(1), 1-25.
    """
    return _inverse_cdf(weights, (np.arange(count) + rng.random()) / count)


def residual(rng: np.random.Generator, weights: FloatArray, count: int) -> IntArray:
    """Keep floor(M·w) copies of each, then draw the rest from what is left over.

    Source: Liu & Chen (1998), J. Am. Stat. Assoc. 93, 1032-1044.
    """
    _check(weights)
    expected = count * weights
    copies = np.floor(expected).astype(np.int64)
    rest = count - int(copies.sum())
    if rest > 0:
        left = expected - copies
        drawn = _inverse_cdf(left / left.sum(), np.sort(rng.random(rest)))
        copies += np.bincount(drawn, minlength=len(weights))
    return np.repeat(np.arange(len(weights)), copies)


RESAMPLERS: Mapping[str, Resampler] = MappingProxyType(
    {
        "multinomial": multinomial,
        "residual": residual,
        "stratified": stratified,
        "systematic": systematic,
    }
)


def _inverse_cdf(weights: FloatArray, uniforms: FloatArray) -> IntArray:
    """Map ascending uniforms in [0, 1) to indices, never to one of weight zero."""
    _check(weights)
    cdf = np.cumsum(weights)
    # A running sum rounds: scale the uniforms to its true end, so that neither an index past the
    # end nor a weightless last index can come back.
    indices = np.searchsorted(cdf, uniforms * cdf[-1], side="right")
    return np.minimum(indices, np.flatnonzero(weights)[-1]).astype(np.int64)


def _check(weights: FloatArray) -> None:
    total = float(np.sum(weights))
    if not (np.all(weights >= 0) and abs(total - 1) < 1e-8):
        raise ValueError(
            f"resampling: weights must be non-negative and sum to 1, got sum {total} and minimum "
            f"{float(np.min(weights))}. Normalise with smc.weights.normalise first."
        )
