"""Drafted blocks against enumeration: every text's expected weight, whatever the draft.

As in `test_exactness`: z = 4, seeds fixed before the first look.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import smc
from smc.engine.draft import Drafted
from smc.model import Draws, Vocabulary
from tests.exact import (
    MAX_TOKENS,
    MODEL,
    AfterB,
    Alternation,
    Judge,
    NoTripleA,
    SoftLength,
    estimates,
    with_boundary,
    z_scores,
)
from tests.test_exactness import Z, potentials, worst_z
from tests.test_rejection import settings
from tests.test_sampling import STOP_VOCABULARY, stop_model, stop_target

SEED = 31_202
RUNS = 3000


@functools.cache
def draft_probs(prefix: tuple[int, ...]) -> tuple[float, ...]:
    """Half the large model, half another, which also draws what the large one never does.

    So no token's weight is above two, and means of some thousand runs are nearly normal.
    """
    other = np.random.default_rng([17, len(prefix), *prefix]).gamma((4.0, 4.0, 4.0, 2.0, 2.0))
    return tuple((np.array(MODEL.next_probs(prefix)) + other / other.sum()) / 2)


DRAFT = smc.TableModel(MODEL.vocabulary, draft_probs)


@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("resampling", "block", "temperature"),
    [
        ("multinomial", 1, 1.0),
        ("residual", 2, 1.0),
        ("stratified", 3, 1.4),
        ("systematic", 9, 1.0),
    ],
)
def test_the_unnormalised_posterior_is_unbiased(
    boundary, threshold, resampling, block, temperature
):
    chosen = settings(
        ess_threshold=threshold,
        resampling=resampling,
        proposal=smc.DraftProposal(DRAFT, block=block, temperature=temperature),
    )
    assert worst_z(chosen, potentials(boundary), seed=SEED, runs=RUNS) < Z


@pytest.mark.parametrize(
    "changes",
    [
        {"resample_at": AfterB(), "ess_threshold": 1.0},
        {"resample_at": AfterB(), "ess_threshold": 0.5, "resampling": "multinomial"},
        {"expensive": "end", "ess_threshold": 1.0},
        {"shared_draws": False, "ess_threshold": 1.0},
        {"num_particles": 1, "ess_threshold": 1.0},
    ],
    ids=str,
)
def test_unbiased_in_the_other_settings(changes):
    runs = RUNS * max(1, 4 // changes.get("num_particles", 8))
    chosen = settings(proposal=smc.DraftProposal(DRAFT, block=2), **changes)
    assert worst_z(chosen, potentials(AfterB()), seed=SEED, runs=runs) < Z


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_stop_strings(threshold):
    model, stops = stop_model(), (";", "#b")
    uniform = smc.TableModel(STOP_VOCABULARY, lambda prefix: (1 / 7,) * 7)

    class Ab(smc.Potential):
        def prefix(self, text):
            return 0.3 * text.count("a")

        def complete(self, text):
            return 0.3 * text.count("a") - 0.5 * text.endswith("b")

    gamma = stop_target(model, stops, Ab().complete, max_tokens=3)
    posteriors = smc.sample_batch(
        model,
        [""] * 5000,
        [[Ab()]] * 5000,
        num_particles=4,
        max_tokens=3,
        at_max_tokens="end",
        ess_threshold=threshold,
        stop=stops,
        proposal=smc.DraftProposal(uniform, block=2),
        seeds=SEED,
    )
    found = estimates(iter(posteriors), list(gamma))
    assert ((found > 0).sum(axis=0) >= 25).all()
    assert np.abs(z_scores(found, np.array(list(gamma.values())))).max() < Z


def factors():
    return [NoTripleA(), SoftLength(), with_boundary(Alternation(), AfterB()), Judge()]


def run(**changes):
    arguments = {"max_tokens": MAX_TOKENS, "seed": 3, "ess_threshold": 0.9} | changes
    arguments.setdefault("proposal", smc.DraftProposal(DRAFT, block=2))
    model = arguments.pop("model", MODEL)
    return smc.sample(model, arguments.pop("prompt", ""), factors(), **arguments)


@pytest.mark.parametrize(("block", "threshold"), [(1, 0.9), (1, 0.0), (3, 0.0)])
def test_the_model_as_its_own_draft_is_the_local_proposal(block, threshold):
    for seed in range(10):
        alone, drafted = (
            run(seed=seed, ess_threshold=threshold, proposal=proposal)
            for proposal in (smc.LocalProposal(), smc.DraftProposal(MODEL, block=block))
        )
        assert drafted.sequences == alone.sequences
        np.testing.assert_allclose(drafted.log_weights, alone.log_weights, atol=1e-5)


def test_same_seed_same_result_other_seed_another():
    first, again, other = run(), run(), run(seed=4)
    assert first.sequences == again.sequences
    np.testing.assert_array_equal(first.log_weights, again.log_weights)
    assert first.sequences != other.sequences


@pytest.mark.parametrize("resample_at", [None, AfterB()], ids=["tokens", "boundaries"])
def test_a_prompt_does_not_depend_on_its_neighbours(resample_at):
    """Their blocks may end at other tokens: some wait, some have died, some are done."""
    shared = factors()
    prompts, seeds = ["", "a", "ab", "ba", "", "b"], [3, 1, 4, 1, 5, 9]
    together = smc.sample_batch(
        MODEL,
        prompts,
        [shared] * 6,
        max_tokens=MAX_TOKENS,
        ess_threshold=0.9,
        resample_at=resample_at,
        seeds=seeds,
        proposal=smc.DraftProposal(DRAFT, block=3),
    )
    for prompt, seed, posterior in zip(prompts, seeds, together, strict=True):
        alone = run(
            prompt=prompt,
            seed=seed,
            resample_at=resample_at,
            proposal=smc.DraftProposal(DRAFT, block=3),
        )
        assert posterior.sequences == alone.sequences
        np.testing.assert_allclose(posterior.log_weights, alone.log_weights, rtol=0, atol=1e-12)


def test_history_multiplies_to_the_evidence():
    for seed in range(20):
        posterior = run(seed=seed, ess_threshold=1.0)
        steps = sum(s.log_evidence_increment for s in posterior.history)
        assert posterior.log_evidence == pytest.approx(Judge().prefix("") + steps, abs=1e-12)


def test_resampling_waits_for_the_end_of_a_block():
    resampled = set()
    for seed in range(20):
        posterior = run(seed=seed, ess_threshold=1.0, max_tokens=12, num_particles=30)
        resampled |= {t for t, step in enumerate(posterior.history) if step.resampled}
    assert {1, 3} <= resampled
    assert not resampled & {0, 2, 4}


def test_the_large_model_is_asked_once_a_block():
    widths = []

    def spied(decoding):
        extend = decoding.extend
        decoding.extend = lambda *a: widths.append(a[1].shape[1]) or extend(*a)
        return decoding

    rows = (0.5, 0.5, 0.0, 0.0, 0.0)
    draft = smc.TableModel(MODEL.vocabulary, lambda p: rows if len(p) < 8 else (0, 0, 0, 0.5, 0.5))
    large = smc.TableModel(MODEL.vocabulary, lambda p: (0.3, 0.3, 0.2, 0.1, 0.1))
    model = _With(large, spied)
    smc.sample(model, "", max_tokens=20, proposal=smc.DraftProposal(draft, block=4))
    assert widths == [4, 4, 1]


def test_a_particle_that_the_large_model_cannot_draw_dies_with_the_reason():
    model = smc.TableModel(MODEL.vocabulary, lambda prefix: (0.0, 0.0, 0.0, 0.5, 0.5))
    draft = smc.TableModel(MODEL.vocabulary, lambda prefix: (0.5, 0.4, 0.1, 0.0, 0.0))
    posterior = smc.sample(model, "", max_tokens=9, proposal=smc.DraftProposal(draft, block=2))
    assert posterior.status is smc.Status.EXTINCT
    assert posterior.reason.startswith("the model gave probability zero to '")


def test_an_extinct_population_does_not_stop_its_neighbours():
    class Dead(smc.Potential):
        def prefix(self, text):
            return -math.inf if text else 0.0

        def complete(self, text):
            return -math.inf

    dead, alive = smc.sample_batch(
        MODEL, ["", ""], [[Dead()], []], max_tokens=5, proposal=smc.DraftProposal(DRAFT, block=3)
    )
    assert dead.status is smc.Status.EXTINCT and "Dead gave weight zero" in dead.reason
    assert alive.status is smc.Status.COMPLETE


# Vocabularies and backends


def test_padding_of_another_length_is_no_other_vocabulary():
    wide = Vocabulary((*MODEL.vocabulary.tokens, *(None,) * 70), MODEL.vocabulary.eos_ids)
    padded = smc.TableModel(wide, lambda prefix: (*draft_probs(prefix), *(0.0,) * 70))
    large = smc.TableModel(wide, lambda prefix: (*MODEL.next_probs(prefix), *(0.0,) * 70))
    expected = run()
    for model, draft in ((MODEL, padded), (large, DRAFT)):
        found = run(model=model, proposal=smc.DraftProposal(draft, block=2))
        assert found.sequences == expected.sequences
        np.testing.assert_allclose(found.log_weights, expected.log_weights, atol=1e-5)


def test_other_vocabularies_are_refused():
    other = smc.TableModel(Vocabulary((b"a", b"x", b"ab", None, None), (3, 4)), draft_probs)
    with pytest.raises(smc.VocabularyError, match="token 1 is b'b' to the model and b'x'"):
        run(proposal=smc.DraftProposal(other))
    short = smc.TableModel(Vocabulary((b"a", b"b", b"ab", None), (3,)), draft_probs)
    with pytest.raises(smc.VocabularyError, match=r"EOS ids \[4\] are outside"):
        run(proposal=smc.DraftProposal(short))


class _With:
    """A model that is what `start` of another makes of it."""

    def __init__(self, model, change=lambda decoding: decoding):
        self.vocabulary = model.vocabulary
        self._model, self._change = model, change

    def start(self, prompts, vocabulary, max_tokens):
        return self._change(self._model.start(prompts, vocabulary, max_tokens))


def test_backends_that_cannot_are_refused():
    class OneByOne:
        def __init__(self, decoding):
            self.advance, self.draw = decoding.advance, decoding.draw
            self.log_probs = decoding.log_probs

    with pytest.raises(smc.SettingsError, match="OneByOne cannot; expected a backend"):
        run(model=_With(MODEL, OneByOne))
    run(proposal=smc.DraftProposal(_With(DRAFT, OneByOne)))  # as a draft it can

    def silent(decoding):
        draw = decoding.draw
        decoding.draw = lambda plan: Draws(draw(plan).tokens, draw(plan).log_weights)
        return decoding

    with pytest.raises(smc.SettingsError, match="TableDecoding does not tell"):
        run(proposal=smc.DraftProposal(_With(DRAFT, silent)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"draft": DRAFT, "temperature": -1.0}, "DraftProposal: temperature"),
        ({"draft": DRAFT, "block": 0}, "block: expected a whole number above 0"),
        ({"draft": DRAFT, "block": 2.0}, "block: expected a whole number above 0"),
        ({"draft": "gpt2"}, "draft is 'gpt2'; expected a language model"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(smc.SettingsError, match=message):
        smc.DraftProposal(**arguments)


def test_settings_take_proposals_alone():
    with pytest.raises(smc.SettingsError, match="expected a LocalProposal, a RejectionProposal"):
        settings(proposal="draft")


# Negative controls: each fault must be found by the very check that the proposal passes.


def test_control_a_weight_that_forgets_the_first_token_of_a_block(monkeypatch):
    extend = Drafted._extend

    def forgetful(self, paths):
        whole = self._large.extend

        def without_first(parents, tokens):
            found = whole(parents, tokens)
            first = (tokens >= 0).argmax(axis=1)
            found[np.arange(len(found)), first] = 0
            return found

        monkeypatch.setattr(self._large, "extend", without_first)
        found = extend(self, paths)
        monkeypatch.setattr(self._large, "extend", whole)
        return found

    monkeypatch.setattr(Drafted, "_extend", forgetful)
    chosen = settings(ess_threshold=1.0, proposal=smc.DraftProposal(DRAFT, block=2))
    assert worst_z(chosen, potentials(None), seed=SEED, runs=RUNS, min_hits=0) > 2 * Z


def test_control_a_weight_that_forgets_the_draft(monkeypatch):
    settle = Drafted.settle

    def forgetful(self, candidates, populations):
        for candidate in candidates:
            candidate.log_prob = 0.0
        return settle(self, candidates, populations)

    monkeypatch.setattr(Drafted, "settle", forgetful)
    chosen = settings(ess_threshold=1.0, proposal=smc.DraftProposal(DRAFT, block=2))
    assert worst_z(chosen, potentials(None), seed=SEED, runs=RUNS, min_hits=0) > 2 * Z
