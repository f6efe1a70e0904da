"""The public entry: methods, prompts in one batch, stop strings, extinction, clear errors."""

import itertools
import math

import numpy as np
import pytest
import torch

import smc
from smc.model import Vocabulary
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


def factors():
    return [NoTripleA(), SoftLength(), with_boundary(Alternation(), AfterB()), Judge()]


def run(**changes):
    arguments = {"max_tokens": MAX_TOKENS, "seed": 3, "ess_threshold": 0.9} | changes
    return smc.sample(MODEL, arguments.pop("prompt", ""), factors(), **arguments)


def test_same_seed_same_result_other_seed_another():
    first, again, other = run(), run(), run(seed=4)
    assert first.sequences == again.sequences
    np.testing.assert_array_equal(first.log_weights, again.log_weights)
    assert first.sequences != other.sequences


def test_a_prompt_does_not_depend_on_its_neighbours():
    """Seeds, uniforms and resampling are the problem's own, whatever shares its batch."""
    shared = factors()
    prompts = ["", "a", "ab", "ba", ""]
    together = smc.sample_batch(
        MODEL,
        prompts,
        [shared] * 5,
        max_tokens=MAX_TOKENS,
        ess_threshold=0.9,
        seeds=[3, 1, 4, 1, 5],
    )
    for prompt, seed, posterior in zip(prompts, [3, 1, 4, 1, 5], together, strict=True):
        alone = run(prompt=prompt, seed=seed)
        assert posterior.sequences == alone.sequences
        np.testing.assert_allclose(posterior.log_weights, alone.log_weights, rtol=0, atol=1e-12)


def test_each_prompt_has_its_own_potentials():
    class Only(smc.Potential):
        def __init__(self, letter):
            self.letter = letter

        def complete(self, text):
            return 0.0 if set(text) <= {self.letter} else -math.inf

    a, b = smc.sample_batch(
        MODEL, ["", ""], [[Only("a")], [Only("b")]], num_particles=60, max_tokens=MAX_TOKENS
    )
    assert all(set(text) <= {"a"} for text in a.probabilities())
    assert all(set(text) <= {"b"} for text in b.probabilities())


@pytest.mark.parametrize("method", list(smc.METHODS))
def test_what_each_method_weighs(method):
    posterior = run(method=method, num_particles=40)
    if method in ("lm", "lcd"):
        assert set(posterior.log_weights[np.isfinite(posterior.log_weights)]) == {0.0}
    names = set(posterior.costs())
    cheap, expensive = {"NoTripleA", "SoftLength"}, {"Alternation", "Judge"}
    assert bool(names & cheap) == (method != "lm")
    assert bool(names & expensive) == (method in ("rerank", "is", "smc"))
    if method not in ("gsmc", "smc"):
        assert not any(step.resampled for step in posterior.history)


def test_lm_is_the_model():
    """Unweighted draws have the model's own distribution (forced EOS aside)."""
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(8).spawn(3000)]
    posteriors = smc.sample_batch(
        MODEL, [""] * 3000, [[]] * 3000, num_particles=4, max_tokens=20, method="lm", seeds=rngs
    )
    # Texts of at most one letter have one tokenisation each.
    probs = MODEL.next_probs
    short = {"": sum(probs(())[3:])}
    short |= {t: probs(())[i] * sum(probs((i,))[3:]) for i, t in enumerate("ab")}
    found = np.array([[_share(p, t) for t in short] for p in posteriors])
    assert np.abs(z_scores(found, np.array(list(short.values())))).max() < 4


def _share(posterior, text):
    return sum(s.text == text for s in posterior.sequences) / len(posterior.sequences)


STOP_VOCABULARY = Vocabulary((b"a", b"b", b";x", b"a;", b"#", b"#b", None), (6,))


def stop_model():
    def next_probs(prefix):
        rng = np.random.default_rng([5, *prefix])
        row = rng.gamma(5.0, size=7)
        return tuple(row / row.sum())

    return smc.TableModel(STOP_VOCABULARY, next_probs)


def test_the_first_of_overlapping_stop_strings_counts():
    """After "x" and a newline, a token of two newlines completes the stop string early."""
    tokens = (b"x", b"\n", b"\n\n", None)
    rows = {(): (1.0, 0, 0, 0), (0,): (0, 1.0, 0, 0), (0, 1): (0, 0, 1.0, 0)}
    model = smc.TableModel(Vocabulary(tokens, (3,)), lambda p: rows[p])
    posterior = smc.sample(model, "", [], num_particles=2, stop=("\n\n",))
    assert posterior.best == "x"
    assert posterior.log_evidence == pytest.approx(0, abs=1e-6)


