"""Metropolis steps: the target is stationary, by enumeration. z = 4, seeds fixed before."""

from __future__ import annotations

import numpy as np
import pytest

import smc
import smc.moves
from smc.moves import regrow
from tests.exact import MAX_TOKENS, MODEL, AfterB, target
from tests.test_exactness import Z, potentials
from tests.test_particle_gibbs import paths, worst_z_of_counts

SEED = 20_331


RUNS = 2000


def worst_z(factors, how, steps=1, runs=RUNS):
    """The largest |z| over texts that are expected 25 times, the others taken together.

    Texts are drawn from the target and moved: they are distributed by the target again.
    """
    exact = paths(factors, how)
    rng = np.random.default_rng(SEED)
    ids = list(exact)
    starts = rng.choice(len(ids), size=runs, p=list(exact.values()))
    moved: list[str] = []
    for seed, some in enumerate(np.array_split(starts, runs // 50)):
        before = smc.Posterior(
            sequences=tuple(smc.TextSequence("", ids[i], finished=True) for i in some),
            log_weights=np.zeros(len(some)),
            history=(),
            num_tokens=0,
        )
        after = regrow(
            MODEL, "", factors, before, steps=steps, max_tokens=MAX_TOKENS, at_max_tokens=how,
            seed=seed,
        )  # fmt: skip
        moved += [s.text for s in after.sequences]
    return worst_z_of_counts(moved, target(factors, at_max_tokens=how))


@pytest.mark.parametrize("how", ["cut", "end"])
def test_the_target_is_stationary(how):
    assert worst_z(potentials(AfterB()), how) < Z


def test_control_lengths_are_forgotten(monkeypatch):
    def wrong(pair, rng):
        old, new = pair.sequences
        better = np.log(rng.random()) < pair.log_weights[1] - pair.log_weights[0]
        return new if better else old

    monkeypatch.setattr(smc.moves, "_accepted", wrong)
    assert worst_z(potentials(AfterB()), "cut") > Z


def test_control_all_that_live_are_taken(monkeypatch):
    def wrong(pair, rng):
        return pair.sequences[int(pair.log_weights[1] > -np.inf)]

    monkeypatch.setattr(smc.moves, "_accepted", wrong)
    assert worst_z(potentials(AfterB()), "cut") > 2 * Z


def test_copies_part_and_weights_stay():
    class EndsWell(smc.Potential):
        def complete(self, text):
            return 6.0

    model = smc.TableModel.constant({chr(97 + i): 0.04 for i in range(20)}, eos=0.2)
    before = [
        smc.sample(model, "", [EndsWell()], num_particles=10, max_tokens=12, seed=s)
        for s in range(12)
    ]
    after = [
        regrow(model, "", [EndsWell()], p, steps=4, max_tokens=12, seed=s)
        for s, p in enumerate(before)
    ]
    for old, new in zip(before, after, strict=True):
        assert new.log_weights.tolist() == old.log_weights.tolist()
        assert new.num_tokens > old.num_tokens
    distinct = [np.mean([len(p.probabilities()) for p in ps]) for ps in (before, after)]
    assert distinct[0] < 3 and distinct[1] > 5
    still = regrow(model, "", [EndsWell()], before[0], steps=0)
    assert still.sequences == before[0].sequences


def test_bad_arguments_are_refused():
    posterior = smc.sample(MODEL, "", max_tokens=3)
    with pytest.raises(smc.SettingsError, match="steps"):
        regrow(MODEL, "", [], posterior, steps=-1)
