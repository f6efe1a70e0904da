"""JSON schemas as token masks, against the `jsonschema` package."""

import json
import random
import re
from typing import Any

import jsonschema
import numpy as np
import pytest

from potentials import MaskLimits
from potentials.grammar.json_schema import JSONSchema
from potentials.grammar.matchers import GrammarState
from smc.errors import GrammarError, PotentialError
from smc.model import unpack_mask
from tests.potentials.masking import complete, mask_of, vocabulary_of

TOKENS = [bytes([b]) for b in range(32, 127)] + [
    b"\n",
    "é".encode(),
    b"\xc3",
    b"\xa9",
    b'":',
    b'",',
    b'": ',
    b'", ',
    b'{"',
    b'"}',
    b"},",
    b"}}",
    b"true",
    b"null",
    b"12",
    b"\\u00",
    b"\\n",
    b"[[",
    b"]]",
    b'"a',
    b'":"',
]
VOCABULARY = vocabulary_of(TOKENS)

LINKED = {
    "$ref": "#/$defs/x",
    "$defs": {
        "x": {
            "type": "object",
            "properties": {"n": {"type": "integer"}, "next": {"$ref": "#/$defs/x"}},
            "additionalProperties": False,
            "required": ["n"],
        }
    },
}
SCHEMAS: dict[str, Any] = {
    "object": {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "minimum": -3},
            "b": {"type": "string", "maxLength": 3},
        },
        "required": ["a"],
    },
    "array": {
        "type": "array",
        "items": {"anyOf": [{"type": "null"}, {"type": "number", "minimum": 0, "maximum": 5}]},
        "minItems": 1,
        "maxItems": 3,
    },
    "sizes": {
        "type": "object",
        "additionalProperties": {"type": "integer"},
        "minProperties": 1,
        "maxProperties": 2,
    },
    "pattern": {"type": "string", "pattern": "^[a-c]{2,4}$"},
    "enum": {"enum": ["x", 1, None, [1, {"a": 2}]]},
    "multiple": {"type": "integer", "multipleOf": 7},
    "names": {
        "type": "object",
        "patternProperties": {"^a": {"type": "integer"}},
        "additionalProperties": False,
    },
    "one of": {"oneOf": [{"type": "integer"}, {"type": "string", "maxLength": 2}]},
    "all of": {"allOf": [{"type": "integer"}, {"minimum": 3}]},
    "recursive": LINKED,
    "beside a reference": {"$ref": "#/$defs/x", "minimum": 3, "$defs": {"x": {"type": "integer"}}},
    "tuple": {"type": "array", "prefixItems": [{"type": "integer"}], "items": False},
    "interval": {"type": "number", "exclusiveMinimum": 1, "maximum": 2},
    "anything": True,
    "not null": {"type": ["null", "boolean"], "oneOf": [{}, {"enum": [None, True]}]},
}


def drawn(potential: JSONSchema, rng: random.Random, tries: int) -> list[str]:
    """Documents drawn from the masks, closing brackets preferred."""
    bound = potential.bind(VOCABULARY)
    documents = []
    for _ in range(tries):
        state = bound.start()
        for _ in range(60):
            scores = bound.token_scores([state])
            assert scores.mask is not None
            ids = np.flatnonzero(unpack_mask(scores.mask, len(VOCABULARY))[0]).tolist()
            end = VOCABULARY.eos_ids[0]
            if end in ids and (ids == [end] or rng.random() < 0.5):
                documents.append(state.text.decode())
                break
            ids = [i for i in ids if i != end]
            assert ids, f"nothing can follow {state.text!r}"
            liking = [6 if TOKENS[i][:1] in b'}]"' else 1 for i in ids]
            state = bound.advance(state, TOKENS[rng.choices(ids, liking)[0]])
    return documents


@pytest.mark.parametrize("whitespace", [None, True, False])
@pytest.mark.parametrize("name", SCHEMAS)
def test_whatever_the_masks_let_end_is_valid(name: str, whitespace: bool) -> None:
    schema = SCHEMAS[name]
    documents = drawn(JSONSchema(schema, whitespace=whitespace), random.Random(1), 40)
    assert len(documents) >= 10
    for text in documents:
        jsonschema.validate(json.loads(text), schema, jsonschema.Draft202012Validator)
        if not whitespace:
            assert "\n" not in text
        if whitespace is False:
            assert " " not in re.sub(r'"(\\.|[^"\\])*"', "", text)


def test_documents_in_and_out_of_a_schema() -> None:
    potential = JSONSchema(SCHEMAS["object"], whitespace=True)
    for text in ('{"a":1}', '{ "a" : -3 ,\n"b": "xyz"}', '{"a":1,"c":[1,"x"]}'):
        assert complete(potential, text), text
    for text in ('{"a":-4}', '{"b":"x"}', '{"a":"1"}', '{"a":1,"b":"wxyz"}', '{"a":1', "1", ""):
        assert not complete(potential, text), text


def test_the_same_text_as_the_schema() -> None:
    assert complete(JSONSchema(json.dumps(SCHEMAS["tuple"])), "[3]")
    assert not complete(JSONSchema(json.dumps(SCHEMAS["tuple"])), "[3,4]")


def test_separators_without_white_space_are_the_only_spelling() -> None:
    value = {"n": 1, "next": {"n": 2}}
    python = JSONSchema(LINKED, whitespace=False, item_separator=", ", key_separator=": ")
    compact = JSONSchema(LINKED, whitespace=False)
    assert complete(python, json.dumps(value)) and not complete(compact, json.dumps(value))
    short = json.dumps(value, separators=(",", ":"))
    assert complete(compact, short) and not complete(python, short)


