"""Resampling among particles that are judged alike, against enumeration.

As in `test_exactness`: z = 4, seeds fixed before the first look.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import smc
from smc.engine.population import Population
from smc.resampling import RESAMPLERS
from smc.weights import log_mean_exp
from tests.engine.test_last_slot import PROPOSALS, worst_z
from tests.exact import AfterB, Judge
from tests.test_exactness import Z, potentials, settings

SEED = 20_281


def alike(**changes):
    return settings(**({"resample_among": "alike", "ess_threshold": 1.0} | changes))


@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
@pytest.mark.parametrize("resampling", sorted(RESAMPLERS))
def test_unbiased(resampling, boundary):
    chosen = alike(resampling=resampling)
    assert worst_z(chosen, potentials(boundary), SEED) < Z


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize("name", PROPOSALS)
def test_unbiased_with_every_proposal_at_both_ends(name, how):
    chosen = alike(at_max_tokens=how, ess_threshold=0.7, proposal=PROPOSALS[name])
    assert worst_z(chosen, potentials(AfterB()), SEED + 1) < Z


@pytest.mark.parametrize(
    "changes",
    [
        {"resample_at": AfterB()},
        {"expensive": "end"},
        {"shared_draws": False},
        {"num_particles": 2},
        {"num_particles": 7},
    ],
    ids=str,
)
def test_unbiased_in_the_other_settings(changes):
    assert worst_z(alike(**changes), potentials(AfterB()), SEED + 2) < Z


def test_control_those_who_take_part_weigh_the_mean_of_all(monkeypatch):
    commit = Population.commit

    def wrong(self, candidates=(), *, ancestors=None, among=None):
        mean = log_mean_exp(self.log_weights)
        commit(self, candidates, ancestors=ancestors, among=among)
        if among is not None:
            self.log_weights[among] = mean

    monkeypatch.setattr(Population, "commit", wrong)
    assert worst_z(alike(), potentials(None), SEED) > 2 * Z


def test_control_those_who_take_part_keep_their_own_weights(monkeypatch):
    commit = Population.commit

    def wrong(self, candidates=(), *, ancestors=None, among=None):
        before = self.log_weights.copy()
        commit(self, candidates, ancestors=ancestors, among=among)
        if among is not None:
            self.log_weights[among] = before[ancestors[among]]

    monkeypatch.setattr(Population, "commit", wrong)
    assert worst_z(alike(), potentials(None), SEED) > 2 * Z


class EndsWell(smc.Potential):
    """A finished text is worth much more than what it was worth a token before."""

    boundary = smc.WhereBoundary(lambda before, now: False)

    def complete(self, text):
        return 6.0 + 0.5 * math.sin(len(text))


@pytest.mark.parametrize(("among", "fewest"), [("all", 1), ("alike", 8)])
def test_an_early_text_does_not_take_the_places_of_those_to_come(among, fewest):
    model = smc.TableModel.constant({chr(97 + i): 0.9 / 20 for i in range(20)}, eos=0.1)
    posteriors = [
        smc.sample(
            model, "", [EndsWell()], num_particles=10, max_tokens=30, seed=s, resample_among=among
        )
        for s in range(20)
    ]
    texts = [len({s.text for s in p.sequences}) for p in posteriors]
    assert min(texts) >= fewest
    assert bool(np.mean(texts) < 4) == (among == "all")


def test_finished_texts_keep_their_weight_and_the_dead_give_up_their_places():
    class NoB(smc.Potential):
        def prefix(self, text):
            return -math.inf if "b" in text else 0.3 * text.count("a")

    model = smc.TableModel.constant({"a": 0.4, "b": 0.2, "c": 0.2}, eos=0.2)
    posterior = smc.sample(
        model, "", [NoB()], num_particles=30, max_tokens=12, ess_threshold=1.0, seed=5,
        resample_among="alike",
    )  # fmt: skip
    resampled = 0
    steps = posterior.history
    ended = np.zeros(30, dtype=bool)
    for step, following in itertools.pairwise(steps):
        ended = np.array([not p for p in step.pieces]) & (np.array(step.log_weights) > -np.inf)
        if step.ancestors is None:
            continue
        resampled += 1
        kept = np.flatnonzero(ended)
        assert [step.ancestors[i] for i in kept] == kept.tolist()
        assert [following.log_weights[i] for i in kept] == [step.log_weights[i] for i in kept]
        assert not {int(a) for a in np.delete(step.ancestors, kept)} & set(kept.tolist())
        gone = np.flatnonzero(np.array(step.log_weights) == -np.inf)
        assert all(step.log_weights[step.ancestors[i]] > -np.inf for i in gone)
    assert resampled > 3


def test_the_argument_is_checked():
    with pytest.raises(smc.SettingsError, match="resample_among: expected one of all, alike"):
        smc.sample(smc.TableModel.constant({"a": 0.5}, eos=0.5), "", [Judge()], resample_among="b")
