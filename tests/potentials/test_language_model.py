"""Language models as potentials, against enumeration of token sequences.

As in `test_exactness`: z = 4, seeds fixed before the first look.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import smc
from potentials.language_model import Expert, ModelPotential, contrast, likelihood, mixture
from potentials.language_model.potential import TokenPath
from potentials.language_model.rows import PathRows
from smc.engine import candidates, run
from tests.engine.test_last_slot import DRAFT
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

SEED = 20_291
RUNS = 2000
HITS = 25


@functools.cache
def other_probs(prefix: tuple[int, ...]) -> tuple[float, ...]:
    """Unlike the model's, and another one after every prompt."""
    row = np.random.default_rng([11, len(prefix), *prefix]).gamma((3.0, 6.0, 5.0, 2.0, 3.0))
    return tuple(row / row.sum())


OTHER = smc.TableModel(VOCABULARY, other_probs)
WANTED, UNWANTED = (0, 1), (2,)
POTENTIALS = {
    "product": likelihood(OTHER, WANTED),
    "power": likelihood(MODEL, (), power=1.5),
    "negative power": likelihood(OTHER, WANTED, power=-0.4),
    "contrast": contrast(OTHER, WANTED, UNWANTED, strength=1.3),
    "mixture": mixture(MODEL, (), OTHER, WANTED, share=0.3),
}
FORMULAS = {
    "product": lambda log_p, log_q: log_q(OTHER, WANTED),
    "power": lambda log_p, log_q: 1.5 * log_q(MODEL, ()),
    "negative power": lambda log_p, log_q: -0.4 * log_q(OTHER, WANTED),
    "contrast": lambda log_p, log_q: 1.3 * (log_q(OTHER, WANTED) - log_q(OTHER, UNWANTED)),
    "mixture": lambda log_p, log_q: math.log(
        0.7 + 0.3 * math.exp(log_q(OTHER, WANTED) - log_q(MODEL, ()))
    ),
}


def log_q_of(ids, model, prompt):
    """log q(ids | prompt), where all ends are one event."""
    total = 0.0
    for i, token in enumerate(ids):
        row = model.next_probs((*prompt, *ids[:i]))
        total += math.log(row[3] + row[4] if token in (3, 4) else row[token])
    return total


def target(name, factors, how):
    """γ of every text: the sum over the token sequences that spell it."""
    gamma = {}
    for ids, prob in MODEL.enumerate(MAX_TOKENS, truncated=how == "cut"):
        text = b"".join(VOCABULARY.tokens[i] or b"" for i in ids).decode()
        log_phi = FORMULAS[name](math.log(prob), functools.partial(log_q_of, ids))
        log_phi += sum(smc.potential.log_complete(f, text) for f in factors)
        if prob * math.exp(log_phi) > 0:
            gamma[text] = gamma.get(text, 0.0) + prob * math.exp(log_phi)
    return gamma


def worst_z(name, chosen, factors, seed=SEED):
    gamma = target(name, factors, chosen.at_max_tokens)
    posteriors = run(MODEL, problems([POTENTIALS[name], *factors], seed, RUNS), chosen)
    found = estimates(iter(posteriors), list(gamma))
    return largest_z(found, np.array(list(gamma.values())), HITS)


def factors():
    judge = Judge()
    judge.boundary = AfterB()
    return [NoTripleA(), judge]


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize("name", POTENTIALS)
def test_unbiased(name, how):
    chosen = settings(at_max_tokens=how, ess_threshold=0.7)
    assert worst_z(name, chosen, factors()) < Z


@pytest.mark.parametrize(
    "changes",
    [
        {"resample_at": AfterB(), "ess_threshold": 1.0},
        {"proposal": smc.LocalProposal(temperature=1.7)},
        {"proposal": smc.RejectionProposal()},
        {"proposal": smc.DraftProposal(DRAFT, block=3)},
        {"resample_among": "alike", "ess_threshold": 1.0},
    ],
    ids=str,
)
def test_unbiased_in_the_other_settings(changes):
    assert worst_z("contrast", settings(**changes), factors(), SEED + 1) < Z


def test_control_the_same_bytes_are_other_tokens(monkeypatch):
    """ "ab" is one token or two, after which the other model says different things."""

    def spelt(path):
        return b"".join(VOCABULARY.tokens[i] or b"" for i in path.tokens)

    monkeypatch.setattr(TokenPath, "__eq__", lambda a, b: spelt(a) == spelt(b))
    monkeypatch.setattr(TokenPath, "__hash__", lambda a: hash(spelt(a)))
    assert worst_z("product", settings(ess_threshold=0.7), [], SEED) > Z


