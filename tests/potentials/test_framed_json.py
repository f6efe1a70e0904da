"""JSON documents between marks: the language, the laws, the target, the slots that are left."""

from __future__ import annotations

import re

import jsonschema
import numpy as np
import pytest

import smc
from potentials import JSONSchema, after_mark
from potentials.grammar.framed_json import FramedJSON
from smc.backends.table import TableModel
from smc.engine import Problem, run
from smc.errors import GrammarError
from smc.settings import Settings
from smc.weights import log_sum_exp

SCHEMA = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": {"$id": name, **arguments}},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for name, arguments in {
            "add": {
                "type": "object",
                "properties": {"n": {"$ref": "#/$defs/small"}},
                "required": ["n"],
                "$defs": {"small": {"type": "integer", "maximum": 9, "minimum": 0}},
            },
            "say": {"type": "object", "additionalProperties": {"type": "boolean"}},
        }.items()
    ]
}
FRAME = {"before": "<c>\n", "after": "\n</c>", "between": "\n<c>\n"}
ADD = '<c>\n{"name": "add", "arguments": {"n": 3}}\n</c>'
SAY = '<c>\n{"name": "say", "arguments": {"a": true, "b": false}}\n</c>'
TWICE = '<c>\n{"name": "say", "arguments": {"a": true, "a": false}}\n</c>'
WRONG = '<c>\n{"name": "add", "arguments": {"n": 33}}\n</c>'


def complete(potential, text):
    return potential.complete(potential.advance(potential.start(), text.encode()))


def test_the_language():
    calls = FramedJSON(SCHEMA, **FRAME)
    for text in (ADD, SAY, f"{ADD}\n{SAY}", f"{SAY}\n{SAY}\n{ADD}"):
        assert complete(calls, text) == 0
        for document in calls.parse(text):
            jsonschema.validate(document["name"], {"enum": ["add", "say"]})
    others = ("", TWICE, WRONG, ADD + ADD, f"{ADD}\n", ADD[:-1], f"{ADD}\n{WRONG}", ADD[4:])
    for text in others:
        assert complete(calls, text) == -np.inf
    single = FramedJSON(SCHEMA, "<c>\n", "\n</c>")
    assert [complete(single, t) for t in (ADD, f"{ADD}\n{SAY}")] == [0, -np.inf]
    for text in ("", ADD[:-1], ADD + ADD, f"{ADD}\n", "<c>\n{"):
        with pytest.raises(ValueError):
            calls.parse(text)
    with pytest.raises(ValueError, match="an end"):
        single.parse(f"{ADD}\n{SAY}")


def test_without_marks_it_is_the_schema():
    bare = FramedJSON({"type": "integer"}, "", "")
    for text in ("12", "-3", "1.5", "x"):
        assert complete(bare, text) == complete(JSONSchema({"type": "integer"}), text)
    assert bare.parse("12") == [12]


def test_a_bare_document_of_another_schema():
    answer = {"type": "object", "properties": {"T1": {"enum": ["r0", "start"]}}}
    either = FramedJSON(SCHEMA, **FRAME, alone=JSONSchema(answer, whitespace=False))
    for text in ('{"T1":"r0"}', '{"T1":"start","b":[1,{"x":2}]}', "{}", f"{ADD}\n{SAY}"):
        assert complete(either, text) == 0
    for text in ("", '{"T1":"r1"}', '{"T1": "r0"}', '{"b":1,"b":2}', ADD + "{}", "{}{}", TWICE):
        assert complete(either, text) == -np.inf
    assert either.parse('{"T1":"r0"}') == [{"T1": "r0"}]
    assert [d["name"] for d in either.parse(f"{ADD}\n{SAY}")] == ["add", "say"]
    smc.check_potential(either, ['{"b":1,"b":2}', '{"T1":"r0"}', ADD[:20]])
    with pytest.raises(GrammarError, match="a mark before"):
        FramedJSON(SCHEMA, "", "|", alone=JSONSchema(True))


def test_the_laws():
    smc.check_potential(FramedJSON(SCHEMA, **FRAME), [ADD, f"{SAY}\n{ADD}"[:60], TWICE, WRONG])


@pytest.mark.parametrize(
    "frame",
    [{"before": "{", "after": ""}, {"before": "", "after": "", "between": "x"}],
    ids=["a mark of JSON", "no marks between"],
)
def test_marks_that_cannot_be_told_from_documents(frame):
    with pytest.raises(GrammarError, match="marks"):
        FramedJSON(True, **frame)


WORDS = {"t": 0.2, "<": 0.2, "[": 0.2, "1": 0.1, ",": 0.05, "]": 0.05, ">": 0.1}
MODEL = TableModel.constant(WORDS, eos=0.1)
TEXTS = {"type": "array", "items": {"const": 1}, "minItems": 1}


def part(required=False):
    return after_mark(FramedJSON(TEXTS, "", ">"), "<", required=required)


def brute_force(slots):
    """By definition: γ of each text of at most so many tokens, its end included."""
    found, texts = {}, {"": 0.0}
    for _ in range(slots):
        for text, log_p in texts.items():
            _, mark, call = text.partition("<")
            if not mark or re.fullmatch(r"\[1(, ?1)*\]>", call):
                found[text] = log_p + np.log(0.1)
        texts = {t + w: log_p + np.log(p) for t, log_p in texts.items() for w, p in WORDS.items()}
    return found


def test_the_target_near_the_end_of_the_slots():
    exact = brute_force(6)
    settings = Settings(num_particles=400, max_tokens=6, at_max_tokens="end")
    posteriors = run(
        MODEL,
        [Problem("", [part()], np.random.default_rng([20_517, i])) for i in range(60)],
        settings,
    )
    evidence = np.exp([p.log_evidence for p in posteriors])
    expected = np.exp(log_sum_exp(np.array(list(exact.values()))))
    error = evidence.std(ddof=1) / np.sqrt(len(evidence))
    assert abs(evidence.mean() - expected) < 4 * error
    for text in ("", "t<[1]>", "<[1]>"):
        share = [np.exp(p.log_evidence) * p.probabilities().get(text, 0.0) for p in posteriors]
        error = np.std(share, ddof=1) / np.sqrt(len(share))
        assert abs(np.mean(share) - np.exp(exact.get(text, -np.inf))) < 4 * error + 1e-12


def test_a_part_that_goes_on_to_the_end_is_narrowed_to_what_fits():
    """Once a call has begun, no particle writes one that is too long for its slots."""

    def deaths(potential, seed):
        (posterior,) = run(
            MODEL,
            [Problem("", [potential], np.random.default_rng(seed))],
            Settings(num_particles=200, max_tokens=9, ess_threshold=0.0),
        )
        return [
            s.text
            for s, w in zip(posterior.sequences, posterior.log_weights, strict=True)
            if w == -np.inf and "<" in s.text[:4]  # which leaves five slots
        ]

    class Unaware(type(part())):  # the control
        def token_scores_within(self, states, slots):
            return super().token_scores_within(states, [None] * len(states))

    control = part()
    control.__class__ = Unaware
    assert not deaths(part(), 5)
    assert deaths(control, 5)
