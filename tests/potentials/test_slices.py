"""Slices make masks cheaper, and leave every bit of them as it is."""

from __future__ import annotations

import random

import numpy as np
import pytest

from potentials.grammar import llguidance
from potentials.grammar.grammar import Grammar
from potentials.grammar.json_schema import JSONSchema
from potentials.grammar.mask_potential import MaskPotential
from potentials.grammar.slices import CODE, TEXT, slices_for
from potentials.sql import Schema, schema_grammar
from smc.model import Vocabulary, unpack_mask

DDL = "CREATE TABLE users (id INTEGER, name TEXT); CREATE TABLE orders (user_id INTEGER)"
SQL = schema_grammar(Schema.from_ddl(DDL))
NAMES = 'start: NAME ("." NAME)* ";"\nNAME: /[A-Za-z_][A-Za-z0-9_]*/\n%ignore " "\n'
CASES = {
    "sql": (SQL, "SELECT T1.name AS n, 'it''s é' FROM users AS T1 WHERE name_x = \"a b\""),
    "names": (NAMES, "ab. c_d .E9;"),
    "json": ({"type": "object"}, '{"a key":["é\\u00e9 \\"q\\" 日本",1.5,{"b":null}]}'),
    "sized": ({"type": "string", "maxLength": 30}, '"some words, é\\n and 日本"'),
}


def vocabulary() -> Vocabulary:
    """Return bytes, pieces of words with and without a space before them, and odd ones."""
    rng = random.Random(0)
    pieces = ["select", "name", "users", "the", "T1", "_id", "x9", "9x", "é", "日本", "', '", '":"']
    pieces += ["  ", "\n", "\t\n", '"]', "(*", ") ", " =", "\\n", '\\"', "''", ", ", ".name", '"}']
    texts = {"".join(rng.choices(pieces, k=rng.randint(1, 3))) for _ in range(1500)}
    texts |= {" " + t for t in texts} | {t.upper() for t in texts}
    tokens = [*(bytes([b]) for b in range(256)), *(t.encode() for t in sorted(texts)), None]
    return Vocabulary(tuple(tokens), (len(tokens) - 1,))


def masks(potential: MaskPotential, text: str, vocab: Vocabulary) -> np.ndarray:
    """Return the masks after every beginning of a text."""
    bound = potential.bind(vocab)
    data = text.encode()
    states = [bound.advance(bound.start(), data[:n]) for n in range(len(data))]
    mask = bound.token_scores(states).mask
    assert mask is not None
    return mask


def potential_of(case: str) -> MaskPotential:
    language = CASES[case][0]
    return Grammar(language) if isinstance(language, str) else JSONSchema(language)


@pytest.mark.parametrize("case", CASES)
def test_masks_are_those_without_slices(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vocab, text = vocabulary(), CASES[case][1]
    sliced = masks(potential_of(case), text, vocab)
    monkeypatch.setattr(llguidance, "slices_for", lambda _source: ())
    assert np.array_equal(sliced, masks(potential_of(case), text, vocab))
    allowed = unpack_mask(sliced, len(vocab)).sum(axis=1)
    assert allowed.max() > 200 and allowed.min() < 300


def test_intricate_lexemes_have_slices_of_their_own() -> None:
    assert slices_for(Grammar(SQL)._translated.llguidance) == CODE
    assert slices_for(Grammar(NAMES)._translated.llguidance) == TEXT
