"""Rows that join a running decoding of the transformers backend."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import smc
from smc.engine import Problem, Run
from smc.engine.batch import Decodings
from smc.model import HOLD, DrawRequest
from smc.settings import Settings
from tests.backends.test_transformers import assert_close, encoded, plain_log_probs
from tests.models import byte_level_tokenizer, tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:.*every step is recomputed")

PROMPTS = ("the cat", "one two three four five six seven", "a", "")
OPTIONS = ({}, {"temperature": 0.7}, {"top_k": 9, "top_p": 0.8}, {"temperature": 1.6, "top_p": 0.7})
JOINING = {
    "llama": True,
    "gpt2": True,
    "recurrent": True,
    "inner_thinking": True,
    "rwkv": True,
    "bloom": False,
    "mistral": False,
}


class FewEs(smc.Potential):
    """Soft, at every token."""

    def prefix(self, text):
        return -0.7 * text.count("e") - 0.1 * len(text)


@pytest.fixture(scope="module")
def tokenizer():
    return byte_level_tokenizer()


@pytest.fixture(scope="module")
def models(tokenizer):
    """One network with several sampling options, of each family."""
    networks = {}

    def make(family, **options):
        if family not in networks:
            networks[family] = tiny_model(family, len(tokenizer))
        return smc.TransformersModel(networks[family], tokenizer, **options)

    return make


def start(model, prompts):
    return model.start(prompts, model.vocabulary, 20)


def step(rng, decoding, rows, size=8, hold=0.15):
    """Advance by random forks, drops, reorders and holds; the rows afterwards."""
    parents = rng.integers(0, len(rows), int(rng.integers(1, size)))
    tokens = rng.integers(1, 300, len(parents))
    tokens[rng.random(len(parents)) < hold] = HOLD
    decoding.advance(parents, tokens)
    return [
        (rows[p][0], rows[p][1] if t == HOLD else (*rows[p][1], int(t)))
        for p, t in zip(parents, tokens, strict=True)
    ]


def expected(rows, plain):
    """`[R, V]`: each row alone, uncached, then its model's sampling options."""
    log_probs = []
    for model, ids in rows:
        logits = torch.from_numpy(plain_log_probs(plain, [ids])).float()
        transformed = model._options.apply(logits)
        log_probs.append(transformed.double().log_softmax(-1).numpy()[0])
    return np.array(log_probs)