def test_control_an_end_is_all_of_its_ids(monkeypatch):
    read = ModelPotential._read

    def half(self, paths):
        read(self, paths)
        for row in self._known.values():
            row[:, self._bound.eos_ids] = np.where(row < 0, row, -9.0)[:, self._bound.eos_ids] - 0.7

    monkeypatch.setattr(ModelPotential, "_read", half)
    assert worst_z("product", settings(ess_threshold=0.7), [], SEED) > 2 * Z


def test_control_a_cut_text_pays_for_no_end(monkeypatch):
    weigh = candidates._weigh_end

    def charged(candidate, proposed):
        weigh(candidate, proposed)
        candidate.log_increments.append(-1.0)

    monkeypatch.setattr("smc.engine.candidates._weigh_end", charged)
    assert worst_z("product", settings(at_max_tokens="cut"), factors(), SEED) > 2 * Z


@pytest.mark.parametrize("how", ["cut", "end"])
def test_a_mixture_has_no_variance(how):
    """Σ_v of the target's conditional is 1, so that all particles weigh alike."""
    found = smc.sample(
        DRAFT, "", [mixture(DRAFT, (), OTHER, WANTED, share=0.3)], num_particles=40, max_tokens=4,
        at_max_tokens=how, seed=3,
    )  # fmt: skip
    assert (np.ptp(found.log_weights) < 1e-5) == (how == "cut")
    assert (found.log_evidence == pytest.approx(0, abs=1e-5)) == (how == "cut")


def test_rows_say_what_the_model_says_however_paths_come_and_go():
    rows = PathRows(OTHER, [WANTED, UNWANTED], VOCABULARY, 8)
    rng = np.random.default_rng(4)
    paths = [()]
    for step in range(40):
        got = np.exp(rows.log_probs(paths))
        for r, path in enumerate(paths):
            for k, prompt in enumerate((WANTED, UNWANTED)):
                assert got[r, k] == pytest.approx(other_probs((*prompt, *path)))
        grown = [(*p, int(rng.integers(3))) for p in paths for _ in range(2)]
        chosen = rng.permutation(len(grown))[:3]
        held = [paths[0]] if step % 3 == 0 else []
        new = [tuple(rng.integers(0, 3, 3).tolist())] if step % 5 == 0 else []
        paths = list(dict.fromkeys([*(grown[i] for i in chosen), *held, *new]))
        paths = [p[:6] for p in paths] if step % 7 else [()]
        paths = list(dict.fromkeys(paths))


class Counting:
    """A model that counts how often it is started, and the rows of each pass."""

    def __init__(self, model):
        self.model, self.started, self.passes = model, 0, []
        self.vocabulary = model.vocabulary

    def start(self, prompts, vocabulary, max_tokens):
        self.started += 1
        decoding, passes = self.model.start(prompts, vocabulary, max_tokens), self.passes
        advance = decoding.advance

        def counted(parents, tokens):
            passes.append(len(parents))
            advance(parents, tokens)

        decoding.advance = counted
        return decoding


def test_rows_of_all_particles_and_prompts_are_one_batch():
    counting = Counting(OTHER)
    potential = contrast(counting, WANTED, UNWANTED)
    posterior = smc.sample(MODEL, "", [potential], num_particles=6, max_tokens=5, seed=1)
    assert counting.started == 1
    assert len(counting.passes) <= len(posterior.history)
    assert max(counting.passes) > 4


def test_another_vocabulary_is_refused():
    alien = smc.TableModel.constant({"a": 0.5, "c": 0.2, "ab": 0.1}, eos=0.2)
    with pytest.raises(smc.VocabularyError, match=r"token 1 is b'b' to the model and b'c' to"):
        smc.sample(MODEL, "", [likelihood(alien, ())], max_tokens=3)


def test_zero_in_the_denominator_is_told():
    hard = smc.TableModel(VOCABULARY, lambda prefix: (0.5, 0.0, 0.2, 0.2, 0.1))
    with pytest.raises(smc.PotentialError, match="probability zero"):
        smc.sample(MODEL, "", [likelihood(hard, (), power=-1.0)], max_tokens=3)
    fine = smc.sample(MODEL, "", [likelihood(hard, ())], max_tokens=3, num_particles=30)
    assert all("b" not in t.replace("ab", "") for t in fine.probabilities())


def test_bad_arguments_are_refused():
    with pytest.raises(smc.SettingsError, match="language model"):
        ModelPotential([Expert("gpt2", "")], lambda p: p)  # type: ignore[arg-type]
    for make in (
        lambda: contrast(OTHER, "", "", strength=-1.0),
        lambda: mixture(MODEL, "", OTHER, "", share=1.0),
        lambda: likelihood(OTHER, "", power=math.inf),
    ):
        with pytest.raises(smc.SettingsError):
            make()
