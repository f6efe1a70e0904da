"""The targets of particle filtering and particle Gibbs over steps, by enumeration.

Each check is |mean − exact| ≤ 4 standard errors over independent runs; seeds were fixed before the
first look.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import smc
from smc.steps import TokenText
from smc.strategies import Options, particle_filter
from smc.strategies.particle_gibbs import draw_path
from smc.strategies.particles import ParticlePath, ParticleWeighting, filter_particles
from smc.strategies.search import Search
from smc.strategies.trajectories import Trajectory
from tests.exact import z_scores
from tests.step_worlds import (
    MARK,
    MAX_TOKENS,
    MODEL,
    VOCABULARY,
    Judge,
    TableSteps,
    log_product_of_odds,
    rngs,
    steps_of,
    texts,
    token_steps,
    uneven,
)

Z = 4.0
RUNS = 800


def holed(text: str) -> float:
    """A first step is worth nothing, but what follows it is."""
    return 0.0 if text.find(".") == len(text) - 1 else uneven(text)


def log_potential(target: str, text: str) -> float:
    steps = steps_of(text)
    if target == "telescoping":
        return math.log(uneven(text)) if steps else 0.0
    return log_product_of_odds(steps, uneven)


def gamma(target: str) -> dict[str, float]:
    """Return γ of every text."""
    return {text: p * math.exp(log_potential(target, text)) for (_, text), p in texts().items()}


def worst_z(rows: list[dict[str, float]], exact: dict[str, float]) -> float:
    """Return the largest |z| over the texts that are hit often, and over Ẑ."""
    names = list(exact)
    estimates = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    assert all(set(row) <= set(names) for row in rows), "mass outside the target"
    often = (estimates > 0).sum(axis=0) >= 25
    assert often.sum() > 8
    both = np.column_stack([estimates[:, often], estimates.sum(axis=1)])
    values = np.array(list(exact.values()))
    return float(np.abs(z_scores(both, np.append(values[often], values.sum()))).max())


@pytest.mark.parametrize("target", ["multiplicative", "telescoping"])
@pytest.mark.parametrize(
    ("threshold", "resampling"), [(1.0, "multinomial"), (0.6, "systematic"), (0.0, "multinomial")]
)
def test_the_unnormalised_posterior_is_unbiased(target, threshold, resampling):
    rows = []
    model = TableSteps()
    for seed in np.random.SeedSequence(71).generate_state(RUNS).tolist():
        result = particle_filter(
            model,
            "",
            Judge(uneven),
            num_solutions=4,
            target=target,
            finished="once",
            resampling=resampling,
            ess_threshold=threshold,
            options=Options(seed=seed),
        )
        assert result.log_weights is not None
        row: dict[str, float] = {}
        for trajectory, log_weight in zip(result.trajectories, result.log_weights, strict=True):
            if log_weight > -math.inf:
                row[trajectory.text] = row.get(trajectory.text, 0.0) + math.exp(log_weight) / 4
        rows.append(row)
    assert worst_z(rows, gamma(target)) < Z


@pytest.mark.parametrize("target", ["multiplicative", "telescoping"])
def test_the_engine_over_tokens_has_the_same_target(target):
    class Rewarded(smc.Potential):
        boundary = MARK

        def prefix(self, text: str) -> float:
            return log_potential(target, text)

    rows = []
    seeds = np.random.SeedSequence(72).generate_state(RUNS).tolist()
    for posterior in smc.sample_batch(
        MODEL, [""] * RUNS, [[Rewarded()]] * RUNS, num_particles=4, max_tokens=MAX_TOKENS,
        at_max_tokens="end", ess_threshold=1.0, seeds=seeds,
    ):  # fmt: skip
        row: dict[str, float] = {}
        for sequence, log_weight in zip(posterior.sequences, posterior.log_weights, strict=True):
            if log_weight > -math.inf:
                row[sequence.text] = row.get(sequence.text, 0.0) + math.exp(log_weight) / 4
        rows.append(row)
    assert worst_z(rows, gamma(target)) < Z


def test_a_step_of_value_0_is_made_good_by_what_follows():
    """The telescoping target is p(x) · v(x), whatever the steps before were worth."""
    exact = {text: p * (holed(text) if text else 1.0) for (_, text), p in texts().items()}
    passed_by = sum(g for text, g in exact.items() if "." in text[:-1])
    assert 0.2 < passed_by / sum(exact.values()) < 0.8
    assert 0.0 in exact.values()
    model, rows = TableSteps(), []
    for seed in np.random.SeedSequence(74).generate_state(RUNS).tolist():
        result = particle_filter(
            model, "", Judge(holed), num_solutions=16, target="telescoping", ess_threshold=0.0,
            options=Options(seed=seed),
        )  # fmt: skip
        assert result.log_weights is not None
        row: dict[str, float] = {}
        for trajectory, log_weight in zip(result.trajectories, result.log_weights, strict=True):
            if log_weight > -math.inf:
                assert exact[trajectory.text] > 0
                row[trajectory.text] = row.get(trajectory.text, 0.0) + math.exp(log_weight) / 16
        rows.append(row)
    assert worst_z(rows, exact) < Z


def test_the_two_targets_differ():
    parts = [gamma(t) for t in ("multiplicative", "telescoping")]
    normal = [{k: v / sum(g.values()) for k, v in g.items()} for g in parts]
    assert max(abs(normal[0][k] - normal[1][k]) for k in normal[0]) > 0.05


def test_finished_particles_that_are_weighed_again_have_no_fixed_target():
    result = particle_filter(token_steps(), "", Judge(uneven), num_solutions=4)
    assert result.log_weights is None


def test_a_temperature_flattens_the_weights():
    how = {"num_solutions": 1, "finished": "once", "options": Options(seed=3)}
    model = token_steps(max_tokens=100)
    plain = particle_filter(model, "", Judge(uneven), **how)
    flat = particle_filter(model, "", Judge(uneven), weight_temperature=4.0, **how)
    assert plain.solutions == flat.solutions
    assert flat.log_weights[0] == pytest.approx(plain.log_weights[0] / 4)  # type: ignore[index]
    assert plain.log_weights[0] != 0  # type: ignore[index]


@pytest.mark.parametrize("target", ["multiplicative", "telescoping"])
@pytest.mark.parametrize("threshold", [1.0, 0.6, 0.0])
def test_a_sweep_of_particle_gibbs_leaves_the_target_unchanged(target, threshold):
    """A path drawn exactly from the target, and one sweep around it: still the target."""
    weighting = ParticleWeighting(target, "once", 1.0, threshold, "multinomial")
    exact = gamma(target)
    total = sum(exact.values())
    model, rows = TableSteps(), []
    ids, probs = zip(*((i, p) for i, p in MODEL.enumerate(MAX_TOKENS) if p > 0), strict=True)
    weights = [
        p
        * math.exp(
            log_potential(target, "".join((VOCABULARY.tokens[t] or b"").decode() for t in i))
        )
        for i, p in zip(ids, probs, strict=True)
    ]
    for rng in rngs(73, RUNS):
        search = Search(model, "", Judge(uneven), "last", temperature=None, max_step_tokens=None)
        path = path_of(search, ids[rng.choice(len(ids), p=np.array(weights) / sum(weights))])
        particles = filter_particles(search, weighting, rng.spawn(3), rng, 40, path)
        chosen = draw_path(particles, rng)
        assert chosen is not None
        rows.append({chosen[-1].text: 1.0})
    assert worst_of_counts(rows, {k: v / total for k, v in exact.items()}) < Z


def worst_of_counts(rows: list[dict[str, float]], probs: dict[str, float]) -> float:
    counts = {name: sum(r.get(name, 0.0) for r in rows) for name in probs}
    size = len(rows)
    z = [
        (counts[n] / size - p) / math.sqrt(p * (1 - p) / size)
        for n, p in probs.items()
        if p * size >= 25
    ]
    assert len(z) > 5
    return max(map(abs, z))


def piece(token: int) -> str:
    return (VOCABULARY.tokens[token] or b"").decode()


def path_of(search: Search, ids: tuple[int, ...]) -> ParticlePath:
    """Return the path of a token sequence, its end included."""
    trajectories, tokens = [Trajectory()], ()
    for token in ids:
        tokens = (*tokens, token)
        pieces = tuple(map(piece, tokens))
        text = "".join(pieces)
        ends = token in VOCABULARY.eos_ids
        if ends or "." in text:
            step = (TokenText.of(text, tokens, pieces),) if text else ()
            grown = dataclasses.replace(
                trajectories[-1],
                solution=(*trajectories[-1].solution, *step),
                value=math.nan if step else trajectories[-1].value,
                finished=ends,
            )
            trajectories += search.score([grown])
            tokens = ()
    return tuple(trajectories)
