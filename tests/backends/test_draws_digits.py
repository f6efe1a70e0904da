"""Digits of the draw: large vocabularies, large scores, and tables with ids that are not there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import smc
from smc.backends.draws import draw_rows
from smc.model import DrawRequest, Vocabulary, pack_mask


def one_each(count, **rest):
    return DrawRequest(np.arange(count), np.linspace(0.05, 0.95, count), **rest)


@pytest.mark.parametrize("size", [1000, 32_000, 151_936, 262_144])
@pytest.mark.parametrize("share", [None, 0.5, 1e-4])
def test_log_weights_of_large_vocabularies_do_not_drift(size, share):
    """A thousand tokens add up a thousand such errors: each must be far below 1e-5."""
    rng = np.random.default_rng(3)
    logits = torch.from_numpy(rng.normal(0, 2, (6, size)).astype(np.float32))
    allowed = np.ones((6, size), bool) if share is None else rng.random((6, size)) < share
    allowed[:, 17] = True
    mask = None if share is None else pack_mask(allowed)
    draws = draw_rows(logits, one_each(6, mask=mask))
    log_p = logits.double().log_softmax(-1).numpy()
    exact = np.log(np.where(allowed, np.exp(log_p), 0).sum(1))
    np.testing.assert_allclose(draws.log_weights, exact, atol=3e-7, rtol=0)
    np.testing.assert_allclose(
        draws.log_probs, log_p[np.arange(6), draws.tokens], atol=3e-7, rtol=1e-7
    )


@pytest.mark.parametrize("size", [200, 32_000, 151_936])
@pytest.mark.parametrize("share", [None, 0.5, 1e-4])
def test_log_weights_of_tempered_draws_do_not_drift(size, share):
    """log p·φ/q, with q the tempered proposal; rows at temperature 1 among the others, too."""
    rng = np.random.default_rng(6)
    logits = torch.from_numpy(rng.normal(0, 2, (6, size)).astype(np.float32)) + 30.0
    allowed = np.ones((6, size), bool) if share is None else rng.random((6, size)) < share
    allowed[:, 17] = True
    mask = None if share is None else pack_mask(allowed)
    hot = np.array([0.7, 1.0, 0.1, 3.0, 1.0, 0.7])
    draws = draw_rows(logits, one_each(6, mask=mask, temperature=hot))
    log_p = logits.double().log_softmax(-1).numpy()
    tempered = torch.from_numpy(np.where(allowed, log_p / hot[:, None], -np.inf))
    log_q = tempered.log_softmax(-1).numpy()
    at = np.arange(6), draws.tokens
    assert allowed[at].all()
    np.testing.assert_allclose(draws.log_probs, log_p[at], atol=1e-6, rtol=1e-7)
    exact = (log_p - log_q)[at]
    np.testing.assert_allclose(draws.log_weights, exact, atol=2e-5, rtol=1e-6)
    cold = hot == 1
    np.testing.assert_allclose(draws.log_weights[cold], exact[cold], atol=3e-7, rtol=0)


@pytest.mark.parametrize("level", [0.0, 1e3, 1e4, -1e4, 1e6])
@pytest.mark.parametrize("size", [40, 3000])
def test_large_scores_leave_the_logits_their_digits(level, size):
    """Scores that all tokens have in common change the weight, and neither draws nor digits."""
    rng = np.random.default_rng(4)
    logits = torch.from_numpy(rng.normal(0, 2, (5, size)).astype(np.float32))
    scores = np.full((5, size), level, dtype=np.float32)
    scores[:, ::3] += np.float32(8.0)
    allowed = rng.random((5, size)) < 0.7
    mask = pack_mask(allowed)
    draws = draw_rows(logits, one_each(5, mask=mask, log_scores=scores))
    level_draws = draw_rows(logits, one_each(5, mask=mask, log_scores=scores - np.float32(level)))
    np.testing.assert_array_equal(draws.tokens, level_draws.tokens)
    log_p = logits.double().log_softmax(-1).numpy() + scores.astype(np.float64)
    exact = torch.from_numpy(np.where(allowed, log_p, -np.inf)).logsumexp(-1).numpy()
    np.testing.assert_allclose(draws.log_weights, exact, atol=1e-6, rtol=1e-15)


def test_a_large_score_of_one_row_changes_no_other():
    rng = np.random.default_rng(5)
    logits = torch.from_numpy(rng.normal(0, 2, (3, 500)).astype(np.float32))
    scores = rng.normal(0, 1, (3, 500)).astype(np.float32)
    alone = draw_rows(logits, one_each(3, log_scores=scores))
    scores[1] += np.float32(1e4)
    beside = draw_rows(logits, one_each(3, log_scores=scores))
    for field in ("tokens", "log_weights", "log_probs"):
        one, other = getattr(alone, field), getattr(beside, field)
        np.testing.assert_array_equal(one[[0, 2]], other[[0, 2]])


TOKENS = Vocabulary((b"a", None, b"b", None), (3,))


def test_a_table_draws_no_id_that_its_vocabulary_lacks():
    """Id 1 is not text: its mass is not the model's, and the rest is normalised without it."""
    model = smc.TableModel(TOKENS, lambda prefix: (0.3, 0.5, 0.1, 0.1))
    posterior = smc.sample(model, [], num_particles=300, max_tokens=4, seed=0)
    assert {token for s in posterior.sequences for token in s.tokens} <= {0, 2, 3}
    decoding = model.start([[]], TOKENS, 4)
    np.testing.assert_allclose(np.exp(decoding.log_probs()), [[0.6, 0, 0.2, 0.2]], atol=1e-12)
    total = {ids: p for ids, p in model.enumerate(max_tokens=2)}
    assert total == pytest.approx({(3,): 0.2, (0, 3): 0.12, (2, 3): 0.04})


def test_an_id_that_ends_texts_is_no_longer_lacking():
    model = smc.TableModel(TOKENS, lambda prefix: (0.3, 0.5, 0.1, 0.1))
    wider = Vocabulary(TOKENS.tokens, (1, 3))
    decoding = model.start([[]], wider, 4)
    np.testing.assert_allclose(np.exp(decoding.log_probs()), [[0.3, 0.5, 0.1, 0.1]])
    assert not decoding.join(model.start([[]], TOKENS, 4))


@pytest.mark.parametrize("row", [(0.5, 0.5), (0.2, 0.2, 0.2, 0.2, 0.2)])
def test_a_table_of_another_width_says_so(row):
    model = smc.TableModel(TOKENS, lambda prefix: row)
    with pytest.raises(smc.ModelError, match=r"expected \(4,\)"):
        smc.sample(model, [], num_particles=2, max_tokens=3)
