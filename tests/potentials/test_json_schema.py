"""JSON schemas as token masks, against the `jsonschema` package."""

import json
import random
import re
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import jsonschema
import numpy as np
import pytest

from potentials import MaskLimits
from potentials.grammar.json_schema import JSONSchema
from potentials.grammar.matchers import GrammarState
from smc.errors import GrammarError, PotentialError
from smc.model import unpack_mask
from tests.potentials.masking import mask_of, vocabulary_of
from tests.potentials.random_schemas import orders, random_schema, random_value

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


def complete(potential: JSONSchema, text: str) -> bool:
    return potential.complete(potential.advance(potential.start(), text.encode())) == 0.0


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


def test_a_name_in_disguise_does_not_slip_past_the_schema() -> None:
    potential = JSONSchema({"type": "object", "properties": {"a": {"type": "integer"}}})
    assert complete(potential, '{"a":1,"b":"x"}')
    assert not complete(potential, '{"a":1,"\\u0061":"x"}')
    assert not complete(potential, '{"b":1,"b":2}')
    bound = potential.bind(VOCABULARY)
    assert not mask_of(bound, b'{"a":1,"\\u0061":"x"}', VOCABULARY).any()
    assert mask_of(bound, b'{"a":1,"b":"x"}', VOCABULARY)[VOCABULARY.eos_ids[0]]


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


REPEATS = vocabulary_of(
    [bytes([b]) for b in range(32, 127)]
    + [
        b'a"',
        b'"a"',
        b'a":',
        b'"a":1',
        b',"a":1',
        b'a":1,"a"',
        b'"b":2,"b":',
        b'":1,"a":',
        b'{"a":1,"a":2',
    ]
)


@pytest.mark.parametrize(
    ("text", "banned"),
    [
        (b'{"a":1,"a', [b'"']),
        (b'{"a":1,"', [b'a"', b'a":', b'a":1,"a"']),
        (b'{"a":1,', [b'"a"', b'"a":1', b'"b":2,"b":']),
        (b'{"a":1', [b',"a":1', b',"a":1']),
        (b'{"', [b'a":1,"a"']),
        (b'{"a', [b'":1,"a":']),
        (b"[", [b'{"a":1,"a":2']),
        (b'{"a":{"a":1', []),
        (b'[{"a":1},{"', [b'a":1,"a"']),
    ],
)
def test_no_token_begins_a_name_that_the_object_has(text: bytes, banned: list[bytes]) -> None:
    mask = mask_of(JSONSchema(True).bind(REPEATS), text, REPEATS)
    tokens = [t for t in REPEATS.tokens if t]
    potential = JSONSchema(True)
    for token, allowed in zip(tokens, mask.tolist(), strict=False):
        viable = potential.prefix(potential.advance(potential.start(), text + token)) == 0.0
        assert allowed == viable, token
        assert not (allowed and token in banned), token


def test_names_that_a_pattern_bounds_are_not_used_up() -> None:
    bounded = {"type": "object", "patternProperties": {"^[a-z]{1,3}$": {"type": "null"}}}
    potential = JSONSchema({**bounded, "additionalProperties": False}).bind(REPEATS)
    allowed = [
        REPEATS.tokens[i] for i in np.flatnonzero(mask_of(potential, b'{"ab":null,"a', REPEATS))
    ]
    assert b"b" in allowed and b'"' in allowed and b'a"' in allowed
    allowed = [
        REPEATS.tokens[i] for i in np.flatnonzero(mask_of(potential, b'{"abc":null,"ab', REPEATS))
    ]
    assert b"c" not in allowed and b"d" in allowed and b'"' in allowed
    few = {"type": "object", "patternProperties": {"^(x|yy)$": {"type": "null"}}}
    potential = JSONSchema({**few, "additionalProperties": False}).bind(REPEATS)
    assert mask_of(potential, b'{"x":null', REPEATS)[REPEATS.tokens.index(b",")]
    assert not mask_of(potential, b'{"yy":null', REPEATS)[REPEATS.tokens.index(b",")]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "minProperties": 3, "maxProperties": 2},
        {
            "properties": {"a": {}},
            "additionalProperties": False,
            "minProperties": 2,
            "type": "object",
        },
        {
            "$ref": "#/$defs/x",
            "$defs": {"x": {"type": "array", "items": {"$ref": "#/$defs/x"}, "minItems": 1}},
        },
        {"type": "object", "properties": {"a": False}, "required": ["a"]},
        {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "boolean"}},
        {"type": "string", "pattern": "^aa", "maxLength": 1},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"type": "string", "enum": [1]},
        {"not": {}},
    ],
)
def test_schemas_without_a_sentence_are_refused(schema: Any) -> None:
    with pytest.raises(GrammarError, match="no document at all is valid"):
        JSONSchema(schema)