def stop_target(model, stops, weigh, max_tokens):
    """Enumerate: a text ends before the first stop string that a token completes, or at EOS."""
    gamma = {}

    def extend(ids, raw, prob):
        for token, p in enumerate(model.next_probs(ids)):
            new = model.vocabulary.tokens[token]
            ends = new is None or new.decode().startswith(tuple(stops))
            if not ends and len(ids) + 1 == max_tokens:
                continue  # forced EOS
            text = raw if ends else raw + new.decode()
            cut = min((text.find(s) for s in stops if s in text), default=None)
            if ends or cut is not None:
                final = text if cut is None else text[:cut]
                gamma[final] = gamma.get(final, 0.0) + prob * p * math.exp(weigh(final))
            else:
                extend((*ids, token), text, prob * p)

    extend((), "", 1.0)
    return {t: g for t, g in gamma.items() if g > 0}


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_stop_strings_at_within_and_across_tokens(threshold):
    """ ";" begins a token or stands inside one; "#b" is one token, or two."""
    model, stops = stop_model(), (";", "#b")

    class Ab(smc.Potential):
        def prefix(self, text):
            return 0.3 * text.count("a")

        def complete(self, text):
            return 0.3 * text.count("a") - 0.5 * text.endswith("b")

    gamma = stop_target(model, stops, Ab().complete, max_tokens=3)
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(77).spawn(6000)]
    posteriors = smc.sample_batch(
        model,
        [""] * 6000,
        [[Ab()]] * 6000,
        num_particles=4,
        max_tokens=3,
        at_max_tokens="end",
        ess_threshold=threshold,
        stop=stops,
        seeds=rngs,
    )
    found = estimates(iter(posteriors), list(gamma))
    assert ((found > 0).sum(axis=0) >= 25).all()
    assert np.abs(z_scores(found, np.array(list(gamma.values())))).max() < 4


def test_extinction_is_a_result_with_its_reason():
    class Nothing(smc.Potential):
        def prefix(self, text):
            return -math.inf if len(text) >= 2 else 0.0

        def complete(self, text):
            return -math.inf

    posterior = smc.sample(MODEL, "", [Nothing()], max_tokens=MAX_TOKENS)
    assert posterior.status is smc.Status.EXTINCT
    assert posterior.log_evidence == -math.inf
    assert posterior.reason is not None and "Nothing gave weight zero to" in posterior.reason
    assert posterior.best is None and posterior.sample(3) == [] and posterior.probabilities() == {}
    assert math.isnan(posterior.expectation(len))


@pytest.mark.parametrize(
    "value", [None, "1", [1.0], 10**5000], ids=["none", "text", "list", "long"]
)
def test_a_mean_is_one_of_numbers(value):
    posterior = smc.sample(MODEL, "", max_tokens=2, num_particles=1)
    with pytest.raises(smc.SettingsError, match=r"expectation: the function returned .* at text"):
        posterior.expectation(lambda text: value)


def test_extinct_before_the_first_token():
    class Never(smc.Potential):
        def prefix(self, text):
            return -math.inf

    posterior = smc.sample(MODEL, "", [Never()], max_tokens=MAX_TOKENS)
    assert posterior.status is smc.Status.EXTINCT
    assert posterior.num_tokens == 0
    assert "''" in posterior.reason


def test_extinction_by_a_mask_names_it():
    class Closed(NoTripleA):
        def allows(self, state, token):
            return False

    posterior = smc.sample(MODEL, "", [Closed()], max_tokens=MAX_TOKENS)
    assert "Closed allows no next token" in posterior.reason


def test_a_text_that_cannot_end_in_time_names_max_tokens():
    class Long(NoTripleA):
        def allows(self, state, token):
            return token in (0, 1)

    posterior = smc.sample(MODEL, "", [Long()], max_tokens=3, at_max_tokens="end")
    assert "max_tokens=3" in posterior.reason


