"""The transformers backend against plain forward passes of the same model."""

import numpy as np
import pytest
import torch
from transformers import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from smc.backends.hf.cache import is_growing
from smc.backends.hf.decoding import CachedDecoding, RecomputedDecoding
from smc.backends.transformers import TransformersModel
from smc.errors import ModelError, PromptError, SettingsError, VocabularyError
from smc.model import HOLD, DrawRequest, Vocabulary, pack_mask
from tests.models import (
    byte_fallback_tokenizer,
    byte_level_tokenizer,
    saved_model,
    tiny_model,
    word_piece_tokenizer,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*every step is recomputed")

FAMILIES = (
    "llama",
    "gpt2",
    "mistral",
    "gpt_neo",
    "bloom",
    "mamba",
    "rwkv",
    "recurrent",
    "inner_thinking",
)
PROMPTS = ("the cat", "one two three four five six seven", "a")
UNUSED = 5


@pytest.fixture(scope="module")
def tokenizer():
    return byte_level_tokenizer()


@pytest.fixture(scope="module")
def wrapped(tokenizer):
    """A wrapped tiny model of each family, with some logits beyond the tokenizer."""
    made = {}

    def make(family, **options):
        key = (family, *sorted(options.items()))
        if key not in made:
            model = tiny_model(family, len(tokenizer) + UNUSED)
            made[key] = TransformersModel(model, tokenizer, **options)
        return made[key]

    return make


def plain_log_probs(wrapped_model, rows):
    """`[R, V]` by one unpadded, uncached forward pass for each row."""
    suppressed = wrapped_model.vocabulary.suppressed
    out = []
    with torch.no_grad():
        for ids in rows:
            logits = wrapped_model._model(input_ids=torch.tensor([ids])).logits[0, -1].double()
            logits[suppressed] = -np.inf
            out.append(logits.log_softmax(-1).numpy())
    return np.array(out)


def encoded(tokenizer, prompts):
    return [tuple(tokenizer(p)["input_ids"]) for p in prompts]


def start(model, prompts, max_tokens=20):
    return model.start(prompts, model.vocabulary, max_tokens)


def assert_close(actual, expected, tolerance=1e-4):
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(actual), finite)
    np.testing.assert_allclose(actual[finite], expected[finite], atol=tolerance, rtol=0)


def random_walk(rng, decoding, rows, steps, hold):
    """Advance by random forks, drops, reorders and holds; yield the rows' token ids."""
    for _ in range(steps):
        count = int(rng.integers(1, 7))
        parents = rng.integers(0, len(rows), count)
        tokens = rng.integers(1, 300, count)
        tokens[rng.random(count) < hold] = HOLD
        decoding.advance(parents, tokens)
        rows = [
            rows[p] if t == HOLD else (*rows[p], int(t))
            for p, t in zip(parents, tokens, strict=True)
        ]
        yield rows


@pytest.mark.parametrize("hold", [0.0, 0.3], ids=["no_holds", "holds"])
@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS], ids=["one", "several"])
@pytest.mark.parametrize("family", FAMILIES)
def test_cached_equals_recomputed(wrapped, tokenizer, family, prompts, hold):
    model = wrapped(family)
    decoding = start(model, prompts)
    rows = encoded(tokenizer, prompts)
    assert_close(decoding.log_probs(), plain_log_probs(model, rows))
    for now in random_walk(np.random.default_rng(7), decoding, rows, 12, hold):
        assert_close(decoding.log_probs(), plain_log_probs(model, now))


@pytest.mark.parametrize(
    ("family", "kind", "growing"),
    [
        ("llama", CachedDecoding, True),
        ("gpt2", CachedDecoding, True),
        ("mistral", CachedDecoding, False),
        ("mamba", CachedDecoding, False),
        ("rwkv", RecomputedDecoding, None),
        ("recurrent", CachedDecoding, True),
        ("inner_thinking", CachedDecoding, True),
    ],
)
def test_each_family_has_the_fastest_cache_that_is_right(wrapped, family, kind, growing):
    decoding = start(wrapped(family), PROMPTS)
    assert type(decoding) is kind
    if growing is not None:
        assert is_growing(decoding._cache) == growing


def test_a_model_that_ignores_its_mask_is_never_padded(wrapped):
    with pytest.warns(UserWarning, match="every step is recomputed"):
        start(wrapped("rwkv"), ["a"])
    assert not wrapped("rwkv")._forward.can_pad
    assert wrapped("mamba")._forward.can_pad


