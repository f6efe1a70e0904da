"""Stop strings against enumeration: one target, whatever tokens, masks, boundaries and methods.

Most tests tell the engine every sequence of tokens once and compare its weights with γ itself, so
that nothing is left to chance. Where chance is part of what is tested: z = 4, and seeds fixed
before the first look.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import smc
from potentials import Grammar, JSONSchema, Regex
from potentials.boundaries import every
from smc.engine import Problem, run
from smc.engine.stop_strings import StopReading, StopStrings
from smc.engine.stop_tokens import stop_table
from smc.model import Vocabulary
from smc.settings import METHODS, Settings
from tests.exact import AfterB, estimates, with_boundary, z_scores
from tests.stop_worlds import (
    MODEL,
    VOCABULARY,
    Letters,
    NeverHash,
    NoHash,
    Scored,
    Soft,
    SomeHash,
    target,
    weighed,
)

Z = 4.0
SEED = 20_281
STOPS = {
    "two": ("##",),
    "three": ("#b#",),
    "several": ("##", "#ba"),
    "overlapping": ("a#a", "##b"),
    "one and two": ("b", "##"),
    "within": ("aab", "a#"),
}
FACTORS = {
    "opaque": lambda: [NeverHash(), Letters()],
    "mask": lambda: [NoHash()],
    "mask with hash": lambda: [SomeHash()],
    "soft": lambda: [Soft()],
    "all": lambda: [SomeHash(), Soft(), Letters()],
    "two masks": lambda: [SomeHash(), NoHash(), NeverHash()],
}


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("stops", STOPS)
def test_every_sequence_of_tokens_weighs_what_its_final_text_does(stops, factors, how):
    expected = target(STOPS[stops], FACTORS[factors](), at_max_tokens=how)
    found = weighed(STOPS[stops], FACTORS[factors](), at_max_tokens=how)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("stops", STOPS)
def test_so_does_every_longer_sequence(stops):
    factors = FACTORS["all"]()
    expected = target(STOPS[stops], factors, at_max_tokens="cut", max_tokens=4)
    found = weighed(STOPS[stops], factors, at_max_tokens="cut", max_tokens=4)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize(
    "changes",
    [
        {"boundary": AfterB()},
        {"boundary": every(2)},
        {"boundary": AfterB(), "resample_at": AfterB()},
        {"expensive": "end"},
    ],
    ids=str,
)
def test_so_it_does_wherever_boundaries_are(changes, how):
    changes = dict(changes)
    boundary = changes.pop("boundary", None)
    factors = [with_boundary(f, boundary) for f in (NeverHash(), Letters())]
    expected = target(("##", "#ba"), [*factors, SomeHash()], at_max_tokens=how)
    found = weighed(("##", "#ba"), [*factors, SomeHash()], at_max_tokens=how, **changes)
    assert found == pytest.approx(expected, rel=1e-5)


def reading(marks, text):
    """Where a text ends, or which end of it may be the beginning of a mark, by trying all."""
    for size in range(len(text) + 1):
        ends = [size - len(m) for m in marks if text[:size].endswith(m)]
        if ends:
            return min(ends), True
    begins = {m[:n] for m in marks for n in range(1, len(m))}
    return min((i for i in range(len(text)) if text[i:] in begins), default=len(text)), False


def test_reading_token_by_token_finds_what_reading_at_once_does():
    rng = np.random.default_rng(SEED)
    marks = ("aab", "ba", "«»", "abaa")
    stops = StopStrings(marks)
    for _ in range(2000):
        text = "".join(rng.choice(list("aab«»"), 12)).encode()
        raw, held = b"", b""
        for byte in text:  # of single bytes the first mark to be whole is the first to begin, too
            released, held, ends = stops.read(held, bytes([byte]))
            raw += released
            if ends:
                break
        at, ended = reading([m.encode() for m in marks], text)
        assert (raw, ends) == (text[:at], ended)


def test_the_first_of_those_that_a_token_completes_counts():
    stops = StopStrings(("bc", "abcd"))
    assert stops.read(b"", b"xabcde") == StopReading(b"x", b"", True)
    assert stops.read(b"ab", b"c") == StopReading(b"a", b"", True)
    assert stops.read(b"", b"xab") == StopReading(b"x", b"ab", False)
    assert not StopStrings(("a", "\n")).beginnings and not StopStrings(())


@pytest.mark.parametrize("expensive", ["boundaries", "end"])
@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
def test_one_evidence_for_all(boundary, expensive):
    """p = (.4 a, .4 #, .2 EOS), no "#" in the text, stop "##": as a mask, and asked anywhere."""
    model = smc.TableModel.constant({"a": 0.4, "#": 0.4}, eos=0.2)

    class Without(smc.Potential):
        def prefix(self, text):
            return -math.inf if "#" in text else 0.0

    class Masked(Scored):
        def prefix(self, state):
            return -math.inf if b"#" in state else 0.0

    for potential in (with_boundary(Without(), boundary), Masked()):
        found = weighed(
            ("##",),
            [potential],
            model=model,
            max_tokens=4,
            at_max_tokens="end",
            expensive=expensive,
        )
        assert sum(found.values()) == pytest.approx(0.5488, rel=1e-5)


PROPOSALS = {
    "hot": smc.LocalProposal(temperature=1.7),
    "rejection": smc.RejectionProposal(),
    "draft": smc.DraftProposal(smc.TableModel(VOCABULARY, lambda prefix: (1 / 7,) * 7), block=3),
}


def worst_z(expected, factors, settings, stops=("##", "#ba"), runs=1200):
    """The largest |z| over all texts that are hit often, the others together, and Ẑ."""
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(SEED).spawn(runs)]
    posteriors = run(MODEL, [Problem("", factors, rng) for rng in rngs], settings, stop=stops)
    found, exact = estimates(iter(posteriors), list(expected)), np.array(list(expected.values()))
    rare = (found > 0).sum(axis=0) < 25
    columns = np.column_stack([found[:, ~rare], found[:, rare].sum(axis=1), found.sum(axis=1)])
    means = np.concatenate([exact[~rare], [exact[rare].sum(), exact.sum()]])
    return float(np.abs(z_scores(columns, means)).max())


