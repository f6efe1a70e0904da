"""Particle Gibbs over tokens: the target is stationary, by enumeration.

A path is drawn from the target, a sweep is run around it, and a text is drawn from the sweep: that
text is distributed by the target again. z = 4, the seed fixed before the first look.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import smc
from smc.engine import Problem
from smc.engine.conditional import ConditionalRun, PathProposal
from smc.particle_gibbs import draw_path, particle_gibbs
from smc.potential import log_complete
from smc.weights import normalise
from tests.exact import MAX_TOKENS, MODEL, AfterB, target
from tests.test_exactness import Z, potentials, settings

SEED = 20_321
RUNS = 3000


def paths(factors, how):
    """Every token sequence with its probability under the target."""
    found = {}
    for ids, prob in MODEL.enumerate(MAX_TOKENS, truncated=how == "cut"):
        text = b"".join(MODEL.vocabulary.tokens[i] or b"" for i in ids).decode()
        weight = prob * math.exp(sum(log_complete(f, text) for f in factors))
        if weight > 0:
            found[ids] = weight
    total = sum(found.values())
    return {ids: w / total for ids, w in found.items()}


def worst_z(factors, chosen):
    """The largest |z| over texts that are expected 25 times, the others taken together."""
    exact = paths(factors, chosen.at_max_tokens)
    rng = np.random.default_rng(SEED)
    ids = list(exact)
    starts = rng.choice(len(ids), size=RUNS, p=list(exact.values()))
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(SEED).spawn(RUNS)]
    drawn: list[str] = []
    for some in np.array_split(np.arange(RUNS), RUNS // 100):  # more would join slowly
        run = ConditionalRun(MODEL)
        for i in some.tolist():
            conditional = smc.Settings(
                num_particles=chosen.num_particles,
                max_tokens=MAX_TOKENS,
                at_max_tokens=chosen.at_max_tokens,
                ess_threshold=chosen.ess_threshold,
                proposal=PathProposal(ids[starts[i]]),
                shared_draws=False,
            )
            run.add(Problem("", factors, rngs[i]), conditional)
        while run.running:
            run.step()
        for p in run.posteriors():
            weights = normalise(p.log_weights)
            drawn.append(p.sequences[int(rng.choice(len(weights), p=weights))].text)
    return worst_z_of_counts(drawn, target(factors, at_max_tokens=chosen.at_max_tokens))


def worst_z_of_counts(drawn, gamma):
    """The largest |z| of counts of texts whose probability is as γ."""
    total, runs = sum(gamma.values()), len(drawn)
    assert set(drawn) <= set(gamma)
    worst, rare = 0.0, [0.0, 0]
    for text, weight in gamma.items():
        p, count = weight / total, drawn.count(text)
        if p * runs < 25:
            rare = [rare[0] + p, rare[1] + count]
            continue
        worst = max(worst, _z(p, count, runs))
    return max(worst, _z(*rare, runs)) if rare[0] > 0 else worst


def _z(p, count, runs):
    return abs(count - runs * p) / math.sqrt(runs * p * (1 - p))


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize(("particles", "threshold"), [(2, 1.0), (4, 0.5)])
def test_the_target_is_stationary(particles, threshold, how):
    chosen = settings(num_particles=particles, ess_threshold=threshold, at_max_tokens=how)
    assert worst_z(potentials(AfterB()), chosen) < Z


def test_control_the_path_is_replaced_like_any_other(monkeypatch):
    monkeypatch.setattr("smc.engine.conditional.resample", smc.engine.step.resample)
    assert worst_z(potentials(AfterB()), settings(ess_threshold=1.0)) > 2 * Z


def test_control_the_path_weighs_more(monkeypatch):
    draw = PathProposal.draw

    def heavier(self, batch, request):
        draws, known = draw(self, batch, request)
        first = np.array([batch.rows[r].particles[0] == 0 for r in request.rows])
        return smc.model.Draws(draws.tokens, draws.log_weights + 0.4 * first), known

    monkeypatch.setattr(PathProposal, "draw", heavier)
    assert worst_z(potentials(AfterB()), settings(ess_threshold=0.5)) > 2 * Z


def test_the_path_is_kept_to_its_end():
    found = particle_gibbs(
        MODEL, "", potentials(None), sweeps=6, num_particles=4, max_tokens=4, seed=3
    )
    assert len(found) == 6
    texts = [{s.text for s in p.sequences} for p in found]
    assert all(p.sequences[0].text in before for p, before in zip(found[1:], texts, strict=False))
    assert all(p.log_weights[0] > -np.inf for p in found[1:])


def test_same_seed_same_sweeps():
    twice = [
        particle_gibbs(MODEL, "", potentials(None), sweeps=3, max_tokens=4, seed=5)
        for _ in range(2)
    ]
    assert [p.sequences for p in twice[0]] == [p.sequences for p in twice[1]]


def test_an_extinct_first_run_is_the_result():
    class Never(smc.Potential):
        def complete(self, text):
            return -math.inf

    found = particle_gibbs(MODEL, "", [Never()], sweeps=3, max_tokens=3)
    assert [p.status for p in found] == [smc.Status.EXTINCT]


def test_a_path_is_drawn_by_weight():
    posterior = smc.sample(MODEL, "", potentials(None), max_tokens=4, seed=1)
    rng = np.random.default_rng(0)
    heavy = posterior.sequences[int(np.argmax(posterior.log_weights))].tokens
    drawn = [draw_path(posterior, rng) for _ in range(200)]
    assert drawn.count(heavy) > 200 / 10
    dead = {
        s.tokens
        for s, w in zip(posterior.sequences, posterior.log_weights, strict=True)
        if w == -np.inf
    }
    assert not dead & set(drawn)


@pytest.mark.parametrize(
    "changes", [{"sweeps": 0}, {"num_particles": 1}, {"sweeps": True}], ids=str
)
def test_bad_arguments_are_refused(changes):
    with pytest.raises(smc.SettingsError, match=next(iter(changes))):
        particle_gibbs(MODEL, "", **changes)