def test_fixed_parts_keep_every_way_to_spell_them() -> None:
    schema = {
        "type": "object",
        "properties": {"null": {"const": None}},
        "required": ["null"],
        "additionalProperties": False,
    }
    bound = JSONSchema(schema, whitespace=False).bind(VOCABULARY)
    allowed = [TOKENS[i] for i in np.flatnonzero(mask_of(bound, b"", VOCABULARY))]
    assert allowed == [b"{", b'{"']
    allowed = [TOKENS[i] for i in np.flatnonzero(mask_of(bound, b'{"', VOCABULARY))]
    assert allowed == [b"n", b"null"]


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "integer", "minimun": 1}, "#/minimun"),
        ({"properties": {"a": {"nullable": True}}}, "#/properties/a/nullable"),
        ({"not": {"uniqueItems": True}}, "#/not/uniqueItems"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "uniqueItems": True, "items": {"type": "number"}}, "uniqueItems"),
        ({"dependentRequired": {"a": "b"}}, "dependentRequired"),
        (
            {"unevaluatedProperties": False, "anyOf": [{"properties": {"a": {}}}]},
            "depends on the document",
        ),
        ({"multipleOf": 123456789}, "multiples of 123456789"),
        ({"type": "array", "items": [{}]}, "#/items"),
        ({"anyOf": 3}, "#/anyOf"),
        ({"properties": {"a": 3}}, "#/properties/a"),
        ({"oneOf": [{"type": "integer"}, {"type": "integer"}]}, "no document at all"),
        ({"type": "string", "format": "idn-email"}, "idn-email"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
        ({"type": "integer", "minimum": 3, "maximum": 1}, "minimum"),
        ({"enum": []}, "empty"),
        ({"type": "intger"}, "intger"),
        ({"$ref": "https://example.org/x"}, "example.org"),
        ({"minLength": "a"}, "minLength"),
        (False, "False"),
        ("{", "JSON"),
        (3, "3"),
    ],
)
def test_what_is_not_enforced_or_not_satisfiable_is_refused(schema: Any, named: str) -> None:
    with pytest.raises(GrammarError, match=named):
        JSONSchema(schema)


def test_a_number_longer_than_python_reads_is_still_a_number() -> None:
    assert complete(JSONSchema({"items": {"type": "integer"}}), f"[{'7' * 5000}]")
    assert complete(JSONSchema({"type": "object"}), '{"a":' + "7" * 5000 + "}")


def test_remarks_are_no_constraints() -> None:
    remarks = {"title": "t", "description": "d", "default": 3, "examples": [1], "$comment": "c"}
    assert complete(JSONSchema({**remarks, "type": "integer"}), "5")


def test_fuel_that_cannot_suffice_raises_wherever_text_is_read_and_spoils_nothing() -> None:
    schema = {"type": "string", "pattern": r"^(\S+\s+){0,60}\S+$", "maxLength": 1000}
    tight = JSONSchema(schema, limits=MaskLimits(step_lexer_fuel=10_000))
    bound = tight.bind(VOCABULARY)
    dear = GrammarState(json.dumps(" ".join(f"word{n}" for n in range(55))).encode())
    for potential in (tight, bound):
        for ask in (potential.prefix, potential.complete):
            with pytest.raises(PotentialError, match="step_lexer_fuel"):
                ask(dear)
            assert ask(GrammarState(b'"a b"')) == 0.0
    with pytest.raises(PotentialError, match="step_lexer_fuel"):
        bound.token_scores([dear])
    assert mask_of(bound, b'"a b"', VOCABULARY)[VOCABULARY.eos_ids[0]]


def test_white_space_is_what_json_dumps_writes() -> None:
    potential = JSONSchema(LINKED)
    value = {"n": 1, "next": {"n": 2}}
    assert complete(potential, json.dumps(value))
    assert complete(potential, json.dumps(value, separators=(",", ":")))
    for text in (
        '{ "n":1}',
        '{"n":1 }',
        '{"n":  1}',
        '{"n" :1}',
        '{"n":1}\n',
        json.dumps(value, indent=1),
    ):
        assert not complete(potential, text), text
        assert complete(JSONSchema(LINKED, whitespace=True), text.strip()), text


def test_names_and_texts_are_spelled_with_and_without_escapes() -> None:
    schema = {"properties": {"é": {"const": "ü\U0001f600"}, "n": {"pattern": "^[é-ü\\n]+$"}}}
    potential = JSONSchema({**schema, "type": "object", "additionalProperties": False})
    value = {"é": "ü\U0001f600", "n": "é\nü"}
    for ascii_only in (True, False):
        assert complete(potential, json.dumps(value, ensure_ascii=ascii_only))
    assert not complete(potential, '{"\\u00e9":"x"}')
    free = JSONSchema({"type": "object"})
    assert not complete(free, '{"é":1,"\\u00e9":2}')
    assert not complete(free, '{"\\u00e9":1,"é":2}')
    assert complete(free, '{"\\u00e9":1,"e":2}')


def test_depth_is_no_obstacle_or_is_refused() -> None:
    nested: Any = {"type": "integer"}
    for _ in range(3000):
        nested = {"items": nested}
    document = "[" * 2000 + "]" * 2000
    assert complete(JSONSchema({"type": "array"}), document)
    assert complete(JSONSchema(True), '{"a":' * 2000 + "1" + "}" * 2000)
    with pytest.raises(GrammarError, match="nested too deeply"):
        JSONSchema(nested)