@pytest.mark.parametrize("how", ["cut", "end"])
@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
@pytest.mark.parametrize("name", PROPOSALS)
def test_every_proposal_is_unbiased(name, boundary, how):
    factors = [SomeHash(), with_boundary(NeverHash(), boundary)]
    settings = Settings(
        num_particles=4,
        max_tokens=4,
        at_max_tokens=how,
        ess_threshold=0.9,
        proposal=PROPOSALS[name],
    )
    expected = target(("##", "#ba"), factors, at_max_tokens=how, max_tokens=4)
    assert worst_z(expected, factors, settings) < Z


@pytest.mark.parametrize("method", ["gis", "is", "gsmc", "smc"])
def test_every_weighted_method_is_unbiased(method):
    factors = [Soft(), Letters()]
    counted = factors[:1] if method.startswith("g") else factors
    fixed = {"num_particles": 4, "max_tokens": 4, "at_max_tokens": "cut"}
    settings = Settings(**(fixed | dict(METHODS[method])))
    expected = target(("##", "#ba"), counted, at_max_tokens="cut", max_tokens=4)
    assert worst_z(expected, factors, settings) < Z


@pytest.mark.parametrize("method", ["lcd", "rerank"])
def test_without_correction_no_text_is_outside_the_target(method):
    expected = target(("##", "#ba"), [SomeHash()], at_max_tokens="cut", max_tokens=4)
    posterior = smc.sample(
        MODEL, "", [SomeHash()], method=method, num_particles=300, max_tokens=4,
        at_max_tokens="cut", stop=("##", "#ba"), seed=SEED,
    )  # fmt: skip
    alive = {
        s.text for s, w in zip(posterior.sequences, posterior.log_weights, strict=True) if w == 0
    }
    assert alive <= expected.keys() and any("#" in text for text in alive)