def test_what_only_some_branches_could_end_is_pruned() -> None:
    dead_end = {"type": "object", "properties": {"n": {"$ref": "#/anyOf/0"}}, "required": ["n"]}
    potential = JSONSchema({"anyOf": [dead_end, {"const": {"n": 1}}]}).bind(VOCABULARY)
    assert not mask_of(potential, b'{"n":', VOCABULARY)[TOKENS.index(b"{")]


def test_what_pydantic_writes_is_carried() -> None:
    cat = {
        "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}},
        "required": ["kind"],
    }
    dog = {
        "properties": {"kind": {"const": "dog"}, "age": {"type": "number"}},
        "required": ["kind"],
    }
    schema = {
        "$defs": {"Cat": {"type": "object", **cat}, "Dog": {"type": "object", **dog}},
        "type": "object",
        "properties": {
            "pet": {
                "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/$defs/Cat"}},
                "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}],
            },
            "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True},
            "by": {
                "type": "object",
                "propertyNames": {"enum": ["x", "y"]},
                "additionalProperties": {"type": "integer"},
            },
        },
        "required": ["pet"],
    }
    potential = JSONSchema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for document in (
        {"pet": {"kind": "cat", "lives": 9}},
        {"pet": {"kind": "dog", "age": 1.5}, "tags": ["c", "a"], "by": {"x": 1, "y": 2}},
        {"pet": {"kind": "dog", "lives": "many"}, "tags": []},
        {"pet": {"kind": "cow"}},
        {"pet": {"kind": "cat"}, "tags": ["a", "a"]},
        {"pet": {"kind": "cat"}, "by": {"z": 1}},
        {"pet": {"lives": 9}},
    ):
        assert complete(potential, json.dumps(document)) == validator.is_valid(document), document


def test_unknown_formats_are_remarks_with_one_warning() -> None:
    schema = {"type": "array", "items": {"type": "string", "format": "color"}}
    with pytest.warns(UserWarning, match="'color'") as warned:
        potential = JSONSchema(schema)
    assert len(warned) == 1
    assert complete(potential, '["x"]')


def test_the_draft_that_a_schema_names_is_its_own() -> None:
    seven = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"n": {"type": "integer"}},
        "items": [{"$ref": "#/definitions/n", "minimum": 3}],
        "additionalItems": False,
        "dependencies": {"a": ["b"]},
    }
    potential = JSONSchema(seven)
    assert complete(potential, "[1]") and not complete(potential, "[1,2]")
    assert not complete(potential, '{"a":1}')
    four = {"$schema": "http://json-schema.org/draft-04/schema#", "id": "x", "maximum": 3}
    assert not complete(JSONSchema({**four, "exclusiveMaximum": True}), "3")
    assert complete(JSONSchema({**four, "exclusiveMaximum": False}), "3")
    with pytest.raises(GrammarError, match=r"\$schema"):
        JSONSchema({"$schema": "https://example.org/my-dialect"})


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        (
            "date",
            ["2020-02-29", "2000-02-29"],
            ["2021-02-29", "1900-02-29", "2021-04-31", "21-1-1"],
        ),
        ("time", ["23:59:60Z", "08:30:06.1+01:00"], ["22:59:60Z", "24:00:00Z", "08:30:06"]),
        (
            "hostname",
            ["a.b", ".".join(["a" * 49] * 5)],
            [".".join(["a" * 51] * 5), "-a", "a" * 64, ""],
        ),
        ("ipv6", ["::1", "::ffff:192.168.0.1", "1::"], ["12345::", "1:2:3", ":::", "1::2::3"]),
        ("email", ["a.b@c.org"], ['"a b"@c.org', "a..b@c", ".a@c", "a@b@c", "a" * 65 + "@c"]),
        ("ipv4", ["0.0.0.0"], ["256.0.0.1", "01.2.3.4", "1.2.3"]),
        ("duration", ["P1Y2M3DT4H", "P4W"], ["P", "P1YT", "PT1D", "P1Y2W"]),
        ("uuid", ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], ["2eb8aa08aa9811eab4aa73b441d16380"]),
        ("uri", ["http://[::1]:80/a?b#c", "urn:x:y"], ["//a.b", "http:// a", "a:b^c"]),
    ],
)
def test_formats_are_checked_whole(name: str, right: list[str], wrong: list[str]) -> None:
    potential = JSONSchema({"type": "string", "format": name})
    for text in right:
        assert complete(potential, json.dumps(text)), text
    for text in wrong:
        assert not complete(potential, json.dumps(text)), text


