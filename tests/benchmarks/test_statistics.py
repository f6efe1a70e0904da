"""Bootstrap intervals against what is known of the mean of normal numbers."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from benchmarks import statistics
from benchmarks.statistics import bootstrap, paired

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
    monkeypatch.setattr(statistics, "_CELLS", 20 * 7)
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