def test_no_particle_goes_into_a_stop_string_that_may_not_be_one():
    """Every path is let through to its end: a mask refuses "#" after "b", and all behind "##"."""
    stops = ("##",)
    posterior = smc.sample(
        MODEL, "", [NoHash()], num_particles=200, max_tokens=40, stop=stops, seed=SEED,
        ess_threshold=0.0,
    )  # fmt: skip
    assert np.isfinite(posterior.log_weights).all()
    assert all(s.text == "" or s.text.endswith("a") for s in posterior.sequences)


def test_a_token_that_holds_back_is_no_new_text_to_a_potential():
    asked = []

    class Watch(smc.Potential):
        def prefix(self, text):
            asked.append(text)
            return 0.0

    model = smc.TableModel.constant({"a": 0.3, "\n": 0.5}, eos=0.2)
    smc.sample(model, "", [Watch()], num_particles=40, max_tokens=6, stop=("\n\n\n",), seed=1)
    assert len(asked) == len(set(asked)) + len({t for t in asked if asked.count(t) > 1})
    assert not any(t.startswith("\n\n\n") for t in asked)


def test_a_character_in_single_bytes_may_begin_a_stop_string():
    """ "«" and "»" share their first byte, which alone is held back."""
    vocabulary = Vocabulary((b"a", b"\xc2", b"\xab", b"\xbb", None), (4,))
    model = smc.TableModel(vocabulary, lambda prefix: (0.3, 0.3, 0.15, 0.15, 0.1))

    class NoQuotes(smc.Potential):
        def prefix(self, text):
            return -math.inf if set(text) - {"a", "»"} else 0.0

    class Quotes(smc.TokenPotential[bytes]):
        """A mask of "a" and "»", byte by byte."""

        def start(self):
            return b""

        def advance(self, state, new_bytes):
            return state + new_bytes

        def prefix(self, state):
            rest = state.replace("»".encode(), b"").replace(b"a", b"")
            return 0.0 if rest == b"" or (rest == state[-1:] == b"\xc2") else -math.inf

        def complete(self, state):
            return -math.inf if state.endswith(b"\xc2") else self.prefix(state)

        def token_scores(self, states):
            nexts = [[self.advance(s, t) for t in vocabulary.tokens[:4]] for s in states]
            rows = [
                [*map(self.prefix, n), self.complete(s)] for n, s in zip(nexts, states, strict=True)
            ]
            return smc.TokenScores(mask=smc.model.pack_mask(np.array(rows) > -np.inf))

    for how in ("cut", "end"):
        opaque = weighed(("«",), [NoQuotes()], model=model, at_max_tokens=how)
        masked = weighed(("«",), [Quotes()], model=model, at_max_tokens=how)
        assert masked == pytest.approx({t: g for t, g in opaque.items() if "\ufffd" not in t})
        assert masked["»"] > 0 and masked["a"] > 0


def test_a_regular_expression_ends_before_blank_lines():
    tokens = (b" ", b"1", b"2", b"12", b"\n", b"\n\n", b"2\n", b"x", b".\n\n", None)
    rng = np.random.default_rng(SEED)
    row = tuple(rng.dirichlet(np.ones(len(tokens))))
    model = smc.TableModel(Vocabulary(tokens, (9,)), lambda prefix: row)
    number = Regex(" [0-9]{1,3}")
    expected = target(("\n\n",), [number], at_max_tokens="cut", model=model, max_tokens=5)
    problems = [Problem("", [number], rng) for rng in map(np.random.default_rng, range(200))]
    settings = Settings(num_particles=20, max_tokens=5, ess_threshold=0.0, at_max_tokens="cut")
    posteriors = run(model, problems, settings, stop=("\n\n",))
    for (
        posterior
    ) in posteriors:  # a mask leads nobody astray; only the end of the slots is too soon
        pairs = zip(posterior.sequences, posterior.log_weights, strict=True)
        assert all(s.truncated for s, w in pairs if w == -np.inf)
    evidence = [math.exp(p.log_evidence) for p in posteriors]
    error = np.std(evidence, ddof=1) / math.sqrt(len(evidence))
    assert abs(np.mean(evidence) - sum(expected.values())) < Z * error


