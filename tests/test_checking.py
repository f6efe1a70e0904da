"""check_potential passes lawful potentials and finds each kind of fault."""

import math

import numpy as np
import pytest

import smc
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
    ],
)
def test_each_fault_is_found(faulty, message):
    with pytest.raises(AssertionError, match=message):
        smc.check_potential(faulty(), EXAMPLES)