def test_a_cache_that_does_not_fork_is_not_used(tokenizer, monkeypatch):
    monkeypatch.setattr(
        "transformers.cache_utils.LinearAttentionLayer.reorder_cache", lambda self, index: None
    )
    model = TransformersModel(tiny_model("mamba", len(tokenizer)), tokenizer)
    assert type(start(model, PROMPTS)) is RecomputedDecoding


def test_buffers_grow_past_their_first_allocation(wrapped, tokenizer, monkeypatch):
    monkeypatch.setattr("smc.backends.hf.cache._COLUMNS_AT_ONCE", 2)
    monkeypatch.setattr("smc.backends.hf.decoding._COLUMNS_AT_ONCE", 2)
    model = wrapped("llama")
    for prompts in (PROMPTS[2:], PROMPTS):
        decoding, rows = start(model, prompts, 60), encoded(tokenizer, prompts)
        *_, last = random_walk(np.random.default_rng(3), decoding, rows, 40, 0.2)
        assert_close(decoding.log_probs(), plain_log_probs(model, last))


def test_held_rows_keep_their_logits_exactly(wrapped):
    for family in FAMILIES:
        decoding = start(wrapped(family), PROMPTS)
        before = decoding.log_probs()
        decoding.advance(np.array([2, 0, 1]), np.array([HOLD, 9, HOLD]))
        after = decoding.log_probs()
        np.testing.assert_array_equal(after[[0, 2]], before[[2, 1]])
        assert np.abs(after[1, 1:9] - before[0, 1:9]).max() > 0.1


def test_all_rows_may_be_held_or_dropped(wrapped):
    for family in FAMILIES:
        decoding = start(wrapped(family), PROMPTS)
        before = decoding.log_probs()
        decoding.advance(np.array([1, 1]), np.array([HOLD, HOLD]))
        np.testing.assert_array_equal(decoding.log_probs(), before[[1, 1]])
        none = np.zeros(0, dtype=np.int64)
        decoding.advance(none, none)
        assert decoding.log_probs().shape == (0, before.shape[1])
        assert len(decoding.draw(DrawRequest(none, np.zeros(0))).tokens) == 0


def test_equal_prompts_are_prefilled_once(wrapped, monkeypatch):
    model = wrapped("llama")
    sizes = []
    original = model._model.forward

    def counted(*args, **kwargs):
        sizes.append(len(kwargs["input_ids"]))
        return original(*args, **kwargs)

    monkeypatch.setattr(model._model, "forward", counted)
    decoding = start(model, ["a", "the cat", "a", "a"])
    assert sizes == [2]
    log_probs = decoding.log_probs()
    np.testing.assert_array_equal(log_probs[0], log_probs[2])
    assert np.abs(log_probs[0, 1:9] - log_probs[1, 1:9]).max() > 0.1


def test_attention_without_the_fused_kernel(tokenizer):
    torch_model = tiny_model("llama", len(tokenizer))
    torch_model.set_attn_implementation("eager")
    model = TransformersModel(torch_model, tokenizer)
    decoding, rows = start(model, PROMPTS), encoded(tokenizer, PROMPTS)
    *_, last = random_walk(np.random.default_rng(5), decoding, rows, 6, 0.2)
    assert_close(decoding.log_probs(), plain_log_probs(model, last))


# Drawing


def test_draws_are_inverse_cdfs_of_log_probs(wrapped):
    model = wrapped("llama")
    decoding = start(model, PROMPTS)
    rng = np.random.default_rng(11)
    rows, uniforms = rng.integers(0, 3, 4000), rng.random(4000)
    draws = decoding.draw(DrawRequest(rows, uniforms))
    cdf = np.exp(decoding.log_probs()).cumsum(axis=1)
    below = np.where(draws.tokens > 0, cdf[rows, draws.tokens - 1], 0.0)
    above = cdf[rows, draws.tokens]
    assert (below - 1e-5 <= uniforms).all()
    assert (uniforms <= above + 1e-5).all()
    np.testing.assert_allclose(draws.log_weights, 0, atol=1e-5)


def test_log_weights_are_the_mass_under_the_mask(wrapped):
    model = wrapped("gpt2")
    decoding = start(model, PROMPTS)
    rng = np.random.default_rng(12)
    allowed = rng.random((3, len(model.vocabulary))) < 0.1
    draws = decoding.draw(DrawRequest(np.arange(3), rng.random(3), mask=pack_mask(allowed)))
    mass = np.where(allowed, np.exp(decoding.log_probs()), 0).sum(axis=1)
    np.testing.assert_allclose(draws.log_weights, np.log(mass), atol=1e-4)
    assert allowed[np.arange(3), draws.tokens].all()


