"""Biases and penalties on tokens, against enumeration of token sequences.

As in `test_exactness`: z = 4, seeds fixed before the first look.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import smc
from potentials import after_mark
from potentials.token_bias import TokenBias
from smc.engine import run
from smc.errors import SettingsError
from tests.exact import (
    MAX_TOKENS,
    MODEL,
    VOCABULARY,
    AfterB,
    Judge,
    NoTripleA,
    estimates,
    largest_z,
)
from tests.test_exactness import Z, problems, settings

SEED = 20_619
RUNS = 2000
HITS = 25
BIASES = {
    "bias": TokenBias({0: 0.8, 2: -1.1}),
    "presence": TokenBias(presence=0.9),
    "frequency": TokenBias(frequency=-0.6),
    "all": TokenBias({1: -0.5}, presence=-0.4, frequency=0.7),
}


def log_phi(of, ids):
    """By definition."""
    total = 0.0
    for place, token in enumerate(ids):
        if token not in VOCABULARY.eos_ids:
            before = ids[:place].count(token)
            total += of.bias.get(token, 0.0)
            total -= of.presence * (before > 0) + of.frequency * before
    return total


def worst_z(potential, of, chosen, factors, seed=SEED):
    """Over all texts, of unbiased estimates of γ; `of` says what γ is."""
    gamma: dict[str, float] = {}
    for ids, prob in MODEL.enumerate(MAX_TOKENS, truncated=chosen.at_max_tokens == "cut"):
        text = b"".join(VOCABULARY.tokens[i] or b"" for i in ids).decode()
        log_value = log_phi(of, ids) + sum(smc.potential.log_complete(f, text) for f in factors)
        if prob * math.exp(log_value) > 0:
            gamma[text] = gamma.get(text, 0.0) + prob * math.exp(log_value)
    posteriors = run(MODEL, problems([potential, *factors], seed, RUNS), chosen)
    found = estimates(iter(posteriors), list(gamma))
    return largest_z(found, np.array(list(gamma.values())), HITS)


def factors():
    judge = Judge()
    judge.boundary = AfterB()
    return [NoTripleA(), judge]


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize("name", BIASES)
def test_unbiased(name, how):
    chosen = settings(at_max_tokens=how, ess_threshold=0.7)
    assert worst_z(BIASES[name], BIASES[name], chosen, factors()) < Z


def test_control_tokens_of_the_same_bytes_count_apart():
    """ "ab" is one token, or two that may come before."""

    class Spelt(TokenBias):
        def advance_token(self, state, token):
            return self.advance(state, VOCABULARY.tokens[token])

        def advance(self, state, new_bytes):
            for byte in new_bytes:
                state = super().advance_token(state, {97: 0, 98: 1}[byte])
            return state

    wrong = Spelt(presence=0.9)
    assert worst_z(wrong, BIASES["presence"], settings(ess_threshold=0.7), factors()) > Z


def test_one_particle_draws_as_the_sampler_of_logits_does():
    """Its steps are p · exp(−price), normalised: here of a second token that is the first again."""
    model = smc.TableModel.constant({"a": 0.5, "b": 0.5}, eos=0.0)
    texts = [
        smc.sample(model, "", [TokenBias(presence=1.0)], num_particles=1, max_tokens=2, seed=s).best
        for s in range(800)
    ]
    repeated = sum(t[0] == t[1] for t in texts) / len(texts)
    expected = math.exp(-1) / (1 + math.exp(-1))
    assert abs(repeated - expected) < 4 * math.sqrt(expected * (1 - expected) / len(texts))


def test_scores_are_ratios_of_prefixes():
    bound = BIASES["all"].bind(VOCABULARY)
    for ids in ((), (0,), (1, 1), (2, 0, 2, 2)):
        state = bound.start()
        for token in ids:
            state = bound.advance_token(state, token)
        (row,) = bound.token_scores([state]).log_scores
        assert bound.prefix(state) == pytest.approx(log_phi(bound, ids))
        for token in range(3):
            after = bound.prefix(bound.advance_token(state, token))
            assert row[token] == pytest.approx(after - bound.prefix(state))
        assert row[3] == row[4] == 0 and bound.complete(state) == bound.prefix(state)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TokenBias({0: math.nan}),
        lambda: TokenBias(presence=math.inf),
        lambda: TokenBias({99: 1.0}).bind(VOCABULARY),
        lambda: TokenBias({3: 1.0}).bind(VOCABULARY),
        lambda: after_mark(TokenBias({0: 1.0}), "a"),
    ],
    ids=["NaN", "infinite", "unknown", "an end", "behind a mark"],
)
def test_what_cannot_be_is_refused(make):
    with pytest.raises(SettingsError):
        make()
