"""Rejection sampling against enumeration: every text's expected weight, and what is asked.

As in `test_exactness`: z = 4, seeds fixed before the first look.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

import smc
from smc.model import Draws, Vocabulary
from smc.resampling import RESAMPLERS
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
from tests.test_exactness import Z, potentials, worst_z
from tests.test_exactness import settings as four_particles
from tests.test_sampling import stop_model, stop_target

SEED = 31_101
RUNS = 2000


def settings(**changes):
    return four_particles(**({"num_particles": 8} | changes))


@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("resampling", "proposal"),
    [
        ("multinomial", smc.RejectionProposal()),
        ("residual", smc.RejectionProposal(extra_checks=3)),
        ("stratified", smc.RejectionProposal(temperature=1.7)),
        ("systematic", smc.RejectionProposal(temperature=1.3, extra_checks=2)),
    ],
    ids=sorted(RESAMPLERS),
)
def test_the_unnormalised_posterior_is_unbiased(boundary, threshold, resampling, proposal):
    chosen = settings(ess_threshold=threshold, resampling=resampling, proposal=proposal)
    assert worst_z(chosen, potentials(boundary), seed=SEED, runs=RUNS) < Z


@pytest.mark.parametrize(
    "changes",
    [
        {"resample_at": AfterB(), "ess_threshold": 1.0},
        {"expensive": "end", "ess_threshold": 1.0},
        {"shared_draws": False, "ess_threshold": 1.0},
        {"num_particles": 1, "ess_threshold": 1.0},
    ],
    ids=str,
)
def test_unbiased_in_the_other_settings(changes):
    runs = RUNS * max(1, 4 // changes.get("num_particles", 8))
    chosen = settings(proposal=smc.RejectionProposal(), **changes)
    assert worst_z(chosen, potentials(AfterB()), seed=SEED, runs=runs) < Z


def test_unbiased_where_some_potentials_check_and_others_only_weigh():
    factors = potentials(None)
    chosen = settings(proposal=smc.RejectionProposal(checks=(factors[3],)), ess_threshold=1.0)
    assert worst_z(chosen, factors, seed=SEED, runs=RUNS) < Z


WIDE = 600
"""Tokens of the wide world, of which the improbable ones are accepted."""


class Rare(smc.Potential):
    """Accepts texts that begin with one of three letters, whose tokens have a mass of 0.02."""

    def __init__(self):
        self.asked = Counter()

    def prefix(self, text):
        self.asked[text] += 1
        return 0.0 if text[:1] in ("", "a", "b", "c") else -math.inf

    def complete(self, text):
        return -math.inf if text == "c" else self.prefix(text)


def wide_model():
    letters = [chr(ord("a") + i) if i < 26 else chr(0x4E00 + i) for i in range(WIDE)]
    row = np.random.default_rng(4).gamma(0.3, size=WIDE)
    row[:3] = 0
    row *= 0.95 / row.sum()
    first = (0.011, 0.006, 0.003, *row[3:], 0.03)
    vocabulary = Vocabulary((*(letter.encode() for letter in letters), None), (WIDE,))
    return smc.TableModel(vocabulary, lambda prefix: first)


@pytest.mark.parametrize("particles", [1, 4])
def test_unbiased_where_nearly_everything_is_rejected(particles):
    """Hundreds of rejections, many rounds of draws, and particles that share what they learn."""
    runs, model = 1200, wide_model()
    first = np.array(model.next_probs(()))
    # The last of two tokens is a forced end: its weight is P(EOS), and "c" may not end there.
    gamma = {"a": first[0] * first[WIDE], "b": first[1] * first[WIDE], "": 0.0}
    gamma[""] = first[WIDE]
    posteriors = smc.sample_batch(
        model,
        [""] * runs,
        [[Rare()]] * runs,
        num_particles=particles,
        max_tokens=2,
        at_max_tokens="end",
        proposal=smc.RejectionProposal(),
        seeds=SEED,
    )
    found = estimates(iter(posteriors), list(gamma))
    assert (found > 0).sum(axis=0).min() >= 25
    assert np.abs(z_scores(found, np.array(list(gamma.values())))).max() < Z


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_stop_strings(threshold):
    model, stops = stop_model(), (";", "#b")

    class Ab(smc.Potential):
        def prefix(self, text):
            return -math.inf if text.startswith("ba") else 0.3 * text.count("a")

        def complete(self, text):
            return -math.inf if text == "b" else self.prefix(text)

    gamma = stop_target(model, stops, Ab().complete, max_tokens=3)
    posteriors = smc.sample_batch(
        model,
        [""] * 4000,
        [[Ab()]] * 4000,
        num_particles=4,
        max_tokens=3,
        at_max_tokens="end",
        ess_threshold=threshold,
        stop=stops,
        proposal=smc.RejectionProposal(),
        seeds=SEED,
    )
    found = estimates(iter(posteriors), list(gamma))
    assert ((found > 0).sum(axis=0) >= 25).all()
    assert np.abs(z_scores(found, np.array(list(gamma.values())))).max() < Z


def test_without_correction_the_tokens_are_those_accepted_and_weigh_nothing():
    class NoDouble(smc.Potential):
        def prefix(self, text):
            return -math.inf if "aa" in text or "bb" in text else 0.0

    runs = 3000
    posteriors = smc.sample_batch(
        MODEL,
        [""] * runs,
        [[NoDouble()]] * runs,
        num_particles=1,
        max_tokens=20,
        proposal=smc.RejectionProposal(properly_weighted=False),
        seeds=SEED,
    )
    assert {w for p in posteriors for w in p.log_weights} == {0.0}
    a, _, ab, *ends = MODEL.next_probs((0,))  # behind "a", both "a" and "ab" are rejected
    b = MODEL.next_probs((0,))[1]
    ended = sum(ends) / (b + sum(ends))
    found = np.array([[p.sequences[0].text == "a"] for p in posteriors], dtype=float)
    assert a > 0.1 and ab > 0.1
    assert abs(z_scores(found, np.array([MODEL.next_probs(())[0] * ended]))[0]) < Z


# What is asked


class Counted(smc.Potential):
    def __init__(self, rule=lambda text: True):
        self.rule = rule
        self.asked = Counter()

    def prefix(self, text):
        self.asked[text] += 1
        return 0.0 if self.rule(text) else -math.inf

    def complete(self, text):
        self.asked[text, "end"] += 1
        return 0.0 if self.rule(text) else -math.inf


def test_no_text_is_asked_about_twice_and_most_tokens_never():
    check = Counted(lambda text: len(text) < 2 or text[-2:] > "b")
    posterior = smc.sample(
        wide_model(),
        "",
        [check],
        num_particles=8,
        max_tokens=6,
        ess_threshold=1.0,
        proposal=smc.RejectionProposal(),
    )
    assert set(check.asked.values()) == {1}
    assert sum(check.asked.values()) < 4 * posterior.num_tokens < WIDE
    assert posterior.costs()["Counted"][0] == sum(check.asked.values())


def test_where_all_is_accepted_the_weights_are_the_local_ones():
    for seed in range(5):
        local, rejection = (
            smc.sample(
                MODEL,
                "",
                [NoTripleA(), SoftLength(), Counted()],
                max_tokens=MAX_TOKENS,
                ess_threshold=0.0,
                proposal=proposal,
                seed=seed,
            )
            for proposal in (smc.LocalProposal(1.3), smc.RejectionProposal(1.3))
        )
        assert rejection.sequences[0].tokens[:1] == local.sequences[0].tokens[:1]
        free = smc.sample(MODEL, "", [Counted()], proposal=smc.RejectionProposal(), seed=seed)
        assert free.log_evidence == pytest.approx(0, abs=1e-5)


def test_a_check_with_a_boundary_is_asked_there_alone():
    check = with_boundary(Counted(lambda text: "ba" not in text), AfterB())
    smc.sample(MODEL, "", [check], max_tokens=5, proposal=smc.RejectionProposal(), seed=3)
    assert all(isinstance(t, tuple) or t == "" or t.endswith("b") for t in check.asked)
    assert sum(isinstance(t, str) for t in check.asked) > 1


def test_only_the_named_potentials_check():
    check, judge = Counted(lambda text: "aa" not in text), Counted(lambda text: "bb" not in text)
    smc.sample(
        MODEL,
        "",
        [check, judge],
        num_particles=50,
        max_tokens=MAX_TOKENS,
        proposal=smc.RejectionProposal(checks=(check,)),
    )
    assert any("aa" in text for text in check.asked)
    assert not any("aa" in text for text in judge.asked)


# Seeds, neighbours, extinction


def run(**changes):
    arguments = {"max_tokens": MAX_TOKENS, "seed": 3, "ess_threshold": 0.9} | changes
    factors = [NoTripleA(), SoftLength(), with_boundary(Alternation(), AfterB()), Judge()]
    arguments.setdefault("proposal", smc.RejectionProposal())
    return smc.sample(MODEL, arguments.pop("prompt", ""), factors, **arguments)


def test_same_seed_same_result_other_seed_another():
    first, again, other = run(), run(), run(seed=4)
    assert first.sequences == again.sequences
    np.testing.assert_array_equal(first.log_weights, again.log_weights)
    assert first.sequences != other.sequences


def test_a_prompt_does_not_depend_on_its_neighbours():
    factors = [NoTripleA(), SoftLength(), with_boundary(Alternation(), AfterB()), Judge()]
    prompts, seeds = ["", "a", "ab", "ba", ""], [3, 1, 4, 1, 5]
    together = smc.sample_batch(
        MODEL,
        prompts,
        [factors] * 5,
        max_tokens=MAX_TOKENS,
        ess_threshold=0.9,
        seeds=seeds,
        proposal=smc.RejectionProposal(),
    )
    for prompt, seed, posterior in zip(prompts, seeds, together, strict=True):
        alone = run(prompt=prompt, seed=seed)
        assert posterior.sequences == alone.sequences
        np.testing.assert_allclose(posterior.log_weights, alone.log_weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize("properly_weighted", [True, False])
def test_where_everything_is_rejected_the_reason_names_the_check(properly_weighted):
    check = Counted(lambda text: text == "")
    posterior = smc.sample(
        wide_model(),
        "",
        [NoEnd(), check],
        num_particles=3,
        proposal=smc.RejectionProposal(properly_weighted=properly_weighted),
    )
    assert posterior.status is smc.Status.EXTINCT
    assert posterior.reason == "NoEnd · Counted allows no next token after ''"
    assert sum(check.asked.values()) == WIDE + 1  # each letter, and the empty text


class NoEnd(NoTripleA):
    def allows(self, state, token):
        return token not in self.vocabulary.eos_ids


def test_a_forced_end_is_asked_about_like_any_other():
    for accepted, status in ((True, smc.Status.COMPLETE), (False, smc.Status.EXTINCT)):
        posterior = smc.sample(
            wide_model(),
            "",
            [with_boundary(Counted(lambda text, ok=accepted: ok or text == "x"), Never())],
            max_tokens=1,
            at_max_tokens="end",
            proposal=smc.RejectionProposal(checks=None),
        )
        assert posterior.status is status
        if accepted:
            assert posterior.log_evidence == pytest.approx(math.log(0.03), abs=1e-6)
        else:
            assert "gave weight zero to ''" in posterior.reason

    class Ends(smc.Potential):
        def complete(self, text):
            return -math.inf

    posterior = smc.sample(
        wide_model(),
        "",
        [Ends()],
        max_tokens=1,
        at_max_tokens="end",
        proposal=smc.RejectionProposal(),
    )
    assert posterior.reason == "max_tokens=1: the text cannot end after ''"


class Never:
    def start(self):
        return None

    def advance(self, state, text):
        return None, False


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, "RejectionProposal: temperature must be a positive number"),
        ({"extra_checks": 0}, "extra_checks: expected a whole number above 0"),
        ({"extra_checks": True}, "extra_checks: expected a whole number above 0"),
        ({"checks": (NoTripleA(),)}, "TokenPotential scores the whole vocabulary"),
        ({"checks": (Judge,)}, "expected instances of"),
        ({"checks": Judge()}, "expected a sequence of potentials"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(smc.SettingsError, match=message):
        smc.RejectionProposal(**arguments)


def test_a_check_that_is_no_potential_of_the_problem_is_refused():
    with pytest.raises(smc.SettingsError, match="the check Judge is not among the potentials"):
        smc.sample(MODEL, "", [Judge()], proposal=smc.RejectionProposal(checks=(Judge(),)))


def test_a_product_checks_with_its_factors():
    judge, alternation = Judge(), Alternation()
    both = smc.product(judge, alternation)
    proposal = smc.RejectionProposal(checks=[both])
    assert proposal.checks == (judge, alternation)
    smc.sample(MODEL, "", [both], max_tokens=3, proposal=proposal)


def test_a_backend_that_does_not_tell_probabilities_is_refused():
    class Silent:
        vocabulary = MODEL.vocabulary

        def start(self, prompts, vocabulary, max_tokens):
            decoding = MODEL.start(prompts, vocabulary, max_tokens)
            draw = decoding.draw
            decoding.draw = lambda plan: Draws(draw(plan).tokens, draw(plan).log_weights)
            return decoding

    with pytest.raises(smc.SettingsError, match="backend does not tell"):
        smc.sample(Silent(), "", [Judge()], proposal=smc.RejectionProposal())


# Negative controls: each fault must be found by the very check that the proposal passes.


@pytest.mark.parametrize(
    "fault",
    [
        lambda known, unknown, share: 1.0,
        lambda known, unknown, share: known + unknown,
        lambda known, unknown, share: known + share * (1 - known),
    ],
    ids=["no correction", "no further check", "rejected mass forgotten"],
)
def test_control_a_weight_without_its_correction(monkeypatch, fault):
    monkeypatch.setattr("smc.engine.rejection._accepted_mass", fault)
    chosen = settings(ess_threshold=1.0, proposal=smc.RejectionProposal())
    assert worst_z(chosen, potentials(None), seed=SEED, runs=RUNS, min_hits=0) > 2 * Z


def test_control_a_check_that_is_forgotten_leaves_mass_outside_the_target(monkeypatch):
    monkeypatch.setattr("smc.engine.checks.Checks._refused", lambda *a, **k: set())
    monkeypatch.setattr("smc.engine.candidates.multiply", lambda *a, **k: None)
    factors = [NoTripleA(), SoftLength(), Judge()]
    with pytest.raises(KeyError):
        worst_z(settings(proposal=smc.RejectionProposal()), factors, seed=SEED, runs=200)


def test_the_target_has_what_the_wide_world_says():
    """The enumeration above, by the other route."""
    model = wide_model()
    assert target([Rare()], model=model, max_tokens=2).keys() == {"", "a", "b"}
