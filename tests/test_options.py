"""Temperature, top_p and top_k of a run: the target is the transformed model, for every backend."""

import itertools
import math
import warnings

import numpy as np
import pytest
import torch

import smc
from smc.backends.hf.logits_transform import SamplingOptions
from smc.model import AdjustableModel
from tests.exact import MAX_TOKENS, MODEL, VOCABULARY
from tests.models import byte_level_tokenizer, tiny_model

OPTIONS = [
    {"temperature": 0.5},
    {"temperature": 2.0, "top_k": 2},
    {"top_p": 0.7},
    {"temperature": 1.5, "top_p": 0.8, "top_k": 3},
]


def transformed(probs, temperature=1.0, top_p=1.0, top_k=0):
    """What the words say, on one row of probabilities, without the code under test."""
    p = np.asarray(probs, dtype=float) ** (1 / temperature)
    p /= p.sum()
    if top_k:
        p[p < np.sort(p)[-top_k]] = 0
        p /= p.sum()
    order = np.argsort(-p, kind="stable")
    before = np.cumsum(p[order]) - p[order]
    p[order[before >= top_p]] = 0
    return p / p.sum()


def by_hand(options):
    """The transformed model, as a table of its own."""
    return smc.TableModel(
        VOCABULARY, lambda prefix: tuple(transformed(MODEL.next_probs(prefix), **options))
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_target_is_the_transformed_model(options):
    """Sum over all texts: what `sample` calls the model is what the words say."""
    asked = MODEL.with_sampling(**options)
    for length in range(MAX_TOKENS):
        for prefix in itertools.product(range(2), repeat=length):
            own = transformed(MODEL.probs(prefix, VOCABULARY), **options)
            np.testing.assert_allclose(asked.probs(prefix, VOCABULARY), own, atol=1e-12)
    exact = dict(by_hand(options).enumerate(MAX_TOKENS))
    assert dict(asked.enumerate(MAX_TOKENS)) == pytest.approx(exact)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_sample_draws_from_it(options):
    given = smc.sample(MODEL, "", max_tokens=MAX_TOKENS, num_particles=50, seed=4, **options)
    own = smc.sample(by_hand(options), "", max_tokens=MAX_TOKENS, num_particles=50, seed=4)
    assert given.sequences == own.sequences
    np.testing.assert_allclose(given.log_weights, own.log_weights, atol=1e-6)


@pytest.mark.parametrize("top_p", [1e-6, 0.5, 0.9, 0.95, 0.999, 1 - 1e-7])
@pytest.mark.parametrize("size", [5, 128, 3000, 50_000])
def test_a_nucleus_is_that_of_all_tokens_in_order(size, top_p):
    """Flat rows and peaked ones, whose nuclei have one token to all, in one batch and alone."""
    rng = np.random.default_rng(8)
    spread = np.array([0.01, 1.0, 3.0, 8.0, 30.0])[:, None]
    logits = torch.from_numpy(rng.normal(0, spread, (5, size)))
    logits[2, ::3] = -math.inf
    options = SamplingOptions(top_p=top_p)
    kept = options.apply(logits)
    for row, own in zip(logits, kept, strict=True):
        p = row.softmax(-1).numpy()
        order = np.argsort(-p, kind="stable")
        before = np.cumsum(p[order]) - p[order]
        expected = np.zeros(size, bool)
        expected[order[before < top_p - 1e-12]] = True
        most = np.zeros(size, bool)
        most[order[before < top_p + 1e-12]] = True
        alive = own.isfinite().numpy()
        assert (expected <= alive).all() and (alive <= most).all() and alive.any()
        assert torch.equal(own[alive], row[alive])
        assert torch.equal(options.apply(row[None])[0], own)


def test_what_ties_with_the_last_of_a_nucleus_stays_in_it():
    """Which of them came first would depend on an order that no word speaks of."""
    logits = torch.log(torch.tensor([[0.1, 0.4, 0.1, 0.3, 0.1]]))
    assert SamplingOptions(top_p=0.75).apply(logits).isfinite().all()
    kept = SamplingOptions(top_p=0.65).apply(logits)
    assert kept.isfinite().tolist() == [[False, True, False, True, False]]


def test_nothing_asked_is_the_models_own():
    hot = MODEL.with_sampling(temperature=1.7)
    same = smc.sample(hot, "", max_tokens=MAX_TOKENS, seed=3)
    assert same.sequences == smc.sample(hot, "", max_tokens=MAX_TOKENS, seed=3).sequences
    back = smc.sample(hot, "", max_tokens=MAX_TOKENS, seed=3, temperature=1.0)
    plain = smc.sample(MODEL, "", max_tokens=MAX_TOKENS, seed=3)
    assert back.sequences == plain.sequences


def test_a_network_at_another_temperature_is_one_that_was_loaded_so():
    tokenizer = byte_level_tokenizer()
    network = tiny_model("llama", len(tokenizer))
    options = {"temperature": 0.6, "top_p": 0.9, "top_k": 40}
    model = smc.TransformersModel(network, tokenizer)
    assert isinstance(model, AdjustableModel)
    given = smc.sample(model, "one two", max_tokens=6, seed=9, **options)
    loaded = smc.TransformersModel(network, tokenizer, **options)
    assert given.sequences == smc.sample(loaded, "one two", max_tokens=6, seed=9).sequences
    again = smc.sample(model, "one two", max_tokens=6, seed=9)
    assert again.sequences == smc.sample(model, "one two", max_tokens=6, seed=9).sequences


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be a positive number.*top_k=1"),
        ({"temperature": "hot"}, "temperature must be a number"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"top_k": True}, "top_k must be a number"),
    ],
    ids=str,
)
def test_options_out_of_range(options, message):
    with pytest.raises(smc.SettingsError, match=message):
        smc.sample(MODEL, "", **options)


