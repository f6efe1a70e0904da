"""Retries after extinction against enumeration: the estimate stays unbiased, whatever is retried.

As in `test_exactness`: z = 4, seeds fixed before the first look.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import smc
from smc.pages.lineage import Lineage
from smc.retries import Retries, run_with_retries
from smc.settings import Settings
from tests.exact import MAX_TOKENS, MODEL, AfterB, Judge, NoTripleA, estimates, target, z_scores
from tests.test_exactness import Z, problems

SEED = 20_281
RUNS = 2000
HITS = 25
SETTINGS = Settings(num_particles=2, max_tokens=MAX_TOKENS, ess_threshold=0.6)


class Rare(smc.Potential):
    """Few texts live, and many populations of one die out; no word before the end of "ab…"."""

    def prefix(self, text):
        return -math.inf if text.startswith("b") else 0.0

    def complete(self, text):
        good = text.startswith("a") and "b" in text
        return 0.3 * len(text) if good else -math.inf


FACTORS = [NoTripleA(), Judge(), Rare()]


def retried(retries: Retries, settings: Settings = SETTINGS, runs: int = RUNS):
    return run_with_retries(MODEL, problems(FACTORS, SEED, runs), settings, retries)


def worst_z(posteriors: list[smc.Posterior], how: str = "cut") -> float:
    """The largest |z| over all texts, the rare ones taken together, and over Ẑ."""
    gamma = target(FACTORS, at_max_tokens=how)
    found = estimates(iter(posteriors), list(gamma))
    exact = np.array(list(gamma.values()))
    rare = (found > 0).sum(axis=0) < HITS
    columns = np.column_stack([found[:, ~rare], found[:, rare].sum(axis=1), found.sum(axis=1)])
    means = np.concatenate([exact[~rare], [exact[rare].sum(), exact.sum()]])
    kept = columns.any(axis=0)
    assert kept[-1] and (~rare).sum() >= 2
    return float(np.abs(z_scores(columns[:, kept], means[kept])).max())


@pytest.mark.parametrize(("most", "factor"), [(1, 1), (1, 3), (2, 1.5), (4, 1), (4, 3)])
def test_unbiased_with_retries(most, factor):
    assert worst_z(retried(Retries(most, factor))) < Z


@pytest.mark.parametrize(
    "changes",
    [
        {"num_particles": 5, "ess_threshold": 1.0},
        {"at_max_tokens": "end"},
        {"resample_at": AfterB(), "resampling": "multinomial"},
        {"proposal": smc.LocalProposal(temperature=1.7)},
        {"proposal": smc.RejectionProposal()},
    ],
    ids=str,
)
def test_unbiased_with_retries_in_the_other_settings(changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    assert worst_z(retried(Retries(2, 2), settings), settings.at_max_tokens) < Z


def test_most_of_these_runs_are_retried_and_some_die_all_the_same():
    posteriors = retried(Retries(1, 2), runs=300)
    again = [max(map(len, p.tries)) > 1 for p in posteriors]
    dead = [p.status is smc.Status.EXTINCT for p in posteriors]
    assert 0.5 < np.mean(again) < 1 and 0 < np.mean(dead) < 0.5
    assert {sizes for p in posteriors for sizes in p.tries} == {(1,), (1, 2)}
    for posterior in posteriors:
        assert sum(sizes[-1] for sizes in posterior.tries) == len(posterior.sequences)


def test_control_the_first_run_that_lives_is_biased(monkeypatch):
    def first_alive(one, other):
        """One ladder alone, its last run taken as it is."""
        return 1 - 1e-300, 1e-300

    monkeypatch.setattr("smc.retries._shares", first_alive)
    assert worst_z(retried(Retries(4, 2))) > 2 * Z


def test_control_the_mean_over_all_runs_made_is_biased(monkeypatch):
    def by_particles(one, other):
        sizes = [[len(run.sequences) for run in runs] for runs in (one, other)]
        every = sum(map(sum, sizes))
        return sizes[0][-1] / every, sizes[1][-1] / every

    monkeypatch.setattr("smc.retries._shares", by_particles)
    assert worst_z(retried(Retries(4, 2))) > 2 * Z


@pytest.mark.parametrize("seed", range(30))
def test_history_multiplies_to_the_evidence_and_tells_the_texts(seed):
    posterior = smc.sample(
        MODEL, "", FACTORS, num_particles=4, max_tokens=MAX_TOKENS, ess_threshold=1.0,
        retries=3, seed=seed,
    )  # fmt: skip
    if posterior.status is smc.Status.EXTINCT:
        assert posterior.reason
        return
    log_phi0 = sum(f.prefix("") for f in FACTORS if isinstance(f, smc.Potential))
    steps = sum(s.log_evidence_increment for s in posterior.history)
    assert posterior.log_evidence == pytest.approx(log_phi0 + steps, abs=1e-9)
    lineage = Lineage(posterior)
    for slot, (sequence, weight) in enumerate(
        zip(posterior.sequences, posterior.weights, strict=True)
    ):
        if weight > 0:
            assert lineage.text(lineage.num_steps, slot) == sequence.text
    again = smc.Posterior.from_json(posterior.to_json())
    assert again.to_json() == posterior.to_json() and again.tries == posterior.tries
    posterior.to_html()


def test_costs_tokens_and_deaths_are_those_of_all_tries():
    class Counted(Rare):
        asked = 0

        def batch_complete(self, texts):
            Counted.asked += len(texts)
            return super().batch_complete(texts)

        def batch_prefix(self, texts):
            Counted.asked += len(texts)
            return super().batch_prefix(texts)

    posterior = smc.sample(MODEL, "", [Counted()], num_particles=2, max_tokens=3, retries=4, seed=1)
    assert max(map(len, posterior.tries)) > 2
    calls, _ = posterior.costs()["Counted"]
    assert calls == Counted.asked
    particles = sum(sum(sizes) for sizes in posterior.tries)
    alive = int((posterior.log_weights > -np.inf).sum())
    # Without resampling each particle dies at most once; these populations do resample.
    assert sum(d.count for d in posterior.deaths) >= particles - alive
    assert posterior.num_tokens >= particles


def test_without_retries_nothing_changes():
    plain = smc.sample(MODEL, "", FACTORS, num_particles=6, max_tokens=MAX_TOKENS, seed=4)
    none = smc.sample(MODEL, "", FACTORS, num_particles=6, max_tokens=MAX_TOKENS, seed=4, retries=0)
    assert plain.sequences == none.sequences and plain.tries == none.tries == ()
    assert np.array_equal(plain.log_weights, none.log_weights)


def test_a_prompt_is_retried_alone_and_as_it_would_be_alone():
    prompts, seeds = ["a", "ab", ""], [3, 4, 5]
    how = {"num_particles": 2, "max_tokens": MAX_TOKENS, "retries": 3}
    together = smc.sample_batch(MODEL, prompts, [FACTORS] * 3, seeds=seeds, **how)
    for posterior, prompt, seed in zip(together, prompts, seeds, strict=True):
        alone = smc.sample(MODEL, prompt, FACTORS, seed=seed, **how)
        assert alone.sequences == posterior.sequences and alone.tries == posterior.tries
        assert alone.log_weights == pytest.approx(posterior.log_weights)
    assert len({p.tries for p in together}) > 1


def test_on_step_sees_whole_populations_at_every_try():
    seen = []

    def look(step, posteriors):
        (posterior,) = posteriors()
        seen.append((step, posterior.tries))

    posterior = smc.sample(
        MODEL, "", FACTORS, num_particles=2, max_tokens=MAX_TOKENS, retries=3, seed=1, on_step=look
    )
    assert [step for step, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] == posterior.tries
    assert len({tries for _, tries in seen}) > 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"retries": -1}, "retries: expected a whole number from 0 on, got -1"),
        ({"retries": True}, "retries: expected a whole number"),
        (
            {"retries": 1, "retry_factor": 0.5},
            "retry_factor: expected a finite number of at least 1",
        ),
        ({"retries": 1, "retry_factor": math.nan}, "retry_factor"),
    ],
)
def test_arguments_are_checked(changes, message):
    with pytest.raises(smc.SettingsError, match=message):
        smc.sample(MODEL, "", **changes)
