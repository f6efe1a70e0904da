"""The tests that decide: every number of the engine against enumeration.

Each check is |mean − exact| ≤ 4 standard errors over independent runs (a false alarm has
probability 6e-5 a check; about 20 texts a setting). Seeds were fixed before the first look.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import smc
from smc.engine import Problem, Run, run
from smc.resampling import RESAMPLERS, systematic
from smc.settings import Settings
from tests.exact import (
    MAX_TOKENS,
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

Z = 4.0
RUNS = 3000


def potentials(boundary: smc.Boundary | None) -> list:
    return [
        NoTripleA(),
        SoftLength(),
        with_boundary(Alternation(), boundary),
        with_boundary(Judge(), boundary),
    ]


def worst_z(
    settings: Settings, factors: list, seed: int, runs: int = RUNS, min_hits: int = 25
) -> float:
    """Return the largest |z| over all texts, and over Ẑ."""
    posteriors = run(MODEL, problems(factors, seed, runs), settings)
    return worst_z_of(posteriors, factors, min_hits, settings.at_max_tokens)


def problems(factors: list, seed: int, runs: int = RUNS) -> list[Problem]:
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(runs)]
    return [Problem("", factors, rng) for rng in rngs]


def worst_z_of(
    posteriors: list[smc.Posterior],
    factors: list,
    min_hits: int = 25,
    at_max_tokens: str = "end",
) -> float:
    gamma = target(factors, at_max_tokens=at_max_tokens)
    texts = list(gamma)
    found = estimates(iter(posteriors), texts)
    hits = (found > 0).sum(axis=0)
    assert hits.min() >= min_hits, "too few hits for a normal approximation"
    exact = np.array([gamma[t] for t in texts])
    both = np.column_stack([found, found.sum(axis=1)])
    return float(np.abs(z_scores(both, np.append(exact, exact.sum()))).max())


def settings(**changes) -> Settings:
    fixed = {"num_particles": 4, "max_tokens": MAX_TOKENS, "at_max_tokens": "end"}
    return Settings(**(fixed | changes))


# At a threshold of 0 nothing is resampled: one resampler stands for all.
RESAMPLED = [*itertools.product(sorted(RESAMPLERS), (0.5, 1.0)), ("systematic", 0.0)]


@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
@pytest.mark.parametrize(("resampling", "threshold"), RESAMPLED)
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_the_unnormalised_posterior_is_unbiased(boundary, threshold, resampling, temperature):
    chosen = settings(
        ess_threshold=threshold,
        resampling=resampling,
        proposal=smc.LocalProposal(temperature=temperature),
    )
    assert worst_z(chosen, potentials(boundary), seed=20_261) < Z


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_runs_without_resampling_are_the_same_whatever_the_resampler(boundary, temperature, how):
    found = []
    for resampling in sorted(RESAMPLERS):
        chosen = settings(
            at_max_tokens=how,
            ess_threshold=0.0,
            resampling=resampling,
            proposal=smc.LocalProposal(temperature=temperature),
        )
        posteriors = run(MODEL, problems(potentials(boundary), 20_268, 100), chosen)
        assert not any(step.resampled for p in posteriors for step in p.history)
        found.append([(p.sequences, p.log_weights.tolist()) for p in posteriors])
    assert all(other == found[0] for other in found)


@pytest.mark.parametrize(
    "changes",
    [
        {"resample_at": AfterB(), "ess_threshold": 1.0},
        {"resample_at": AfterB(), "ess_threshold": 0.5, "resampling": "multinomial"},
        {"expensive": "end", "ess_threshold": 1.0},
        {"shared_draws": False, "ess_threshold": 1.0},
        {"num_particles": 1, "ess_threshold": 1.0},
        {"num_particles": 2, "ess_threshold": 1.0, "resampling": "residual"},
    ],
    ids=str,
)
def test_unbiased_in_the_other_settings(changes):
    runs = RUNS * max(1, 4 // changes.get("num_particles", 4))
    assert worst_z(settings(**changes), potentials(AfterB()), seed=20_262, runs=runs) < Z


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
def test_unbiased_where_problems_join_a_running_batch(boundary, step):
    """Those that run already, on other terms, are no less so."""
    first, joining = potentials(AfterB()), potentials(boundary)
    on = settings(num_particles=3, proposal=smc.LocalProposal(temperature=1.7), max_tokens=8)
    engine = Run(MODEL)
    engine.add_all(problems([Judge()], 20_265, 50), on)
    early = engine.add_all(problems(first, 20_266, RUNS // 2), settings(ess_threshold=1.0))
    for _ in range(step):
        engine.step()
    changed = settings(ess_threshold=0.7, resampling="residual", resample_at=boundary)
    late = engine.add_all(problems(joining, 20_267), changed)
    assert len(engine.unfinished()) > RUNS
    while engine.running:
        engine.step()
    assert worst_z_of([engine.posterior(n) for n in late], joining) < Z
    assert worst_z_of([engine.posterior(n) for n in early], first, min_hits=12) < Z


def test_unbiased_without_cheap_potentials():
    assert worst_z(settings(ess_threshold=1.0), [Alternation(), Judge()], seed=20_263) < Z


def test_expensive_never_targets_the_cheap_potentials_alone():
    chosen = settings(expensive="never", ess_threshold=1.0)
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(20_264).spawn(RUNS)]
    posteriors = run(MODEL, [Problem("", potentials(None), r) for r in rngs], chosen)
    gamma = target([NoTripleA(), SoftLength()])
    found = estimates(iter(posteriors), list(gamma))
    assert np.abs(z_scores(found, np.array(list(gamma.values())))).max() < Z


def test_history_multiplies_to_the_evidence():
    for seed in range(20):
        posterior = smc.sample(
            MODEL, "", potentials(AfterB()), max_tokens=MAX_TOKENS, ess_threshold=1.0, seed=seed
        )
        log_phi0 = Judge().prefix("")
        steps = sum(s.log_evidence_increment for s in posterior.history)
        assert posterior.log_evidence == pytest.approx(log_phi0 + steps, abs=1e-12)


class Exact(smc.TokenPotential[bytes]):
    """The exact twist: φ(prefix) is the mean of γ/p over what may follow it."""

    def __init__(self, factors: list) -> None:
        self._value: dict[tuple[int, ...], float] = {}
        self.factors = factors
        for ids, prob in MODEL.enumerate(MAX_TOKENS):
            text = b"".join(MODEL.vocabulary.tokens[i] or b"" for i in ids[:-1]).decode()
            weight = math.exp(sum(f.complete(text) for f in factors))
            for cut in range(len(ids)):
                below = self._value.setdefault(ids[:cut], 0.0)
                self._value[ids[:cut]] = below + weight * prob
        for ids in self._value:
            for cut in range(len(ids)):
                self._value[ids] /= MODEL.next_probs(ids[:cut])[ids[cut]]

    def value(self, ids: tuple[int, ...]) -> float:
        value = self._value.get(ids, 0.0)
        return math.log(value) if value > 0 else -math.inf

    def start(self) -> bytes:
        return b""

    def advance(self, state: bytes, new_bytes: bytes) -> bytes:
        # Token ids cannot be told from bytes ("a"+"b" or "ab"), so this world has no "ab".
        return state + new_bytes

    def prefix(self, state: bytes) -> float:
        return self.value(tuple(b"ab".index(c) for c in state))

    def complete(self, state: bytes) -> float:
        return sum(f.complete(state.decode()) for f in self.factors)

    def token_scores(self, states):
        rows = []
        for state in states:
            now = self.prefix(state)
            nexts = [self.prefix(state + c) - now for c in (b"a", b"b")]
            end = self.complete(state) - now
            rows.append([*nexts, -math.inf, end, end])
        return smc.TokenScores(log_scores=np.array(rows, dtype=np.float32))


def test_the_exact_twist_has_no_variance(monkeypatch):
    from tests import exact

    def without_straddler(prefix):
        a, b, _, e, f = exact.next_probs(prefix)
        total = a + b + e + f
        return (a / total, b / total, 0.0, e / total, f / total)

    model = smc.TableModel(MODEL.vocabulary, without_straddler)
    monkeypatch.setattr("tests.test_exactness.MODEL", model)
    factors = [Judge()]
    z = sum(target(factors, model=model).values())
    twist = Exact(factors)
    for seed in range(25):
        posterior = smc.sample(
            model, "", [twist], num_particles=3, max_tokens=MAX_TOKENS, at_max_tokens="end",
            ess_threshold=1.0, seed=seed,
        )  # fmt: skip
        assert posterior.log_evidence == pytest.approx(math.log(z), abs=2e-5)


# Negative controls: each fault must be found by the very check that the engine passes.


def test_control_a_resampler_that_never_returns_the_last_index(monkeypatch):
    def broken(rng, weights, count):
        return np.minimum(systematic(rng, weights, count), len(weights) - 2)

    monkeypatch.setattr("smc.engine.step.RESAMPLERS", {"systematic": broken})
    assert worst_z(settings(ess_threshold=1.0), potentials(None), seed=20_261, min_hits=0) > 2 * Z


def test_control_an_engine_that_forgets_the_last_value(monkeypatch):
    def forgetful(candidate, k, log_value, *, complete):
        candidate.log_increments.append(log_value)

    monkeypatch.setattr("smc.engine.candidates.multiply", forgetful)
    assert worst_z(settings(ess_threshold=1.0), potentials(None), seed=20_261, min_hits=0) > 2 * Z


def test_control_a_mask_that_admits_one_token_too_many():
    class Leaky(NoTripleA):
        def allows(self, state, token):
            return super().allows(state, token) or (state == b"a" and token in (3, 4))

        def complete(self, state):  # the target still says no
            return -math.inf if state == b"a" else super().complete(state)

    factors = [Leaky(), *potentials(None)[1:]]
    # Mass outside the target: a text of weight zero comes back with weight.
    with pytest.raises(KeyError, match="a"):
        worst_z(settings(ess_threshold=1.0), factors, seed=20_261)


def test_control_a_final_step_that_forgets_forced_eos():
    """Runs one token longer than the target's limit have the mass of another target."""
    chosen = settings(ess_threshold=1.0, max_tokens=MAX_TOKENS - 1)
    assert worst_z(chosen, potentials(None), seed=20_261, min_hits=0) > 2 * Z


def test_all_settings_are_covered():
    """The grid above names every resampler there is, at every threshold at which it is used."""
    assert set(RESAMPLERS) == {"multinomial", "residual", "stratified", "systematic"}
    assert set(RESAMPLED) > set(itertools.product(RESAMPLERS, (0.5, 1.0)))
