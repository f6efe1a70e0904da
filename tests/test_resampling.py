"""Resamplers: unbiased, bounded, and safe at the edges."""

import math

import numpy as np
import pytest

from smc.resampling import RESAMPLERS
from smc.weights import ess, is_due, log_mean_exp, normalise

WEIGHTS = np.array([0.05, 0.0, 0.31, 0.27, 0.0, 0.37])
RUNS = 20_000


@pytest.mark.parametrize("name", sorted(RESAMPLERS))
@pytest.mark.parametrize("count", [1, 6, 11])
def test_mean_counts(name, count):
    rng = np.random.default_rng(31)
    counts = np.array(
        [
            np.bincount(RESAMPLERS[name](rng, WEIGHTS, count), minlength=len(WEIGHTS))
            for _ in range(RUNS)
        ]
    )
    assert (counts.sum(axis=1) == count).all()
    assert counts[:, WEIGHTS == 0].sum() == 0
    error = counts.std(axis=0) / math.sqrt(RUNS)
    # Systematic and residual counts can be constant: then the mean must be exact.
    assert (np.abs(counts.mean(axis=0) - count * WEIGHTS) <= 4 * error + 1e-12).all()
    expected = count * WEIGHTS
    if name == "systematic":
        assert (counts >= np.floor(expected)).all() and (counts <= np.ceil(expected)).all()
    if name == "residual":
        assert (counts >= np.floor(expected)).all()
    if name == "stratified":
        assert (np.abs(counts - expected) < 2).all()


@pytest.mark.parametrize("name", sorted(RESAMPLERS))
def test_control_the_last_index_is_missed(name):
    """The check above finds a resampler that never returns the last index."""
    rng = np.random.default_rng(31)
    drawn = [np.minimum(RESAMPLERS[name](rng, WEIGHTS, 6), 4) for _ in range(200)]
    counts = np.array([np.bincount(a, minlength=6) for a in drawn])
    assert np.abs(counts.mean(axis=0) - 6 * WEIGHTS).max() > 2


class LastUniform:
    """A generator whose uniforms are all just under 1."""

    def random(self, size=None):
        below = np.nextafter(1.0, 0.0)
        return below if size is None else np.full(size, below)


@pytest.mark.parametrize("name", sorted(RESAMPLERS))
def test_rounding_never_returns_a_dead_particle(name):
    for size in (3, 10, 1000):
        log_weights = np.log(np.random.default_rng(size).random(size))
        log_weights[-1] = -np.inf
        weights = normalise(log_weights)
        ancestors = RESAMPLERS[name](LastUniform(), weights, size)
        assert len(ancestors) == size
        assert (weights[ancestors] > 0).all()


@pytest.mark.parametrize("name", sorted(RESAMPLERS))
@pytest.mark.parametrize("bad", [[0.5, 0.6], [1.5, -0.5], [math.nan, 1.0], [0.0, 0.0]])
def test_bad_weights_are_refused(name, bad):
    with pytest.raises(ValueError, match="sum to 1"):
        RESAMPLERS[name](np.random.default_rng(0), np.array(bad), 2)


def test_weights_at_the_edges():
    dead = np.full(3, -np.inf)
    assert normalise(dead).tolist() == [0, 0, 0]
    assert ess(dead) == 0
    assert log_mean_exp(dead) == -math.inf
    tiny = np.array([-1000.0, -1000.0, -np.inf])
    assert normalise(tiny).tolist() == [0.5, 0.5, 0.0]
    assert ess(tiny) == pytest.approx(2)
    assert log_mean_exp(tiny) == pytest.approx(-1000 + math.log(2 / 3))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10, 1000])
def test_equal_weights_are_never_due(size):
    """Their ESS is N up to rounding, on either side of it."""
    for scale in (-1e4, -0.1, 0.0, 0.3, 700.0):
        assert not is_due(np.full(size, scale), 1.0)


@pytest.mark.parametrize(
    ("weights", "threshold", "due"),
    [
        ([3.0, 1.0], 1.0, True),  # ESS 1.6
        ([3.0, 1.0], 0.81, True),
        ([3.0, 1.0], 0.8, False),  # at the limit itself
        ([3.0, 1.0], 0.0, False),
        ([1.0, 1.0, 0.0, 0.0], 0.5, False),
        ([1.0, 1.0, 0.0, 0.0], 0.51, True),
        ([0.0, 0.0], 0.5, True),
        ([0.0, 0.0], 0.0, False),
    ],
)
def test_due_below_a_fraction_of_the_particles(weights, threshold, due):
    with np.errstate(divide="ignore"):
        assert is_due(np.log(weights), threshold) is due