class Returns(smc.Potential):
    def __init__(self, value):
        self.value = value

    def complete(self, text):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "Returns: complete returned nan at text"),
        (math.inf, "Returns: complete returned inf at text"),
        ("high", "Returns: complete returned 'high' at text"),
        (True, "Returns: complete returned True at text"),
        (np.array(True), "Returns: complete returned array"),
        (torch.tensor(True), "Returns: complete returned tensor"),
        (b"1", "Returns: complete returned b'1' at text"),
        pytest.param(10**5000, "complete returned a whole number of 16610 bits", id="long"),
        (ZeroDivisionError("by zero"), "raised ZeroDivisionError: by zero"),
    ],
)
def test_a_potential_that_misbehaves_is_named_with_the_text(value, message):
    with pytest.raises(smc.PotentialError, match=message):
        smc.sample(MODEL, "", [Returns(value)], max_tokens=2, num_particles=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_particles": 0}, "num_particles"),
        ({"num_particles": 2.5}, "num_particles"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"ess_threshold": -0.1}, "ess_threshold"),
        ({"ess_threshold": 1.1}, "ess_threshold"),
        ({"ess_threshold": math.nan}, "ess_threshold"),
        ({"resampling": "roulette"}, "resampling: expected one of multinomial"),
        ({"method": "magic"}, "method: expected one of lm"),
        ({"stop": ";"}, "sequence of strings"),
        ({"stop": ("",)}, "empty string"),
    ],
    ids=str,
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(smc.SettingsError, match=message):
        run(**changes)


def test_a_class_in_the_place_of_a_potential_is_refused():
    with pytest.raises(smc.SettingsError, match="make an instance"):
        smc.sample(MODEL, "", [Judge])


def test_lists_must_match_the_prompts():
    with pytest.raises(smc.SettingsError, match="1 lists for 2 prompts"):
        smc.sample_batch(MODEL, ["", "a"], [[]])
    with pytest.raises(smc.SettingsError, match="got 1 for 2 prompts"):
        smc.sample_batch(MODEL, ["", "a"], [[], []], seeds=[1])


def test_a_vocabulary_needs_eos():
    with pytest.raises(smc.VocabularyError, match="no end-of-sequence token"):
        Vocabulary((b"a",), ())
    with pytest.raises(smc.VocabularyError, match="outside"):
        Vocabulary((b"a",), (1,))


def test_expensive_potentials_see_each_text_once():
    seen = []

    class Counted(smc.Potential):
        def prefix(self, text):
            seen.append(text)
            return 0.0

    smc.sample(MODEL, "", [Counted()], num_particles=200, max_tokens=MAX_TOKENS)
    prefixes_and_ends = [max(len(list(g)) for _, g in itertools.groupby(sorted(seen)))]
    assert max(prefixes_and_ends) <= 2  # once as a prefix, once as a finished text


def test_particles_with_one_prefix_share_a_row():
    rows = []

    class Spy:
        vocabulary = MODEL.vocabulary

        def start(self, prompts, vocabulary, max_tokens):
            decoding = MODEL.start(prompts, vocabulary, max_tokens)
            advance = decoding.advance

            def counted(parents, tokens):
                rows.append(len(parents))
                advance(parents, tokens)

            decoding.advance = counted
            return decoding

    smc.sample(Spy(), "", [], num_particles=500, max_tokens=MAX_TOKENS)
    assert rows and rows[0] <= 3 and rows[1] <= 9


def test_a_multibyte_character_may_be_split_between_tokens():
    pieces = (b"\xc3", b"\xa9", b"z", None)
    rows = {(): (1.0, 0, 0, 0), (0,): (0, 1.0, 0, 0), (0, 1): (0, 0, 1.0, 0)}
    model = smc.TableModel(Vocabulary(pieces, (3,)), lambda p: rows.get(p, (0, 0, 0, 1.0)))
    seen = []

    class Sees(smc.Potential):
        def prefix(self, text):
            seen.append(text)
            return 0.0

    posterior = smc.sample(model, "", [Sees()], num_particles=2)
    assert posterior.best == "éz"
    assert seen == ["", "", "é", "éz", "éz"]


def test_the_result_survives_json():
    posterior = run(num_particles=5)
    again = smc.Posterior.from_json(posterior.to_json())
    assert again.sequences == posterior.sequences
    assert again.history == posterior.history
    np.testing.assert_array_equal(again.log_weights, posterior.log_weights)
    assert again.probabilities() == posterior.probabilities()


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"sequences": [{"text": 1}]}', "{"])
def test_what_is_no_posterior_is_refused(text):
    with pytest.raises(smc.SettingsError, match="to_json"):
        smc.Posterior.from_json(text)


def test_on_step_sees_every_step_and_changes_nothing():
    seen = []
    watched = run(on_step=lambda step, look: seen.append((step, look()[0].log_evidence)))
    assert [s for s, _ in seen] == list(range(1, len(watched.history) + 1))
    assert seen[-1][1] == watched.log_evidence
    assert run().sequences == watched.sequences


def test_a_stop_string_that_is_no_text_is_named():
    with pytest.raises(smc.SettingsError, match="half of a surrogate pair"):
        smc.sample(MODEL, "", stop=["\udcff"])