def test_depth_is_no_obstacle_or_is_refused() -> None:
    nested: Any = {"type": "integer"}
    for _ in range(3000):
        nested = {"items": nested}
    document = "[" * 2000 + "]" * 2000
    assert complete(JSONSchema({"type": "array"}), document)
    assert complete(JSONSchema(True), '{"a":' * 2000 + "1" + "}" * 2000)
    with pytest.raises(GrammarError, match="nested too deeply"):
        JSONSchema(nested)


@pytest.mark.skipif(
    tuple(map(int, version("llguidance").split(".")[:2])) < (1, 9),
    reason="llguidance before 1.9 knows no negative multiples",
)
def test_multiples_may_be_negative() -> None:
    for schema, right, wrong in (
        ({"type": "integer", "multipleOf": 7}, ["-7", "0", "14", "-70"], ["-6", "8"]),
        ({"multipleOf": 0.5, "minimum": -2}, ["-0.5", "-2", "1.5"], ["-2.5", "0.3"]),
    ):
        potential = JSONSchema(schema)
        assert [t for t in right + wrong if complete(potential, t)] == right


NUMBERS = [
    f"{n}{f}" for n in (-2, -1, 0, 1, 9, 10, 99) for f in ("", ".0", ".5", ".49", ".510", ".01")
]


@pytest.mark.parametrize("low", [None, -1, 0, 0.5, 1, 9.51])
@pytest.mark.parametrize("high", [None, -0.5, 0, 1.01, 10, 99.5])
def test_bounds_are_exact_to_the_last_digit(low: float | None, high: float | None) -> None:
    for inclusive in (True, False):
        ends = {"minimum" if inclusive else "exclusiveMinimum": low}
        ends |= {"maximum" if inclusive else "exclusiveMaximum": high}
        bounds = {name: end for name, end in ends.items() if end is not None}
        expected = {
            text: all(
                {
                    "minimum": value >= Fraction(str(end)),
                    "exclusiveMinimum": value > Fraction(str(end)),
                    "maximum": value <= Fraction(str(end)),
                    "exclusiveMaximum": value < Fraction(str(end)),
                }[name]
                for name, end in bounds.items()
            )
            for text in [*NUMBERS, "-0", "-0.0", "-0.5"]
            for value in [Fraction(text)]
        }
        for kind, schema in (
            ("number", {"type": "number", **bounds}),
            ("integer", {"type": "integer", **bounds}),
            ("fraction", {"type": "number", "not": {"type": "integer"}, **bounds}),
        ):
            right = {
                text: inside
                and not (kind == "integer" and "." in text)
                and not (kind == "fraction" and Fraction(text).denominator == 1)
                for text, inside in expected.items()
            }
            if not any(right.values()):
                continue
            potential = JSONSchema(schema)
            assert {text: complete(potential, text) for text in right} == right, schema


@pytest.mark.parametrize("seed", range(4))
def test_random_schemas_mean_what_jsonschema_says(seed: int) -> None:
    rng = random.Random(seed)
    carried = compared = 0
    for _ in range(60):
        schema = random_schema(rng)
        validator = jsonschema.Draft202012Validator(schema)
        values = [random_value(rng) for _ in range(25)]
        try:
            potential = JSONSchema(schema, whitespace=False)
        except GrammarError as error:
            if "no document at all" in str(error):
                assert not any(map(validator.is_valid, values)), schema
            continue
        carried += 1
        for value in values:
            texts = (json.dumps(v, separators=(",", ":")) for v in orders(value))
            if validator.is_valid(value):
                compared += 1
                assert any(complete(potential, text) for text in texts), (schema, value)
            else:
                assert not complete(potential, next(texts)), (schema, value)
    assert carried >= 30 and compared >= 200


def test_a_pattern_may_look_ahead_where_it_begins() -> None:
    decimal = JSONSchema({"type": "string", "pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"})
    for text in ("1", "-0.5", "+.5", "00"):
        assert complete(decimal, json.dumps(text)), text
    for text in ("", "-", ".", "+-", "1.2.3", "a"):
        assert not complete(decimal, json.dumps(text)), text
    other = JSONSchema({"type": "string", "not": {"pattern": "^(?=a)(?!ab)[a-c]+$"}})
    assert [t for t in ("a", "ab", "ac", "b", "ad") if complete(other, json.dumps(t))] == [
        "ab",
        "b",
        "ad",
    ]