def test_ids_that_are_not_text_have_no_mass(tokenizer):
    torch_model = tiny_model("llama", len(tokenizer) + UNUSED, tie_word_embeddings=False)
    with torch.no_grad():  # what is not text is by far the most probable
        torch_model.lm_head.weight[len(tokenizer) :] *= 100
    model = TransformersModel(torch_model, tokenizer)
    decoding = start(model, PROMPTS)
    log_probs = decoding.log_probs()
    assert list(model.vocabulary.suppressed) == list(range(len(tokenizer), len(tokenizer) + 5))
    assert (log_probs[:, len(tokenizer) :] == -np.inf).all()
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1, atol=1e-9)
    rng = np.random.default_rng(13)
    draws = decoding.draw(DrawRequest(rng.integers(0, 3, 2000), rng.random(2000)))
    assert draws.tokens.max() < len(tokenizer)


def test_further_eos_ids_keep_their_mass(wrapped):
    """A special token that is named as EOS is an event of the model, not outside it."""
    model = wrapped("llama")
    own = model.vocabulary
    last = len(own) - 1
    wider = Vocabulary(own.tokens, (*own.eos_ids, last))
    log_probs = model.start(["a"], wider, 5).log_probs()
    assert np.isfinite(log_probs[0, last])


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.7},
        {"top_k": 7},
        {"top_p": 0.6},
        {"top_p": 1e-6},
        {"temperature": 1.5, "top_k": 20, "top_p": 0.8},
    ],
)
def test_warping_equals_generate(wrapped, tokenizer, options):
    model = wrapped("llama", **options)
    warpers = LogitsProcessorList()
    if "temperature" in options:
        warpers.append(TemperatureLogitsWarper(options["temperature"]))
    if "top_k" in options:
        warpers.append(TopKLogitsWarper(options["top_k"]))
    if "top_p" in options:
        warpers.append(TopPLogitsWarper(options["top_p"]))
    unwarped = plain_log_probs(model, encoded(tokenizer, PROMPTS))
    scores = warpers(torch.zeros(1, 1), torch.from_numpy(unwarped).float())
    expected = scores.double().log_softmax(-1).numpy()
    decoding = start(model, PROMPTS)
    assert_close(decoding.log_probs(), expected)
    rng = np.random.default_rng(14)
    rows = rng.integers(0, 3, 500)
    draws = decoding.draw(DrawRequest(rows, rng.random(500)))
    assert np.isfinite(expected[rows, draws.tokens]).all()


def test_bfloat16_is_normalised_in_float32(tokenizer):
    model = TransformersModel(tiny_model("llama", len(tokenizer)).bfloat16(), tokenizer)
    decoding = start(model, PROMPTS)
    decoding.advance(np.array([0, 2]), np.array([5, 6]))
    assert decoding._logits.dtype == torch.float32
    np.testing.assert_allclose(np.exp(decoding.log_probs()).sum(axis=1), 1, atol=1e-6)


def test_logits_that_are_not_numbers_raise(tokenizer):
    torch_model = tiny_model("llama", len(tokenizer))
    with torch.no_grad():
        torch_model.lm_head.weight[3] = float("nan")
    decoding = start(TransformersModel(torch_model, tokenizer), ["a"])
    with pytest.raises(ModelError, match="NaN"):
        decoding.draw(DrawRequest(np.zeros(1, np.int64), np.full(1, 0.5)))
    with pytest.raises(ModelError, match="NaN"):
        decoding.log_probs()


# Prompts


def test_prompts_as_text_ids_and_messages_agree(tokenizer):
    spoken = byte_level_tokenizer()
    spoken.chat_template = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant:{% endif %}"
    )
    model = TransformersModel(tiny_model("llama", len(spoken)), spoken)
    text = "user: the cat\nassistant:"
    ids = spoken(text)["input_ids"]
    messages = [{"role": "user", "content": "the cat"}]
    log_probs = start(model, [text, ids, np.array(ids), messages]).log_probs()
    np.testing.assert_array_equal(log_probs, log_probs[[0, 0, 0, 0]])
    other = start(model, ["user: the cat\n"]).log_probs()
    assert np.abs(log_probs[0, 1:9] - other[0, 1:9]).max() > 0.1


def with_special_tokens(template):
    from tokenizers import processors

    made = byte_fallback_tokenizer()
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return made


def test_text_gets_bos_but_nothing_behind_it():
    made = with_special_tokens("<s> $A </s>")
    model = TransformersModel(tiny_model("llama", len(made), eos=2), made)
    bare = made("the cat", add_special_tokens=False)["input_ids"]
    assert made("the cat")["input_ids"] == [1, *bare, 2]
    log_probs = start(model, ["the cat", [1, *bare]]).log_probs()
    np.testing.assert_array_equal(log_probs[0], log_probs[1])