PIECES = (b"1", b"a", b"c", b" ", b'"', b"}", b",", b":", b"{")
LANGUAGES = {
    "regex": (
        lambda: Regex(" ([0-9]{1,3}|[ab]*c)"),
        (b"", b" ", b" a", b" 12", b" 123", b" c", b"x"),
    ),
    "object": (
        lambda: JSONSchema(
            {"type": "object", "additionalProperties": {"type": ["integer", "null"]}}
        ),
        (b"", b"{", b'{"a": 1', b'{"a": 1, ', b'{"a": 1, "a": ', b'{"a": 1}', b'{"c'),
    ),
    "document": (lambda: JSONSchema({}), (b"", b'"', b"1", b'{"a": ', b'"a"', b"nul", b"[1")),
    "grammar": (
        lambda: Grammar('start: "a" (" " NAME)*\nNAME: /[ac]+1?/'),
        (b"", b"a", b"a c", b"a ac1"),
    ),
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_grammar_says_where_a_text_may_end_as_it_does_of_whole_texts(name):
    make, starts = LANGUAGES[name]
    bound = make().bind(VOCABULARY)
    texts = [b"".join(t) for n in range(4) for t in itertools.product(PIECES, repeat=n)]
    some = 0
    for start in starts:
        state = bound.advance(bound.start(), start)
        bound.token_scores([state])  # leaves a matcher there, as a step does
        found = list(bound.complete_after(state, texts))
        assert found == list(bound.batch_complete([bound.advance(state, t) for t in texts]))
        some += found.count(0.0)
    assert some > 0


def test_a_table_lists_few_tokens():
    table = stop_table(VOCABULARY.ending_with(("##",)), ("##",))
    named = lambda tokens: {VOCABULARY.tokens[i] for i in tokens.ids.tolist()}  # noqa: E731
    assert named(table.inside()) == {b"#", b"a#", b"b##a"}
    assert named(table.behind(b"#")) == {b"#", b"#b"}


# Negative controls: each fault must be found by the very check that the engine passes.


def found_and_expected(factors, how="cut"):
    expected = target(("##",), factors, at_max_tokens=how)
    return weighed(("##",), factors, at_max_tokens=how), pytest.approx(expected, rel=1e-5)


def test_control_half_a_stop_string_that_is_judged(monkeypatch):
    class Eager(StopStrings):
        def __init__(self, strings):
            super().__init__(strings)
            self.beginnings, self._longest = frozenset(), 0
            self._text = b""

    table = stop_table(VOCABULARY.ending_with(("##",)), ("##",))
    monkeypatch.setattr(table, "strings", Eager(("##",)))
    found, expected = found_and_expected([NeverHash()])
    assert found != expected


def test_control_masks_that_know_of_no_stop_strings(monkeypatch):
    monkeypatch.setattr("smc.engine.stop_scores._row", lambda request: None)
    found, expected = found_and_expected([NoHash()])
    assert found != expected


def test_control_tokens_with_a_stop_string_inside_that_are_left_out(monkeypatch):
    table = stop_table(VOCABULARY.ending_with(("##",)), ("##",))
    empty = stop_table(VOCABULARY, ("x",)).inside()
    monkeypatch.setattr(table, "inside", lambda: empty)
    found, expected = found_and_expected([SomeHash()])
    assert found != expected


def test_control_a_beginning_that_is_never_text(monkeypatch):
    monkeypatch.setattr("smc.engine.candidates.released", lambda prefix, _: prefix)
    found, expected = found_and_expected([NeverHash()])
    assert found != expected
