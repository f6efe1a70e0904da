"""JSON schemas: keywords and drafts, one by one and at random, against the `jsonschema` package."""

import json
import random
import re
from fractions import Fraction
from importlib.metadata import version
from itertools import chain, product

import jsonschema
import pytest

from potentials.grammar.json_schema import JSONSchema
from smc.errors import GrammarError
from tests.potentials.masking import complete
from tests.potentials.random_schemas import orders, random_schema, random_value


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
        ("uuid", ["7c1f03d2-5b6e-4a90-8d3f-0e9c2b7a1f64"], ["7c1f03d25b6e4a908d3f0e9c2b7a1f64"]),
        ("uri", ["http://[::1]:80/a?b#c", "urn:x:y"], ["//a.b", "http:// a", "a:b^c"]),
    ],
)
def test_formats_are_checked_whole(name: str, right: list[str], wrong: list[str]) -> None:
    potential = JSONSchema({"type": "string", "format": name})
    for text in right:
        assert complete(potential, json.dumps(text)), text
    for text in wrong:
        assert not complete(potential, json.dumps(text)), text


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


@pytest.mark.parametrize(
    "unit", [0.25, 0.125, 0.75, 0.15, 1.25, 0.375, 0.1, 0.01, 0.5, 2.5, 3, 6.0, 12.5, 1e-2]
)
@pytest.mark.parametrize("bounds", [{}, {"minimum": 0}, {"minimum": 0.3, "maximum": 15.6}])
def test_multiples_are_spelled_as_json_dumps_does(unit: float, bounds: dict[str, float]) -> None:
    potential = JSONSchema({"type": "number", "multipleOf": unit, **bounds})
    low, high = (bounds.get(k, d) for k, d in (("minimum", 0), ("maximum", 20)))
    step = Fraction(str(unit))
    for thousandths in range(0, 16_000, 125):
        value = Fraction(thousandths, 1000)
        text = json.dumps(float(value))
        wanted = value % step == 0 and Fraction(str(low)) <= value <= Fraction(str(high))
        assert complete(potential, text) == wanted, text
        if value.denominator == 1:
            assert complete(potential, json.dumps(int(value))) == wanted, text


def test_an_engine_that_loses_negative_multiples_is_not_asked_for_them(monkeypatch) -> None:
    monkeypatch.setattr("potentials.grammar.schema.numbers.knows_negative_multiples", lambda: False)
    for schema in ({"multipleOf": 7}, {"multipleOf": 7, "minimum": -1}):
        with pytest.raises(GrammarError, match="loses negative multiples"):
            JSONSchema(schema)
    assert complete(JSONSchema({"multipleOf": 7, "minimum": 0}), "14")


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


@pytest.mark.parametrize(
    "source",
    "(^a$)|(^b$) ^(a|b$) (?:^|,)a(?:,|$) (^a|b)c$ (^a|b$)+ (^)*a ^(a|^b)*$ (^a|b){2} (a|$)*b "
    "x^|a$|$a (^|a)(b|$) ((^a)|(b$))c? (^a?)(^b) (a$)(b?$) (^,?|b)+$ ($|a)b [$^]a \\^a\\$ "
    "(^a$|^b$){1,3} (^){3}a".split(),
)
def test_anchors_may_stand_anywhere_in_a_pattern(source: str) -> None:
    """Against Python's `re`, which means the same by them where no line ends."""
    potential = JSONSchema({"type": "string", "pattern": source})
    against = JSONSchema({"type": "string", "not": {"pattern": source}, "maxLength": 3})
    for text in map("".join, chain(*(product("ab,$", repeat=n) for n in range(4)))):
        found = re.search(source, text) is not None
        assert complete(potential, json.dumps(text)) == found, text
        assert complete(against, json.dumps(text)) != found, text


@pytest.mark.parametrize("source", ["a^b", "a$b", "^a$(?!b)", "(^a){9}"])
def test_anchors_that_are_too_much_are_refused(source: str) -> None:
    with pytest.raises(GrammarError, match="there is no exact token mask of it"):
        JSONSchema({"type": "string", "pattern": source})


def test_an_octal_escape_is_no_zero_and_a_digit() -> None:
    with pytest.raises(GrammarError, match="back-reference"):
        JSONSchema({"type": "string", "pattern": "^\\01$"})
    assert complete(JSONSchema({"type": "string", "pattern": "^\\0a$"}), '"\\u0000a"')


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
