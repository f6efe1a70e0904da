"""The draw: inverse CDF, normalisers, and rows made to break it."""

import math

import numpy as np
import pytest
import torch

import smc
from smc.backends import draws
from smc.backends.draws import draw_rows
from smc.model import DrawRequest, pack_mask


def plan(rows, uniforms, **rest):
    return DrawRequest(
        np.asarray(rows, dtype=np.int64), np.asarray(uniforms, dtype=np.float64), **rest
    )


def reference(logits, plan):
    """The same draws by float64 NumPy, one at a time."""
    logits = logits.double().numpy()
    tokens, log_weights = [], []
    for row, u in zip(plan.rows, plan.uniforms, strict=True):
        log_p = logits[row] - np.logaddexp.reduce(logits[row])
        log_phi = np.zeros_like(log_p)
        if plan.mask is not None:
            bits = np.unpackbits(plan.mask[row].view(np.uint8), bitorder="little")
            log_phi = np.where(bits[: len(log_p)] == 1, 0.0, -np.inf)
        if plan.log_scores is not None:
            log_phi = log_phi + plan.log_scores[row]
        log_q = log_p / plan.temperature + log_phi
        log_q -= np.logaddexp.reduce(log_q)
        token = int(np.searchsorted(np.exp(log_q).cumsum(), u, side="right"))
        tokens.append(token)
        log_weights.append(log_p[token] + log_phi[token] - log_q[token])
    return np.array(tokens), np.array(log_weights)


@pytest.mark.parametrize("size", [5, 255, 256, 257, 1000])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scored", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.6, 2.0])
def test_draws_equal_the_float64_reference(size, masked, scored, temperature):
    rng = np.random.default_rng(11)
    logits = torch.from_numpy(rng.normal(0, 3, (4, size)).astype(np.float32))
    mask = pack_mask(rng.random((4, size)) < 0.5) if masked else None
    scores = rng.normal(0, 1, (4, size)).astype(np.float32) if scored else None
    asked = plan(
        rng.integers(0, 4, 200),
        rng.random(200),
        mask=mask,
        log_scores=scores,
        temperature=temperature,
    )
    tokens, log_weights = reference(logits, asked)
    draws = draw_rows(logits, asked)
    log_p = logits.double().log_softmax(-1).numpy()[asked.rows, draws.tokens]
    np.testing.assert_allclose(draws.log_probs, log_p, atol=2e-5)
    # A uniform within rounding of a step of the CDF may fall on the neighbour.
    same = draws.tokens == tokens
    assert same.mean() >= 0.99
    np.testing.assert_allclose(draws.log_weights[same], log_weights[same], atol=2e-5)


