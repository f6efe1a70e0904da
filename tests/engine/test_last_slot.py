"""The last of `max_tokens` slots against enumeration: a text that is cut, and one that must end.

As in `test_exactness`: z = 4, seeds fixed before the first look.
"""

from __future__ import annotations

import numpy as np
import pytest

import smc
from smc.engine import run
from smc.resampling import RESAMPLERS
from tests.exact import MODEL, VOCABULARY, AfterB, Judge, estimates, largest_z, target
from tests.test_exactness import Z, potentials, problems, settings

SEED = 20_271
HITS = 25
"""Runs that must have seen a text for a normal approximation; rarer ones count as one."""
DRAFT = smc.TableModel(VOCABULARY, lambda prefix: (0.3, 0.2, 0.2, 0.15, 0.15))
PROPOSALS = {
    "local": smc.LocalProposal(),
    "hot": smc.LocalProposal(temperature=1.7),
    "rejection": smc.RejectionProposal(),
    "draft": smc.DraftProposal(DRAFT, block=3),
}


def worst_z(chosen, factors, seed, runs=2000):
    """The largest |z| over all texts, the rare ones taken together, and over Ẑ."""
    gamma = target(factors, at_max_tokens=chosen.at_max_tokens)
    found = estimates(iter(run(MODEL, problems(factors, seed, runs), chosen)), list(gamma))
    return largest_z(found, np.array(list(gamma.values())), HITS)


def test_the_two_targets_differ():
    cut, end = (target(potentials(None), at_max_tokens=how) for how in ("cut", "end"))
    assert sum(cut.values()) > 1.05 * sum(end.values())
    assert cut.keys() > end.keys()


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize("name", PROPOSALS)
def test_unbiased_at_both_ends(name, how):
    chosen = settings(at_max_tokens=how, ess_threshold=0.6, proposal=PROPOSALS[name])
    assert worst_z(chosen, potentials(AfterB()), SEED) < Z


@pytest.mark.parametrize(
    ("resampling", "threshold"),
    [*((name, 1.0) for name in sorted(RESAMPLERS)), ("systematic", 0.0)],
)
def test_unbiased_where_texts_are_cut(resampling, threshold):
    chosen = settings(at_max_tokens="cut", resampling=resampling, ess_threshold=threshold)
    assert worst_z(chosen, potentials(AfterB()), SEED + 1) < Z


@pytest.mark.parametrize(
    "changes",
    [{"expensive": "end"}, {"resample_at": AfterB()}, {"shared_draws": False}],
    ids=str,
)
def test_unbiased_where_texts_are_cut_in_the_other_settings(changes):
    chosen = settings(at_max_tokens="cut", ess_threshold=1.0, **changes)
    assert worst_z(chosen, potentials(AfterB()), SEED + 2) < Z


def test_control_a_cut_text_that_the_cheap_potentials_do_not_judge(monkeypatch):
    """Mass outside the target: "aab" may go on, and is no text that ends."""
    monkeypatch.setattr("smc.engine.candidates._weigh_end", lambda *_: None)
    chosen = settings(at_max_tokens="cut", ess_threshold=1.0)
    with pytest.raises(KeyError, match="aab"):
        worst_z(chosen, potentials(None), SEED)


def test_control_the_two_ends_are_told_apart():
    posteriors = run(MODEL, problems(potentials(None), SEED, 200), settings(at_max_tokens="cut"))
    with pytest.raises(KeyError):
        estimates(iter(posteriors), list(target(potentials(None))))


def test_without_potentials_all_particles_weigh_alike():
    posterior = smc.sample(MODEL, "", max_tokens=2, at_max_tokens="cut", num_particles=50, seed=1)
    assert posterior.log_evidence == pytest.approx(0, abs=1e-6)
    assert np.ptp(posterior.log_weights) < 1e-6
    cut = [s for s in posterior.sequences if s.truncated]
    assert cut and all(len(s.tokens) == 2 and not s.finished for s in cut)
    assert all(s.finished for s in posterior.sequences if not s.truncated)
    assert posterior.truncated_share == pytest.approx(len(cut) / 50)


def test_a_forced_end_is_paid_for():
    posterior = smc.sample(
        MODEL, "", max_tokens=2, at_max_tokens="end", num_particles=50, method="is", seed=1
    )
    assert all(s.finished and not s.truncated for s in posterior.sequences)
    assert len(set(posterior.log_weights.tolist())) > 1


class Pairs(smc.TokenPotential[int]):
    """Texts of an even number of letters."""

    def start(self):
        return 0

    def advance(self, state, new_bytes):
        return state + len(new_bytes)

    def complete(self, state):
        return 0.0 if state % 2 == 0 else float("-inf")

    def token_scores(self, states):
        allowed = np.ones((len(states), 3), dtype=np.bool_)
        allowed[:, 2] = [s % 2 == 0 for s in states]
        return smc.TokenScores(mask=smc.model.pack_mask(allowed))


def test_a_mask_lets_no_half_sentence_through():
    model = smc.TableModel.constant({"a": 0.5, "b": 0.3}, eos=0.2)
    posterior = smc.sample(
        model, "", [Pairs()], max_tokens=3, at_max_tokens="cut", num_particles=60, seed=2
    )
    assert {len(text) % 2 for text in posterior.probabilities()} == {0}
    assert posterior.truncated_share == 0
    longer = smc.sample(
        model, "", [Pairs()], max_tokens=4, at_max_tokens="cut", num_particles=60, seed=2
    )
    assert {len(s.text) for s in longer.sequences if s.truncated} == {4}


@pytest.mark.parametrize("how", ["cut", "end"])
def test_a_stop_string_in_the_last_slot_ends_the_text(how):
    model = smc.TableModel.constant({"a": 0.5, "#": 0.4}, eos=0.1)
    posterior = smc.sample(
        model, "", max_tokens=2, at_max_tokens=how, stop=("#",), num_particles=40, seed=3
    )
    ended = [s for s in posterior.sequences if s.text == "a" and len(s.tokens) == 2]
    assert ended and all(s.finished for s in ended)


def test_the_argument_is_checked():
    with pytest.raises(smc.SettingsError, match="at_max_tokens: expected one of cut, end"):
        smc.sample(MODEL, "", [Judge()], at_max_tokens="forced")