def test_an_empty_prompt_is_bos_or_eos(tokenizer, wrapped):
    made = byte_fallback_tokenizer()
    model = TransformersModel(tiny_model("llama", len(made), eos=2), made)
    np.testing.assert_array_equal(*start(model, ["", [1]]).log_probs())
    assert tokenizer.bos_token_id is None
    model = wrapped("llama")
    log_probs = start(model, ["", [], [tokenizer.eos_token_id]]).log_probs()
    np.testing.assert_array_equal(log_probs, log_probs[[2, 2, 2]])


def test_an_empty_prompt_without_a_first_token_is_refused():
    made = word_piece_tokenizer()
    model = TransformersModel(tiny_model("llama", len(made), eos=None), made, eos_ids=[3])
    with pytest.raises(PromptError, match="BOS"):
        start(model, [[]])


def test_a_prompt_longer_than_the_context_is_refused(wrapped):
    model = wrapped("llama")
    start(model, [[5] * 100], max_tokens=28)
    with pytest.raises(PromptError, match=r"100 tokens.*max_tokens=29.*128.*at most 99"):
        start(model, [[5] * 100], max_tokens=29)
    start(wrapped("bloom"), [[5] * 300], max_tokens=300)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ([{"role": "user", "content": "hi"}], "no chat template"),
        ([5, 100_000], "outside 0"),
        ([5, -2], "outside 0"),
        ([5, "a"], "integers"),
    ],
)
def test_prompts_that_cannot_be_encoded(wrapped, prompt, message):
    with pytest.raises(PromptError, match=message):
        start(wrapped("llama"), [prompt])


def test_messages_that_the_template_refuses():
    spoken = byte_level_tokenizer()
    spoken.chat_template = "{{ raise_exception('roles must alternate') }}"
    model = TransformersModel(tiny_model("llama", len(spoken)), spoken)
    with pytest.raises(PromptError, match="roles must alternate"):
        start(model, [[{"role": "user", "content": "hi"}]])


# Vocabulary, settings, loading


def test_a_vocabulary_without_eos_is_refused_unless_named(tokenizer):
    silent = byte_level_tokenizer(eos_token=None)
    torch_model = tiny_model("llama", len(silent), eos=None)
    with pytest.raises(VocabularyError, match="eos_ids="):
        _ = TransformersModel(torch_model, silent).vocabulary
    newline = silent("\n")["input_ids"]
    with pytest.raises(VocabularyError, match=rf"newline is \[{newline[0]}\]"):
        _ = TransformersModel(torch_model, silent).vocabulary
    assert TransformersModel(torch_model, silent, eos_ids=newline).vocabulary.eos_ids == (*newline,)


def test_a_vocabulary_of_another_width_is_refused(wrapped):
    model = wrapped("llama")
    with pytest.raises(VocabularyError, match="logits a token"):
        model.start(["a"], Vocabulary((b"a", None), (1,)), 5)


def test_a_given_vocabulary_is_used(tokenizer):
    size = len(tokenizer)
    given = Vocabulary(tuple(b"%d" % i for i in range(size)), (4,))
    model = TransformersModel(tiny_model("llama", size), tokenizer, vocabulary=given)
    assert model.vocabulary is given


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.0},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"top_k": -1},
        {"top_k": 2.5},
    ],
)
def test_settings_out_of_range(tokenizer, options):
    with pytest.raises(SettingsError, match=next(iter(options))):
        TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer, **options)


def test_load_from_a_folder(tmp_path, wrapped):
    folder = saved_model(tmp_path / "model")
    model = TransformersModel.load(str(folder), device="cpu", dtype="float32", top_k=3)
    log_probs = start(model, ["the cat"]).log_probs()
    assert np.isfinite(log_probs).sum() == 3
    assert model.vocabulary.eos_ids == (0,)
    half = TransformersModel.load(str(folder), device="cpu", dtype="bfloat16")
    assert half._model.dtype == torch.bfloat16


def test_an_unknown_model_is_a_clear_error(tmp_path):
    with pytest.raises(ModelError, match=r"nothing.*HF_HUB_OFFLINE") as caught:
        TransformersModel.load(str(tmp_path / "nothing"), device="cpu")
    assert caught.value.__cause__ is not None


def test_an_unknown_device_is_a_clear_error(tmp_path):
    folder = saved_model(tmp_path / "model")
    with pytest.raises(ModelError, match="warp-drive"):
        TransformersModel.load(str(folder), device="warp-drive")