def test_extreme_uniforms_never_return_a_token_without_mass():
    below_one = np.nextafter(1.0, 0.0)
    for size in (7, 256, 1000):
        for massive in ([0], [size - 1], [3, size // 2], [1, 2, size - 2]):
            logits = torch.full((1, size), -math.inf)
            logits[0, massive] = torch.linspace(-80.0, 0.0, len(massive))
            draws = draw_rows(logits, plan([0] * 4, [0.0, 1e-300, 0.5, below_one]))
            assert set(draws.tokens.tolist()) <= set(massive)
            np.testing.assert_allclose(draws.log_weights, 0.0, atol=1e-6)


def test_allowed_tokens_far_below_the_peak_keep_their_digits():
    """Mass 1e-60 of the row: gone in float32 unless taken relative to its own peak."""
    logits = torch.zeros(1, 300)
    logits[0, 10] = math.log(1e60)
    allowed = np.zeros((1, 300), dtype=bool)
    allowed[0, [20, 30]] = True
    logits[0, 30] = math.log(3.0)
    asked = plan([0] * 4, [0.1, 0.2, 0.3, 0.9], mask=pack_mask(allowed))
    draws = draw_rows(logits, asked)
    assert draws.tokens.tolist() == [20, 20, 30, 30]
    np.testing.assert_allclose(draws.log_weights, math.log(4.0) - math.log(1e60), rtol=1e-6)


def test_a_row_without_mass_returns_minus_one_and_its_neighbours_do_not():
    logits = torch.zeros(2, 40)
    allowed = np.zeros((2, 40), dtype=bool)
    allowed[1, 5] = True
    draws = draw_rows(logits, plan([0, 1], [0.5, 0.5], mask=pack_mask(allowed)))
    assert draws.tokens.tolist() == [-1, 5]
    assert draws.log_weights[0] == -math.inf
    assert draws.log_weights[1] == pytest.approx(-math.log(40), abs=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_not_numbers_raise(bad):
    logits = torch.zeros(2, 10)
    logits[1, 3] = bad
    with pytest.raises(smc.ModelError, match=r"rows \[1\]"):
        draw_rows(logits, plan([0, 1], [0.5, 0.5]))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_log_scores_that_are_not_numbers_raise(bad):
    scores = np.zeros((1, 10), dtype=np.float32)
    scores[0, 2] = bad
    with pytest.raises(smc.PotentialError, match="NaN or \\+inf"):
        draw_rows(torch.zeros(1, 10), plan([0], [0.5], log_scores=scores))


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_proposal_temperature_must_be_positive(bad):
    with pytest.raises(smc.SettingsError, match="temperature"):
        smc.LocalProposal(temperature=bad)


def test_a_row_is_drawn_from_as_if_it_were_alone():
    """Bit by bit, whatever the other rows have: scores, temperatures, masks that leave little."""
    rng = np.random.default_rng(15)
    size, count = 700, 12
    logits = torch.from_numpy(rng.normal(0, 4, (count, size)).astype(np.float32))
    allowed = rng.random((count, size)) < 0.5
    allowed[3] = logits[3].numpy() < -14  # next to no mass
    allowed[4] = False
    scores = rng.normal(0, 1, (count, size)).astype(np.float32)
    scores[rng.random(count) < 0.5] = 0
    hot = rng.choice([1.0, 0.6, 2.0], count)
    mask = pack_mask(allowed)
    asked = plan(
        rng.integers(0, count, 300),
        rng.random(300),
        mask=mask,
        log_scores=scores,
        temperature=hot,
    )
    together = draw_rows(logits, asked)
    for m, (row, u) in enumerate(zip(asked.rows, asked.uniforms, strict=True)):
        own = plan(
            [0],
            [u],
            mask=mask[[row]],
            log_scores=scores[[row]] if scores[row].any() else None,
            temperature=float(hot[row]),
        )
        alone = draw_rows(logits[[row]], own)
        assert alone.tokens[0] == together.tokens[m]
        assert alone.log_weights[0] == together.log_weights[m]


def test_a_part_of_a_plan_is_a_plan_of_its_own():
    rng = np.random.default_rng(16)
    logits = torch.from_numpy(rng.normal(0, 2, (6, 40)).astype(np.float32))
    whole = plan(
        rng.integers(0, 6, 50),
        rng.random(50),
        mask=pack_mask(rng.random((6, 40)) < 0.7),
        log_scores=rng.normal(0, 1, (6, 40)).astype(np.float32),
        temperature=rng.choice([1.0, 0.5], 6),
    )
    drawn = draw_rows(logits, whole)
    for rows in ([4, 1], [2], [], [0, 1, 2, 3, 4, 5]):
        which, part = whole.part(np.asarray(rows, dtype=np.int64))
        assert which.tolist() == [m for m, r in enumerate(whole.rows) if r in rows]
        found = draw_rows(logits[rows], part)
        np.testing.assert_array_equal(found.tokens, drawn.tokens[which])
        np.testing.assert_array_equal(found.log_weights, drawn.log_weights[which])


def test_a_few_rows_of_many_are_drawn_from_alone():
    rng = np.random.default_rng(2)
    logits = torch.from_numpy(rng.normal(0, 3, (9, 300)).astype(np.float32))
    mask = pack_mask(rng.random((9, 300)) < 0.5)
    scores = rng.normal(0, 1, (9, 300)).astype(np.float32)
    rows, uniforms = [7, 2, 7], rng.random(3)
    few = draw_rows(logits, plan(rows, uniforms, mask=mask, log_scores=scores))
    among = plan([*range(9), *rows], [*np.zeros(9), *uniforms], mask=mask, log_scores=scores)
    np.testing.assert_array_equal(few.tokens, draw_rows(logits, among).tokens[9:])
    bad = logits.clone()
    bad[7, 0] = torch.nan
    with pytest.raises(smc.ModelError, match=r"rows \[7\]"):
        draw_rows(bad, plan(rows, uniforms))


@pytest.mark.parametrize("rows_at_once", [1, 2, 5])
def test_rows_taken_a_few_at_a_time_draw_the_same(rows_at_once, monkeypatch):
    """Bit by bit, with two rows in the cache; among them one without mass, one with little."""
    rng = np.random.default_rng(4)
    size, count = 700, 9
    logits = torch.from_numpy(rng.normal(0, 4, (count, size)).astype(np.float32))
    allowed = rng.random((count, size)) < 0.5
    allowed[3] = logits[3].numpy() < -14
    allowed[4] = False
    scores = rng.normal(0, 1, (count, size)).astype(np.float32)
    scores[:6] = 0
    rows = rng.permutation([0, 1, 2, 3, 3, 4, 6, 8, 8])  # rows 5 and 7 are not drawn from
    asked = plan(rows, rng.random(9), mask=pack_mask(allowed), log_scores=scores)
    whole = draw_rows(logits, asked)
    monkeypatch.setattr(draws, "_CELLS_IN_CACHE", 2 * size)
    monkeypatch.setattr(draws, "_CELLS_AT_ONCE", rows_at_once * size)
    few = draw_rows(logits, asked)
    np.testing.assert_array_equal(few.tokens, whole.tokens)
    np.testing.assert_array_equal(few.log_weights, whole.log_weights)
    np.testing.assert_array_equal(few.log_probs, whole.log_probs)
    assert ((few.tokens < 0) == (rows == 4)).all()