@pytest.mark.parametrize("hold", [0.0, 0.3], ids=["no_holds", "holds"])
@pytest.mark.parametrize("family", [f for f, joins in JOINING.items() if joins])
def test_rows_that_join_are_those_of_a_batch_of_their_own(
    models, tokenizer, family, hold, monkeypatch
):
    """Any walk of forks, drops and joins, with options for each row, equals plain passes."""
    original = torch.Tensor.new_empty

    def fresh(like, *shape, **options):
        """Memory as it may be: what is masked must not hold NaN, since nothing times NaN is NaN."""
        made = original(like, *shape, **options)
        return made.fill_(np.nan) if made.dim() == 4 else made

    monkeypatch.setattr(torch.Tensor, "new_empty", fresh)
    rng = np.random.default_rng(21)
    plain = models(family)
    decoding, rows = start(plain, PROMPTS[:1]), [(plain, encoded(tokenizer, PROMPTS[:1])[0])]
    for turn in range(16):
        if turn % 3 == 1:
            model = models(family, **OPTIONS[turn // 3 % len(OPTIONS)])
            prompts = [PROMPTS[i] for i in rng.integers(0, 3, int(rng.integers(1, 4)))]
            before = decoding.log_probs()
            assert decoding.join(start(model, prompts))
            np.testing.assert_array_equal(decoding.log_probs()[: len(rows)], before)
            rows += [(model, ids) for ids in encoded(tokenizer, prompts)]
        else:
            rows = step(rng, decoding, rows, hold=hold)
        assert_close(decoding.log_probs(), expected(rows, plain))
    assert len({id(model) for model, _ in rows}) > 1, "rows of several models"


@pytest.mark.parametrize("family", [f for f, joins in JOINING.items() if not joins])
def test_a_cache_that_takes_no_rows_is_left_as_it_is(models, family):
    decoding, other = start(models(family), PROMPTS[:2]), start(models(family), PROMPTS[2:3])
    before = decoding.log_probs(), other.log_probs()
    assert not decoding.join(other)
    np.testing.assert_array_equal(decoding.log_probs(), before[0])
    np.testing.assert_array_equal(other.log_probs(), before[1])


def test_another_network_does_not_join(models, tokenizer):
    other = smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)
    assert not start(models("llama"), ["a"]).join(start(other, ["a"]))
    assert not start(models("llama"), ["a"]).join(start(models("rwkv"), ["a"]))
    assert not start(models("rwkv"), ["a"]).join(start(models("llama"), ["a"]))


def test_what_runs_is_not_computed_again(models, monkeypatch):
    """A joining prompt is one forward pass, of its own tokens alone."""
    model = models("llama")
    decodings = Decodings()
    decodings.add(start(model, PROMPTS[:2]), 2)
    decodings.advance(np.array([0, 1, 1]), np.array([5, 6, 7]))
    sizes, original = [], model._model.forward

    def counted(*args, **kwargs):
        sizes.append(tuple(kwargs["input_ids"].shape))
        return original(*args, **kwargs)

    monkeypatch.setattr(model._model, "forward", counted)
    decodings.add(start(model, [[5, 6, 7, 8]]), 1)
    decodings.draw(DrawRequest(np.arange(4), np.full(4, 0.5)))
    assert sizes == [(1, 4)]
    decodings.advance(np.arange(4), np.array([5, 6, 7, 8]))
    assert sizes[1:] == [(4, 1)], "all rows in one pass"


def test_the_cache_shrinks_when_long_rows_leave(models, monkeypatch):
    """Rows come and go for hundreds of steps: columns and buffers stay as small as the rows."""
    monkeypatch.setattr("smc.backends.hf.prefill.LEAST_SHARED", 1000)
    model = models("llama")
    rng = np.random.default_rng(5)
    decoding = start(model, [[5] * 100])
    widths, cells = [], []
    for turn in range(600):
        tokens = rng.integers(1, 300, decoding._rows)
        decoding.advance(np.arange(decoding._rows), tokens)
        if turn % 5 == 0:
            assert decoding.join(start(model, [[7, 8, 9]]))
        if decoding._rows > 6:  # the oldest leaves
            decoding.advance(np.arange(1, decoding._rows), np.full(decoding._rows - 1, HOLD))
        layer = decoding._cache.layers[0]
        assert layer.keys.shape[2] == decoding._columns
        widths.append(decoding._columns)
        cells.append(layer._key_buffer._data.shape[0] * layer._key_buffer._data.shape[2])
    assert max(widths[:20]) > 100
    assert max(widths[60:]) <= 3 + 5 * 8
    assert max(cells[60:]) <= 2 * (7 + 2 + 16) * (128 + 64)
    assert decoding._mask is not None and decoding._mask.shape[1] < 1000


def test_a_long_prompt_does_not_pad_many_short_rows(models, monkeypatch):
    monkeypatch.setattr("smc.backends.hf.decoding._SPARE_CELLS", 300)
    monkeypatch.setattr("smc.backends.hf.prefill.LEAST_SHARED", 1000)
    model = models("llama")
    short, long = start(model, ["a"] * 10), start(model, [[5] * 90])
    assert not short.join(long)
    assert start(model, ["a"] * 2).join(start(model, [[5] * 90]))
    both = Decodings()
    both.add(short, 10)
    both.add(long, 1)
    both.add(start(model, ["a"]), 1)
    assert len(both._parts) == 2
    assert short._rows == 11


@pytest.mark.parametrize("family", JOINING)
def test_late_problems_are_as_alone(models, family):
    """Same seeds, same texts; log weights up to the rounding of float32 in another batch."""
    actual, alone = [], []
    for late in (True, False):
        engine, results = Run(models(family)), {}
        for seed in range(8):
            settings = Settings(num_particles=4 + seed % 3, max_tokens=6 + seed)
            problem = Problem(PROMPTS[seed % 4], [FewEs()], np.random.default_rng(seed))
            model = models(family, **OPTIONS[seed % 4])
            if not late:
                engine = Run(model)
            number = engine.add(problem, settings, ("e",) if seed % 2 else (), model=model)
            engine.step()
            while engine.running and not late:
                engine.step()
            results[seed] = engine, number
        while engine.running:
            engine.step()
        (actual if late else alone).extend(e.posterior(n) for e, n in results.values())
    for ours, theirs in zip(actual, alone, strict=True):
        assert ours.sequences == theirs.sequences
        np.testing.assert_allclose(ours.log_weights, theirs.log_weights, atol=1e-5)
