"""check_potential passes lawful potentials and finds each kind of fault."""

import math

import numpy as np
import pytest

import smc
from smc.model import pack_mask
from tests.exact import VOCABULARY, Alternation, Judge, NoTripleA, SoftLength

EXAMPLES = ["aabab", "bbaa", "aaab", "abababab", ""]


@pytest.mark.parametrize("lawful", [NoTripleA, SoftLength, Alternation, Judge])
def test_lawful_potentials_pass(lawful):
    smc.check_potential(lawful(), EXAMPLES)
    smc.check_potential(lawful(), EXAMPLES, vocabulary=VOCABULARY)


class Resurrects(smc.Potential):
    def prefix(self, text):
        return -math.inf if text.endswith("b") else 0.0


class NotANumber(smc.Potential):
    def complete(self, text):
        return math.nan if len(text) == 3 else 0.0


class BatchDiffers(smc.Potential):
    def batch_complete(self, texts):
        return [float(len(texts))] * len(texts)


class DependsOnSplit(Alternation):
    def advance(self, state, new_bytes):
        last, changes = super().advance(state, new_bytes)
        return last, changes + (len(new_bytes) == 2)


class TokenTooMany(NoTripleA):
    def allows(self, state, token):
        return super().allows(state, token) or state == b"aa"


class MaskOfSoftValues(SoftLength):
    """Its values are those of SoftLength, which a mask cannot say."""

    def token_scores(self, states):
        scores = super().token_scores(states).log_scores
        return smc.TokenScores(mask=pack_mask(scores > -np.inf))


class MaskWithAPrice(NoTripleA):
    """Every text is worth less than the one it goes on from, and the mask does not say so."""

    def prefix(self, state):
        return super().prefix(state) - 0.5 * len(state)

    def complete(self, state):
        return super().complete(state) - 0.5 * len(state)

    def allows(self, state, token):
        if token in self.vocabulary.eos_ids:
            return self.complete(state) > -math.inf
        return self.prefix(self.advance(state, self.vocabulary.tokens[token])) > -math.inf


class Says(smc.Potential):
    """Whatever it is told to."""

    def __init__(self, value):
        self.value = value

    def complete(self, text):
        return self.value(text)


class WrongScore(SoftLength):
    def token_scores(self, states):
        return smc.TokenScores(log_scores=super().token_scores(states).log_scores + np.float32(0.1))


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (Resurrects, "nothing that begins with it"),
        (NotANumber, "expected a log weight"),
        (BatchDiffers, "alone"),
        (DependsOnSplit, "bytes at a time"),
        (TokenTooMany, "ratio of prefixes"),
        (WrongScore, "ratio of prefixes"),
        (MaskOfSoftValues, "ratio of prefixes"),
        (MaskWithAPrice, "ratio of prefixes"),
        (lambda: Says(lambda text: "a" in text), "0.0 or float"),
        (lambda: Says(lambda text: np.bool_("a" in text)), "0.0 or float"),
        (lambda: Says(lambda text: None), "is None"),
        (lambda: Says(lambda text: "-1"), "expected a log weight"),
    ],
)
def test_each_fault_is_found(faulty, message):
    with pytest.raises(AssertionError, match=message):
        smc.check_potential(faulty(), EXAMPLES)


class Probability(smc.Potential):
    def prefix(self, text):
        return 0.0 if "aaa" in text else 0.9 ** text.count("b")


@pytest.mark.parametrize(
    "value", [lambda text: float("aa" not in text), lambda text: 0.5, lambda text: 1],
    ids=["zero and one", "half", "one"],
)  # fmt: skip
def test_probabilities_are_warned_of(value):
    with pytest.warns(UserWarning, match=r"lie in \[0, 1\].*logarithm"):
        smc.check_potential(Says(value), EXAMPLES)
    with pytest.warns(UserWarning, match="Probability: all of its 38 values"):
        smc.check_potential(Probability(), EXAMPLES)


@pytest.mark.parametrize(
    "value",
    [
        lambda text: 0.0,
        lambda text: math.log(0.9) * len(text),
        lambda text: -math.inf if "aaa" in text else 1.0,
        lambda text: np.float32(1.5 * text.count("b")),
    ],
    ids=["neutral", "logarithms", "forbids", "rewards above one"],
)
def test_log_weights_are_not_warned_of(value):
    smc.check_potential(Says(value), EXAMPLES)
