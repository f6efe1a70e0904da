"""What a run shows of itself between two tokens."""

from __future__ import annotations

import numpy as np
import pytest

import smc
from smc.engine import Problem, Run
from smc.engine.batch import _in_place
from smc.settings import Settings
from tests.models import byte_level_tokenizer, tiny_model


class NoA(smc.Potential):
    def prefix(self, text):
        return float("-inf") if "a" in text else 0.0


class Nothing(smc.Potential):
    def prefix(self, text):
        return float("-inf")


@pytest.fixture(scope="module")
def model():
    tokenizer = byte_level_tokenizer()
    return smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)


def run(model, *potentials, stop=("e",), **settings):
    problems = [
        Problem("the cat", p, np.random.default_rng(seed)) for seed, p in enumerate(potentials)
    ]
    engine = Run(model)
    assert engine.add_all(problems, Settings(num_particles=12, **settings), stop) == [0, 1]
    return engine


def test_texts_and_unfinished_are_those_of_the_posteriors(model):
    engine = run(model, [], [NoA()], max_tokens=12)
    seen_unfinished, seen_ended = set(), False
    while engine.running:
        engine.step()
        for index, posterior in enumerate(engine.posteriors()):
            live = np.isfinite(posterior.log_weights)
            kept = [s for s, alive in zip(posterior.sequences, live, strict=True) if alive]
            ended = {(s.text, s.finished or s.truncated) for s in kept}
            assert set(engine.texts(index)) == ended
            assert len(engine.texts(index)) == len(set(engine.texts(index)))
            unfinished = any(not (s.finished or s.truncated) for s in kept)
            assert (index in engine.unfinished()) == unfinished
            seen_ended |= any(s.finished for s in kept) and unfinished
        seen_unfinished.add(engine.unfinished())
    assert engine.unfinished() == frozenset()
    assert len(seen_unfinished) > 1 and seen_ended, "the problems should not end at once"


def test_a_problem_that_is_dead_at_the_empty_text_is_finished(model):
    engine = run(model, [Nothing()], [], max_tokens=4)
    assert engine.unfinished() == {1}
    assert engine.texts(0) == []


def test_a_removed_problem_is_gone_at_once(model):
    engine = run(model, [], [], max_tokens=12, stop=())
    engine.step()
    tokens = engine.posterior(1).num_tokens
    engine.remove(0)
    assert engine.unfinished() == {1}
    with pytest.raises(KeyError):
        engine.posterior(0)
    engine.step()
    assert engine.posterior(1).num_tokens == tokens + 12
    assert len(engine.posteriors()) == 1


def test_rows_stay_where_they_are_as_far_as_they_can():
    """Otherwise a backend would move the cache of all that stand behind one that goes."""
    rng = np.random.default_rng(4)
    for _ in range(200):
        parents = np.sort(rng.integers(0, 10, rng.integers(1, 12))).tolist()
        order = _in_place(parents)
        assert sorted(order) == list(range(len(parents)))
        kept = {i for i, n in enumerate(order) if parents[n] == i}
        assert kept == {p for p in parents if p < len(parents)}
