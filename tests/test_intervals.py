"""Intervals of means, against what is known of normal numbers and of shares."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from smc import intervals
from smc.intervals import bootstrap, mean_interval, paired, wilson

Z95 = NormalDist().inv_cdf(0.975)


def one_each(values):
    return {str(i): [float(v)] for i, v in enumerate(values)}


def test_interval_of_many_normal_numbers_is_the_normal_one():
    values = np.random.default_rng(1).normal(3.0, 2.0, size=500)
    draws = 10_000
    found = bootstrap(one_each(values), draws=draws)
    error = values.std() / math.sqrt(len(values))
    # Standard error of an estimated quantile: sqrt(p (1 − p) / draws) / density.
    tolerance = 4 * math.sqrt(0.025 * 0.975 / draws) / NormalDist().pdf(Z95) * error
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - Z95 * error, abs=tolerance)
    assert found.high == pytest.approx(values.mean() + Z95 * error, abs=tolerance)
    assert found.items == len(values)


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(2)
    experiments = 1000
    covered = 0
    for number in range(experiments):
        found = bootstrap(one_each(rng.normal(1.0, 1.0, size=200)), draws=500, seed=number)
        covered += found.low <= 1.0 <= found.high
    error = math.sqrt(0.95 * 0.05 / experiments)
    assert covered / experiments == pytest.approx(0.95, abs=4 * error)


def test_repeating_an_item_with_other_seeds_adds_no_items():
    values = np.random.default_rng(3).normal(size=30)
    once = bootstrap(one_each(values))
    tenfold = bootstrap({str(i): [float(v)] * 10 for i, v in enumerate(values)})
    assert (tenfold.mean, tenfold.low, tenfold.high) == pytest.approx(
        (once.mean, once.low, once.high)
    )


def test_the_mean_is_over_runs_whatever_their_number():
    values = {"x": [1.0, 2.0, 3.0], "y": [10.0], "z": []}
    found = bootstrap(values)
    assert found.mean == pytest.approx(np.mean([1.0, 2.0, 3.0, 10.0]))
    assert found.items == 2


def test_nothing_gives_nan():
    found = bootstrap({"x": []})
    assert math.isnan(found.mean)
    assert math.isnan(found.low)
    assert found.items == 0


def test_memory_bound_does_not_change_the_result(monkeypatch):
    values = one_each(np.random.default_rng(4).normal(size=20))
    whole = bootstrap(values, draws=1000)
    monkeypatch.setattr(intervals, "_CELLS", 20 * 7)
    assert bootstrap(values, draws=1000) == whole


def test_same_seed_same_interval_other_seed_another():
    values = one_each(np.random.default_rng(5).normal(size=20))
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1)
    assert bootstrap(values, seed=1) != bootstrap(values, seed=2)


def test_pairing_takes_out_what_items_have_in_common():
    rng = np.random.default_rng(6)
    difficulty = rng.normal(0.0, 5.0, size=100)
    noise = rng.normal(0.0, 0.1, size=100)
    found = bootstrap(paired(one_each(difficulty + 0.5 + noise), one_each(difficulty)))
    assert found.mean == pytest.approx(0.5 + noise.mean())
    assert found.high - found.low < 8 * noise.std() / math.sqrt(len(noise))


def test_pairing_leaves_out_what_only_one_has():
    ours = {"x": [1.0, 5.0], "y": [2.0]}
    theirs = {"x": [0.5], "z": [9.0]}
    assert paired(ours, theirs) == {"x": [0.5]}


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_that_of_the_literature(successes, trials, low, high):
    found = wilson(successes, trials)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson(trials - successes, trials)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_8_of_8_is_not_certain():
    z2 = Z95**2
    for values in ([1.0] * 8, one_each([1] * 8), {str(i): [1.0, 1.0, 1.0] for i in range(8)}):
        found = mean_interval(values)
        assert (found.mean, found.high, found.items) == (1.0, 1.0, 8)
        assert found.low == pytest.approx(8 / (8 + z2))
    found = mean_interval([0.0] * 8)
    assert (found.mean, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(z2 / (8 + z2))


def test_shares_have_wilsons_interval_and_other_means_the_bootstraps():
    shares = one_each([1, 0, 1, 1, 0])
    assert mean_interval(shares) == wilson(3, 5)
    for values in (one_each([0.2, 1, 0]), {"x": [1.0, 0.0], "y": [1.0]}, one_each([0.5, 0.5])):
        assert mean_interval(values) == bootstrap(values)
    assert mean_interval({"x": []}).items == 0
    for empty in ([], {}):
        assert math.isnan(mean_interval(empty).mean)


def test_wilsons_interval_covers_the_truth():
    """On average over what the share may be; a single one may be off by a few points."""
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(4000):
        truth = rng.random()
        found = wilson(int(rng.binomial(30, truth)), 30)
        covered += found.low <= truth <= found.high
    assert covered / 4000 == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 4000))
