"""Tempering against enumeration: the target is that of the potential without it.

z = 4, the seed fixed before the first look.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import smc
from potentials.tempered import Ramp, Tempered
from smc.engine import run
from smc.potential import log_complete, log_prefix
from tests.engine.test_last_slot import PROPOSALS
from tests.exact import (
    MODEL,
    AfterB,
    Alternation,
    Judge,
    NoTripleA,
    SoftLength,
    estimates,
    target,
    with_boundary,
    z_scores,
)
from tests.test_exactness import Z, problems, settings

SEED = 20_311


RAMP = Ramp(3)


def worst_z(boundary, chosen, schedule=RAMP, runs=2000):
    plain = [with_boundary(p, boundary) for p in (Alternation(), Judge())]
    tempered = [Tempered(p, schedule) for p in plain]
    cheap = [NoTripleA(), SoftLength()]
    factors = [*cheap, *plain]
    gamma = target(factors, at_max_tokens=chosen.at_max_tokens)
    posteriors = run(MODEL, problems([*cheap, *tempered], SEED, runs), chosen)
    found = estimates(iter(posteriors), list(gamma))
    exact = np.array(list(gamma.values()))
    rare = (found > 0).sum(axis=0) < 60  # their weights are far from normal
    columns = np.column_stack([found[:, ~rare], found[:, rare].sum(axis=1), found.sum(axis=1)])
    means = np.concatenate([exact[~rare], [exact[rare].sum(), exact.sum()]])
    return float(np.abs(z_scores(columns, means)).max())


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_unbiased(size, boundary, how):
    chosen = settings(ess_threshold=0.8, at_max_tokens=how)
    assert worst_z(boundary, chosen, Ramp(size)) < Z


@pytest.mark.parametrize("name", ["hot", "rejection", "draft"])
def test_unbiased_with_other_proposals(name):
    chosen = settings(ess_threshold=0.8, proposal=PROPOSALS[name])
    assert worst_z(None, chosen) < Z


def test_control_tempering_that_does_not_end_at_one(monkeypatch):
    monkeypatch.setattr(
        Tempered,
        "batch_complete",
        lambda self, states: [
            0.5 * v for v in self.inner.batch_complete([s.inner for s in states])
        ],
    )
    assert worst_z(None, settings(ess_threshold=0.8)) > 2 * Z


@pytest.mark.parametrize("make", [Alternation, Judge])
def test_laws(make):
    tempered = Tempered(make(), Ramp(4))
    smc.check_potential(tempered, ["", "abab", "aabba", "bb", "ababab"])
    for text in ("a", "ab", "abab", "ababab"):
        assert log_complete(tempered, text) == log_complete(make(), text)
        power = min(1.0, len(text) / 4)
        plain = log_prefix(make(), text)
        expected = plain if plain == -math.inf else power * plain
        assert log_prefix(tempered, text) == pytest.approx(expected)


def test_hard_zeros_are_zero_at_power_zero():
    assert log_prefix(Tempered(Judge(), lambda size: 0.0), "bb") == -math.inf


def test_bad_arguments_are_refused():
    with pytest.raises(smc.SettingsError, match="scores tokens"):
        Tempered(SoftLength(), Ramp(3))
    with pytest.raises(smc.SettingsError, match="at least 1"):
        Ramp(0)
    for power in (-0.1, 1.1, math.nan):
        with pytest.raises(smc.PotentialError, match=r"schedule\(1\)"):
            log_prefix(Tempered(Judge(), lambda size, p=power: p), "a")
    with pytest.raises(smc.PotentialError, match="schedule: returned None at 1 bytes"):
        log_prefix(Tempered(Judge(), lambda size: None), "a")
