"""Blocks of tokens in one pass: what they weigh, and where the rows then stand."""

import numpy as np
import pytest

import smc
from smc.backends.transformers import TransformersModel
from smc.model import HOLD, BlockDecoding
from tests.backends.test_transformers import (
    FAMILIES,
    PROMPTS,
    assert_close,
    encoded,
    plain_log_probs,
    start,
)
from tests.exact import MODEL
from tests.models import byte_level_tokenizer, tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:.*every step is recomputed")


@pytest.fixture(scope="module")
def tokenizer():
    return byte_level_tokenizer()


@pytest.fixture(scope="module")
def wrapped(tokenizer):
    return {
        family: TransformersModel(tiny_model(family, len(tokenizer)), tokenizer)
        for family in FAMILIES
    }


def random_block(rng, rows, hold, size):
    """Random parents, and tokens of which the first of each row may be held."""
    parents = rng.integers(0, len(rows), int(rng.integers(1, 6)))
    tokens = rng.integers(*size, (len(parents), int(rng.integers(1, 5))))
    if hold:
        held = rng.integers(0, tokens.shape[1] + 1, len(parents))
        tokens[np.arange(tokens.shape[1]) < held[:, None]] = HOLD
    return parents, tokens


def walk(decoding, rows, seed, *, hold, size, check):
    rng = np.random.default_rng(seed)
    assert isinstance(decoding, BlockDecoding)
    for turn in range(6):
        if turn == 3:  # a block after single tokens, and single tokens after a block
            tokens = rng.integers(*size, len(rows))
            decoding.advance(np.arange(len(rows)), tokens)
            rows = [(*row, int(t)) for row, t in zip(rows, tokens, strict=True)]
        parents, tokens = random_block(rng, rows, hold, size)
        block_log_probs = decoding.extend(parents, tokens)
        assert block_log_probs.shape == tokens.shape
        old, rows = rows, []
        for parent, block, log_probs in zip(parents, tokens, block_log_probs, strict=True):
            row = old[parent]
            for token, log_prob in zip(block.tolist(), log_probs, strict=True):
                if token == HOLD:
                    assert log_prob == 0
                    continue
                assert_close(log_prob, check(row)[token])
                row = (*row, token)
            rows.append(row)
        assert_close(decoding.log_probs(), np.array([check(row) for row in rows]))


@pytest.mark.parametrize("hold", [False, True], ids=["no_holds", "holds"])
@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS], ids=["one", "several"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_block_is_its_tokens_one_by_one(wrapped, tokenizer, family, prompts, hold):
    model = wrapped[family]
    walk(
        start(model, prompts, 40),
        encoded(tokenizer, prompts),
        5,
        hold=hold,
        size=(1, 300),
        check=lambda row: plain_log_probs(model, [row])[0],
    )


@pytest.mark.parametrize("hold", [False, True], ids=["no_holds", "holds"])
def test_a_block_of_the_table(hold):
    def check(row):
        with np.errstate(divide="ignore"):
            return np.log(MODEL.next_probs(row))

    decoding = MODEL.start([(0,), (1, 2)], MODEL.vocabulary, 40)
    walk(decoding, [(0,), (1, 2)], 6, hold=hold, size=(0, 3), check=check)


@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS], ids=["one", "several"])
def test_a_block_is_one_forward_pass(wrapped, monkeypatch, prompts):
    model = wrapped["llama"]
    decoding = start(model, prompts)
    passes = []
    forward = model.model.forward
    monkeypatch.setattr(model.model, "forward", lambda **k: passes.append(k) or forward(**k))
    model._forward.network.forward = model.model.forward
    decoding.extend(
        np.zeros(3, dtype=np.int64), np.array([[5, 6, 7], [HOLD, 8, 9], [HOLD, HOLD, 4]])
    )
    assert [tuple(k["input_ids"].shape) for k in passes] == [(3, 3)]


@pytest.mark.parametrize("width", [0, 2])
def test_a_block_without_tokens_reorders(wrapped, width):
    decoding = start(wrapped["llama"], PROMPTS)
    before = decoding.log_probs()
    decoding.extend(np.array([2, 0]), np.full((2, width), HOLD))
    np.testing.assert_array_equal(decoding.log_probs(), before[[2, 0]])
    assert (
        decoding.extend(np.zeros(0, dtype=np.int64), np.zeros((0, width), dtype=np.int64)).size == 0
    )


def test_logits_that_are_not_numbers_raise(tokenizer):
    import torch

    network = tiny_model("llama", len(tokenizer))
    model = TransformersModel(network, tokenizer)
    decoding = start(model, PROMPTS[:1])
    with torch.no_grad():
        network.lm_head.weight[3] = float("nan")
    with pytest.raises(smc.ModelError, match=r"rows \[0, 1\]"):
        decoding.extend(np.array([0, 0]), np.array([[5, 6], [7, 8]]))
