"""JSON schemas: no token leads where a document cannot be finished."""

import random
from typing import Any

import numpy as np
import pytest

from potentials.grammar.json_schema import JSONSchema
from smc.errors import GrammarError
from tests.potentials.masking import complete, mask_of, vocabulary_of
from tests.potentials.test_json_schema import TOKENS, VOCABULARY


def test_a_name_in_disguise_does_not_slip_past_the_schema() -> None:
    potential = JSONSchema({"type": "object", "properties": {"a": {"type": "integer"}}})
    assert complete(potential, '{"a":1,"b":"x"}')
    assert not complete(potential, '{"a":1,"\\u0061":"x"}')
    assert not complete(potential, '{"b":1,"b":2}')
    bound = potential.bind(VOCABULARY)
    assert not mask_of(bound, b'{"a":1,"\\u0061":"x"}', VOCABULARY).any()
    assert mask_of(bound, b'{"a":1,"b":"x"}', VOCABULARY)[VOCABULARY.eos_ids[0]]


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

PIECES = ('"', '":', '":1', ',"', "{", "}", '{"', "a", "é", r"\u00e9", r"\u00e", "9", r"\"", r"\\")
SPELT_FREELY = vocabulary_of(
    [
        *(bytes([b]) for b in b'"\\{},:a0e9\xc3\xa9'),
        'é":1,"é"'.encode(),
        '9":1,"é"'.encode(),
        b'\xa9":1,"\xc3',
    ]
    + ["".join(random.Random(n).choices(PIECES, k=2 + n % 5)).encode() for n in range(90)]
)


def test_names_that_are_spelt_in_another_way_are_not_begun_again() -> None:
    potential = JSONSchema(True)
    bound = potential.bind(SPELT_FREELY)
    tokens = [t for t in SPELT_FREELY.tokens if t]
    rng = random.Random(4)
    texts = [rb'{"\u00e', r'{"é":1,"\u00e9'.encode(), '{"é":1,'.encode(), '{"é'.encode()]
    for _ in range(4):
        state = bound.start()
        for _ in range(8):
            texts.append(state.text)
            allowed = np.flatnonzero(mask_of(bound, state.text, SPELT_FREELY)[: len(tokens)])
            long = [i for i in allowed if len(tokens[i]) > 1] or list(allowed)
            if not long:
                break
            state = bound.advance(state, tokens[rng.choice(long)])
    refused = 0
    for text in dict.fromkeys(texts):
        mask = mask_of(bound, text, SPELT_FREELY)
        state = potential.advance(potential.start(), text)
        longer = [potential.advance(state, token) for token in tokens]
        viable = [value == 0.0 for value in potential.batch_prefix(longer)]
        assert mask[: len(tokens)].tolist() == viable, text
        refused += text.count(b'"') * (len(tokens) - sum(viable)) > 0
    assert refused > 10


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


def test_names_too_long_to_be_counted_are_watched() -> None:
    schema = {"type": "object", "propertyNames": {"maxLength": 5000.0}, "maxProperties": 2.0}
    potential = JSONSchema(schema).bind(REPEATS)
    assert complete(potential, '{"a":1,"b":2}')
    assert not mask_of(potential, b'{"a":1,"a', REPEATS)[REPEATS.tokens.index(b'"')]
    assert not mask_of(potential, b'{"a":1,"b":2', REPEATS)[REPEATS.tokens.index(b",")]
