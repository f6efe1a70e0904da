"""The rows of one prompt: what is known of them without reading a whole row."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smc.model import Decoding, DrawRequest, FloatArray, pack_mask
from smc.steps.token_rows import TokenRows
from tests.step_worlds import MODEL, VOCABULARY


@pytest.mark.parametrize("temperature", [0.3, 0.6, 2.5])
def test_normalisers_at_a_temperature_are_those_of_the_whole_row(temperature):
    """Masked and scored, several draws of a row, a row without mass; nothing of size V is read."""
    rows = TokenRows(MODEL, "", 8)
    rows.reach([(), (0,), (1, 2)])
    places = np.array([rows.row(ids) for ids in ((), (), (0,), (0,), (1, 2))])
    allowed = np.ones((3, len(VOCABULARY)), dtype=bool)
    allowed[rows.row((0,)), [0, 4]] = False
    allowed[rows.row((1, 2))] = False
    scores = np.random.default_rng(3).normal(size=(3, len(VOCABULARY))).astype(np.float32)
    uniforms = np.array([0.1, 0.9, 0.2, 0.7, 0.5])
    plan = DrawRequest(places, uniforms, pack_mask(allowed), scores, temperature)
    draws = rows.draw(plan)
    assert len(set(draws.tokens.tolist())) > 2 and draws.tokens[-1] == -1
    decoding, rows._decoding = rows._decoding, Blind(rows._decoding)
    log_normalisers = rows.log_normalisers(plan, draws)
    powered = np.exp(decoding.log_probs() / temperature)
    weighed = (powered * allowed * np.exp(scores)).sum(-1) / powered.sum(-1)
    assert log_normalisers[-1] == -math.inf
    np.testing.assert_allclose(log_normalisers[:-1], np.log(weighed[places[:-1]]), atol=1e-5)


class Blind:
    """A decoding that draws, and shows nobody a whole row."""

    def __init__(self, decoding: Decoding | None) -> None:
        assert decoding is not None
        self.advance, self.draw = decoding.advance, decoding.draw

    def log_probs(self) -> FloatArray:
        raise AssertionError("a whole row was read")
