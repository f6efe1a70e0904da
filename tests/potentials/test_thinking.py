"""The thought-switching penalty, against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

import smc
from potentials.thinking import ThoughtSwitchPenalty
from smc.backends.table import TableModel
from smc.errors import SettingsError
from smc.model import Vocabulary
from tests.exact import estimates, z_scores

TOKENS = (b"on", b" Alternatively", b"alternatively", b" alter", None)
VOCABULARY = Vocabulary(TOKENS, (4,))
PROBS = (0.3, 0.2, 0.15, 0.1, 0.25)
MODEL = TableModel(VOCABULARY, lambda prefix: PROBS)
SWITCHES = (1, 2)


def definition(ids: tuple[int, ...], penalty: float, duration: int) -> float:
    """log of exp(−α · switch tokens at a position t < Ψ + β), Ψ the last thought's first token."""
    total, began = 0.0, 0
    for t, token in enumerate(ids):
        if token in SWITCHES:
            total -= penalty if t < began + duration else 0.0
            began = t
    return total


def read(potential: ThoughtSwitchPenalty, ids: tuple[int, ...]):
    state = potential.start()
    for token in ids:
        state = potential.advance(state, TOKENS[token] or b"")
    return state


@pytest.mark.parametrize("duration", [0, 1, 2, 3, 600])
def test_scores_are_the_papers_change_of_the_logits(duration):
    potential = ThoughtSwitchPenalty(penalty=3.0, duration=duration).bind(VOCABULARY)
    rng = np.random.default_rng(1)
    for _ in range(50):
        ids = tuple(rng.choice(4, size=rng.integers(0, 7)).tolist())
        scores = potential.token_scores([read(potential, ids)]).log_scores
        assert scores is not None
        for token in range(4):
            change = definition((*ids, token), 3.0, duration) - definition(ids, 3.0, duration)
            assert scores[0, token] == pytest.approx(change)
        assert scores[0, 4] == 0


def test_the_value_is_the_sum_of_the_penalties():
    potential = ThoughtSwitchPenalty(penalty=2.0, duration=2).bind(VOCABULARY)
    for ids in ((1, 1, 1), (0, 0, 1), (0, 1, 0, 0, 1), (3, 2)):
        assert potential.complete(read(potential, ids)) == definition(ids, 2.0, 2)


def test_a_longer_piece_is_read_as_its_longest_tokens():
    potential = ThoughtSwitchPenalty(duration=2).bind(VOCABULARY)
    piece = b"onon alternatively Alternatively"
    state = potential.advance(potential.start(), piece)
    # " alter" is a token, so " alternatively" is read as " alter" and what is left of it.
    assert state.log_value == 0
    assert potential.advance(potential.start(), b"on Alternatively").log_value == -3.0


def test_without_a_correction_it_is_a_logit_processor():
    """Sampled as the paper does: p(v) exp(−α) / normaliser, and no weights."""
    runs = 4000
    potential = ThoughtSwitchPenalty(penalty=1.5, duration=600)
    posterior = smc.sample(
        MODEL, "", [potential], num_particles=runs, max_tokens=2, method="lcd", seed=3
    )
    assert np.all(posterior.log_weights == posterior.log_weights[0])
    first = np.array([s.tokens[0] for s in posterior.sequences])
    raw = np.array(PROBS) * np.where(np.isin(np.arange(5), SWITCHES), math.exp(-1.5), 1.0)
    for token, p in enumerate(raw / raw.sum()):
        # The draws of equal prefixes are evenly spread, so this error is an upper bound.
        assert abs(np.mean(first == token) - p) < 4 * math.sqrt(p * (1 - p) / runs)


def test_with_weights_it_is_the_global_target():
    factors = [ThoughtSwitchPenalty(penalty=1.0, duration=2)]
    gamma: dict[str, float] = {}
    for ids, p in MODEL.enumerate(3):
        text = b"".join(TOKENS[i] or b"" for i in ids[:-1]).decode()
        gamma[text] = gamma.get(text, 0.0) + p * math.exp(definition(ids[:-1], 1.0, 2))
    runs = 1500
    posteriors = smc.sample_batch(
        MODEL, [""] * runs, [factors] * runs, num_particles=3, max_tokens=3, at_max_tokens="end",
        seeds=np.random.SeedSequence(4).generate_state(runs).tolist(),
    )  # fmt: skip
    texts = list(gamma)
    found = estimates(iter(posteriors), texts)
    often = (found > 0).sum(axis=0) >= 25
    exact = np.array([gamma[t] for t in texts])
    assert np.abs(z_scores(found[:, often], exact[often])).max() < 4
    assert often.sum() > 5


def test_it_keeps_the_laws_of_potentials():
    smc.check_potential(
        ThoughtSwitchPenalty(duration=2), ["on", "onon Alternatively"], vocabulary=VOCABULARY
    )


def test_switch_tokens_are_found_whatever_their_case_and_space():
    potential = ThoughtSwitchPenalty(duration=5).bind(VOCABULARY)
    scores = potential.token_scores([potential.start()]).log_scores
    assert scores is not None
    assert np.flatnonzero(scores[0]).tolist() == list(SWITCHES)


def test_token_ids_may_be_given():
    potential = ThoughtSwitchPenalty(token_ids=[3]).bind(VOCABULARY)
    scores = potential.token_scores([potential.start()]).log_scores
    assert scores is not None
    assert np.flatnonzero(scores[0]).tolist() == [3]
    with pytest.raises(SettingsError, match="outside"):
        ThoughtSwitchPenalty(token_ids=[9]).bind(VOCABULARY)


def test_words_that_are_no_tokens_are_an_error_that_says_so():
    with pytest.raises(SettingsError, match="token_ids="):
        ThoughtSwitchPenalty(switches=("however",)).bind(VOCABULARY)


@pytest.mark.parametrize(
    "changes",
    [{"penalty": -1.0}, {"penalty": math.inf}, {"duration": -1}, {"switches": ()},
     {"switches": "alternatively"}, {"switches": ("",)}],
    ids=str,
)  # fmt: skip
def test_bad_settings_are_refused(changes):
    with pytest.raises(SettingsError):
        ThoughtSwitchPenalty(**changes)


def test_the_defaults_are_the_papers():
    potential = ThoughtSwitchPenalty()
    assert (potential.penalty, potential.duration) == (3.0, 600)
