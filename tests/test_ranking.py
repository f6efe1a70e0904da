"""Log probabilities of tokens and of the best in their places: every backend says the same."""

from __future__ import annotations

import numpy as np
import pytest

from smc.backends.transformers import TransformersModel
from smc.errors import PromptError
from smc.model import HOLD
from smc.ranking import RankingDecoding, token_log_probs
from tests.exact import MODEL
from tests.models import byte_level_tokenizer, tiny_model

TEXT = [40, 7, 90, 90, 12, 200, 3]


def reference(model, prompt, tokens, top):
    """By definition: whole rows, one token after another."""
    found = []
    for place, token in enumerate(tokens):
        decoding = model.start([[*prompt, *tokens[:place]]], model.vocabulary, 1)
        (row,) = decoding.log_probs()
        best = np.argsort(-row, kind="stable")[:top]
        found.append((row[token], best.tolist(), row[best]))
    return found


@pytest.mark.filterwarnings("ignore:.*recomputed from the first token")
@pytest.mark.parametrize("family", ["llama", "mistral", "rwkv"])
@pytest.mark.parametrize("block", [1, 3, 64])
def test_blocks_of_tokens_are_ranked_as_whole_rows_are(family, block):
    tokenizer = byte_level_tokenizer()
    model = TransformersModel(tiny_model(family, len(tokenizer)), tokenizer)
    assert isinstance(model.start([[5, 6]], model.vocabulary, 4), RankingDecoding)
    blocks = list(token_log_probs(model, [5, 6, 9], TEXT, top=4, block=block))
    assert [len(b) for b in blocks] == [min(block, 7 - i) for i in range(0, 7, block)]
    found = [entry for entries in blocks for entry in entries]
    assert [e.token for e in found] == TEXT
    for entry, (log_p, best, best_log_p) in zip(
        found, reference(model, [5, 6, 9], TEXT, 4), strict=True
    ):
        assert entry.log_prob == pytest.approx(log_p, abs=1e-4)
        assert [i for i, _ in entry.top] == best
        assert [p for _, p in entry.top] == pytest.approx(best_log_p.tolist(), abs=1e-4)


def test_a_ranked_block_leaves_the_rows_where_extend_does():
    tokenizer = byte_level_tokenizer()
    model = TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)
    rows, block = np.array([1, 0, 1]), np.array([[4, 5], [6, 7], [8, 9]])
    one, other = (model.start([[5, 6], [7, 8, 9]], model.vocabulary, 8) for _ in range(2))
    log_probs = one.extend(rows, block)
    ranked = other.extend_ranked(rows, block, 2)
    assert ranked.log_probs == pytest.approx(log_probs, abs=1e-5)
    assert ranked.top_ids.shape == ranked.top_log_probs.shape == (3, 2, 2)
    assert other.log_probs() == pytest.approx(one.log_probs(), abs=1e-5)
    for decoding in (one, other):
        decoding.advance(np.array([2, 0]), np.array([3, HOLD]))
    assert other.log_probs() == pytest.approx(one.log_probs(), abs=1e-5)


def test_backends_that_rank_nothing_are_asked_for_rows():
    (found,) = token_log_probs(MODEL, (), [0, 2, 0], top=9)
    for entry, (log_p, best, best_log_p) in zip(
        found, reference(MODEL, (), [0, 2, 0], 5), strict=True
    ):
        assert (entry.log_prob, [i for i, _ in entry.top]) == (log_p, best)
        assert [p for _, p in entry.top] == best_log_p.tolist()
    assert list(token_log_probs(MODEL, (), [], top=1)) == []


def test_a_text_that_does_not_fit():
    model = TransformersModel(tiny_model("llama", 300), byte_level_tokenizer())
    with pytest.raises(PromptError, match="context"):
        next(token_log_probs(model, [5], [6] * 200))