class Foreign:
    vocabulary = VOCABULARY

    def start(self, prompts, vocabulary, max_tokens):
        return MODEL.start(prompts, vocabulary, max_tokens)


def test_a_model_without_options_says_so():
    assert smc.sample(Foreign(), "", max_tokens=4).sequences
    with pytest.raises(smc.SettingsError, match="with_sampling"):
        smc.sample(Foreign(), "", top_p=0.5)


class Network:
    config = None

    def forward(self): ...

    def start(self): ...


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gpt2", r"smc\.load\('gpt2'\)"),
        (smc.TransformersModel, "a class"),
        (Network(), r"smc\.TransformersModel\(model, tokenizer\)"),
        (None, "smc.load gives"),
        (type("Steps", (), {"extend": lambda self: None})(), "strategy"),
    ],
    ids=["path", "class", "network", "none", "step model"],
)
def test_what_is_no_model(given, message):
    for call in (smc.sample, smc.log_prob):
        with pytest.raises(smc.SettingsError, match=f"expected a language model.*{message}"):
            call(given, "", "a") if call is smc.log_prob else call(given, "")


def test_a_model_shows_what_it_is():
    assert repr(MODEL) == f"TableModel({len(VOCABULARY)} tokens)"
    tokenizer = byte_level_tokenizer()
    network = tiny_model("llama", len(tokenizer))
    shown = repr(smc.TransformersModel(network, tokenizer, top_p=0.9))
    assert shown.startswith("TransformersModel('LlamaForCausalLM', ") and "float32, cpu" in shown
    assert shown.endswith("top_p 0.9)") and "\n" not in shown
    size = sum(p.numel() for p in network.parameters())
    assert f"{size:,} parameters" in shown


def test_the_version():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert smc.__version__[0].isdigit()


# Likelihoods


def test_log_prob_is_that_of_the_table():
    exact = dict(MODEL.enumerate(MAX_TOKENS))
    for ids, probability in exact.items():
        text = b"".join(VOCABULARY.tokens[i] or b"" for i in ids[:-1]).decode()
        assert smc.log_prob(MODEL, "", ids) == pytest.approx(math.log(probability))
        if MODEL.tokenize(text) == ids[:-1]:
            ends = sum(exact.get((*ids[:-1], eos), 0.0) for eos in VOCABULARY.eos_ids)
            assert smc.log_prob(MODEL, "", text) == pytest.approx(math.log(ends))
    ids = MODEL.tokenize("aba")
    rows = [MODEL.probs(ids[:i], VOCABULARY)[token] for i, token in enumerate(ids)]
    begun = smc.log_prob(MODEL, "", "aba", ends=False)
    assert len(ids) > 1 and begun == pytest.approx(math.log(math.prod(rows)))


def test_log_prob_of_a_network_is_that_of_its_rows():
    tokenizer = byte_level_tokenizer()
    model = smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)
    ids = model.tokenize(" two three")
    assert b"".join(model.vocabulary.tokens[i] or b"" for i in ids) == b" two three"
    total, prompt = 0.0, list(model.encode("one", 8))
    for i in ids:
        decoding = model.start([prompt], model.vocabulary, 4)
        total += decoding.log_probs()[0, i]
        prompt.append(i)
    assert smc.log_prob(model, "one", " two three", ends=False) == pytest.approx(total, abs=1e-4)
    eos = model.vocabulary.eos_ids[0]
    total += model.start([prompt], model.vocabulary, 4).log_probs()[0, eos]
    assert smc.log_prob(model, "one", " two three") == pytest.approx(total, abs=1e-4)
    assert smc.log_prob(model, "one", (*ids, eos)) == pytest.approx(total, abs=1e-4)
    assert smc.log_prob(model, "one", " two", top_k=1) in (-math.inf, pytest.approx(0, abs=1e-6))


def test_what_a_sample_weighs_is_what_log_prob_says():
    posterior = smc.sample(MODEL, "", max_tokens=MAX_TOKENS, num_particles=20, at_max_tokens="end")
    exact = dict(MODEL.enumerate(MAX_TOKENS))
    for sequence in posterior.sequences:
        assert smc.log_prob(MODEL, "", sequence.tokens) == pytest.approx(
            math.log(exact[sequence.tokens])
        )


def test_texts_that_are_none():
    eos = VOCABULARY.eos_ids[0]
    for text, message in (((eos, 0), "end before"), ((99,), "token ids"), (("a",), "token ids")):
        with pytest.raises(smc.PromptError, match=message):
            smc.log_prob(MODEL, "", text)
    with pytest.raises(smc.SettingsError, match="tokenize"):
        smc.log_prob(Foreign(), "", "a")
