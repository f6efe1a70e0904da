"""Constraints between marks: the laws by brute force, and the target by enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import smc
from potentials import Grammar, Regex
from potentials.language_model import likelihood
from potentials.marks import MarkedMask, after_mark, between
from smc.engine import run
from smc.model import Vocabulary
from smc.potential import log_complete
from smc.weights import log_sum_exp
from tests.engine.test_last_slot import PROPOSALS
from tests.exact import (
    MODEL,
    Alternation,
    Judge,
    NoTripleA,
    SoftLength,
    estimates,
    target,
    z_scores,
)
from tests.test_exactness import Z, problems, settings

SEED = 20_302
TOKENS = ["a", "b", "ab", "ba", "<", ">", "<>", "a<", "<>a", ">b", "a<>b<", "><"]
VOCABULARY = Vocabulary((*(t.encode() for t in TOKENS), b"\xc3", b"\xa9", None, None), (14, 15))
EXAMPLES = ["", "ab<>ba", "a<>b<>a", "<a<>ab<<>b", "<>aaab<>", "bb<>aab<", "<><><>", "é<>é<>bé"]


def parts(text, begin, end):
    """By definition: the parts, and whether each is closed."""
    found = []
    while begin in text:
        text = text.partition(begin)[2]
        if end is None or end not in text:
            return [*found, text]
        part, _, text = text.partition(end)
        found.append(part)
    return found


def definition(factor, text, begin, end, required):
    found = parts(text, begin, end)
    if required and not found:
        return -math.inf
    return sum(log_complete(factor, part) for part in found)


class Soft(smc.TokenPotential[bytes]):
    """Finite scores and hard zeros that depend on all of the text; "bb" never ends a text."""

    def start(self):
        return b""

    def advance(self, state, new_bytes):
        return state + new_bytes

    def bind(self, vocabulary):
        bound = type(self)()
        bound.vocabulary = vocabulary
        return bound

    def prefix(self, state):
        return -math.inf if b"aaa" in state or b"<b" in state else -0.3 * len(state) + 0.7

    def complete(self, state):
        return -math.inf if state.endswith(b"bb") else self.prefix(state) + state.count(b"<")

    def token_scores(self, states):
        rows = np.full((len(states), len(self.vocabulary)), -np.inf, dtype=np.float32)
        for row, s in zip(rows, states, strict=True):
            for v, new in enumerate(self.vocabulary.tokens):
                if v in self.vocabulary.eos_ids:
                    row[v] = self.complete(s) - self.prefix(s)
                elif new:
                    row[v] = self.prefix(s + new) - self.prefix(s)
        return smc.TokenScores(log_scores=rows)


FACTORS = {
    "regex": Regex(r"(ab|é|a<)*b?"),
    "grammar": Grammar('start: ("a" | "b" "<" | "é")*'),
    "soft": Soft(),
    "mask": NoTripleA(),
    "opaque": Judge(),
    "incremental": Alternation(),
}
MARKS = [
    ("<>", None),
    ("<>", "<>"),
    ("a", "<>"),
    ("<", ">"),
    ("ab", "aab"),
    ("b", "bba"),
    ("é", "é"),
]


@pytest.mark.parametrize("required", [True, False], ids=["required", "free"])
@pytest.mark.parametrize(("begin", "end"), MARKS)
@pytest.mark.parametrize("name", FACTORS)
def test_laws_and_definition(name, begin, end, required):
    """Law 5 is by brute force over a vocabulary whose tokens straddle both marks."""
    factor = FACTORS[name]
    wrapped = (
        after_mark(factor, begin, required=required)
        if end is None
        else between(factor, begin, end, required=required)
    )
    assert isinstance(wrapped, MarkedMask) == isinstance(factor, smc.TokenPotential)
    smc.check_potential(wrapped, EXAMPLES, vocabulary=VOCABULARY)
    rng = np.random.default_rng(3)
    texts = ["".join(rng.choice(list("ab<>é"), rng.integers(9))) for _ in range(150)]
    for text in (*EXAMPLES, *texts):
        expected = definition(factor, text, begin, end, required)
        assert log_complete(wrapped, text) == pytest.approx(expected), text


@pytest.mark.parametrize("name", ["regex", "grammar", "mask"])
def test_a_mask_stays_a_mask_and_lets_no_particle_into_a_dead_end_at_the_mark(name):
    wrapped = between(FACTORS[name], "<", ">").bind(VOCABULARY)
    state = wrapped.advance(wrapped.start(), b"b<")
    assert wrapped.token_scores([wrapped.start(), state]).mask is not None


@pytest.mark.parametrize(
    ("proposal", "how", "begin", "end"),
    [
        ("local", "cut", "b", None),
        ("local", "end", "b", None),
        ("local", "cut", "b", "ba"),
        ("local", "end", "ab", "a"),
        ("hot", "cut", "b", "ba"),
        ("rejection", "end", "ab", "a"),
        ("draft", "cut", "b", None),
    ],
)
def test_unbiased(proposal, how, begin, end):
    """z = 4, the seed fixed before the first look."""
    make = [
        after_mark(f, begin) if end is None else between(f, begin, end, required=False)
        for f in (NoTripleA(), SoftLength(), Alternation())
    ]
    assert worst_z(make, settings(at_max_tokens=how, proposal=PROPOSALS[proposal])) < Z


def worst_z(factors, chosen, runs=3000):
    gamma = target(factors, at_max_tokens=chosen.at_max_tokens)
    found = estimates(iter(run(MODEL, problems(factors, SEED, runs), chosen)), list(gamma))
    exact = np.array(list(gamma.values()))
    rare = (found > 0).sum(axis=0) < 80  # their weights are far from normal
    columns = np.column_stack([found[:, ~rare], found[:, rare].sum(axis=1), found.sum(axis=1)])
    means = np.concatenate([exact[~rare], [exact[rare].sum(), exact.sum()]])
    return float(np.abs(z_scores(columns, means)).max())


def test_control_a_token_that_ends_the_mark_is_not_read_to_its_end(monkeypatch):
    after = MarkedMask._after

    def first_byte(self, state, token):
        new = self._vocabulary.tokens[token]
        return after(self, state, token) if len(new) == 1 else self.advance(state, new[:-1])

    monkeypatch.setattr(MarkedMask, "_after", first_byte)
    with pytest.raises(AssertionError, match="ratio of prefixes"):
        smc.check_potential(after_mark(Soft(), "a"), EXAMPLES, vocabulary=VOCABULARY)


def test_control_what_may_be_a_mark_is_taken_for_content(monkeypatch):
    monkeypatch.setattr(MarkedMask, "_reach", lambda *_: None)
    with pytest.raises(AssertionError, match="ratio of prefixes"):
        smc.check_potential(between(Soft(), "<", ">"), EXAMPLES, vocabulary=VOCABULARY)


def test_without_the_mark_a_text_has_no_end_where_it_is_required():
    model = smc.TableModel.constant({"a": 0.5, "|": 0.2}, eos=0.3)
    for required in (True, False):
        wrapped = after_mark(Regex("a{2}"), "|", required=required)
        found = smc.sample(model, "", [wrapped], num_particles=200, max_tokens=30, seed=2)
        texts = found.probabilities()
        assert all(t.partition("|")[2] == "aa" for t in texts if "|" in t)
        assert any("|" not in t for t in texts) is not required


def test_probability_of_all_texts_with_an_answer():
    """Ẑ is exact where nothing is random but the thinking: Σ over all texts by hand."""
    model = smc.TableModel.constant({"a": 0.4, "|": 0.2, "b": 0.2}, eos=0.2)
    wrapped = after_mark(Regex("b"), "|")
    exact = log_sum_exp(np.array([p for _, p in _answers(model, "b")]))
    found = [
        smc.sample(
            model, "", [wrapped], num_particles=50, max_tokens=5, at_max_tokens="end", seed=s
        ).log_evidence
        for s in range(60)
    ]
    ratios = np.exp(np.array(found) - exact)
    assert abs(ratios.mean() - 1) < Z * ratios.std(ddof=1) / math.sqrt(len(ratios))


def _answers(model, answer):
    for ids, p in model.enumerate(5):
        text = b"".join(model.vocabulary.tokens[i] or b"" for i in ids).decode()
        if "|" in text and text.partition("|")[2] == answer:
            yield text, math.log(p)


def test_parts_by_definition():
    assert parts("xx<a>yy<b", "<", ">") == ["a", "b"]
    assert parts("a<>b<>c", "<>", None) == ["b<>c"]
    assert list(itertools.chain(parts("none", "<", ">"))) == []


def test_bad_arguments_are_refused():
    for make in (
        lambda: after_mark(Judge(), ""),
        lambda: between(Judge(), "a", ""),
        lambda: after_mark("Judge", "a"),  # type: ignore[arg-type]
        lambda: after_mark(likelihood(MODEL, ()), "a"),
    ):
        with pytest.raises(smc.SettingsError, match="marks"):
            make()
