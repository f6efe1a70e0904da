"""Every bit of the masks of a small SQL grammar, against an oracle that knows only characters."""

from __future__ import annotations

import random

import numpy as np

from potentials import Grammar
from potentials.grammar.mask_potential import MaskPotential
from smc.model import Vocabulary, unpack_mask
from tests.potentials.earley import Chart, Earley
from tests.potentials.masking import vocabulary_of

SQL = r"""
start: query
query: select | query SET select
select: "SELECT " items " FROM " TABLE (" WHERE " condition)?
items: item ("," item)*
item: COLUMN | "count(*)" | "max(" COLUMN ")"
condition: test | condition " AND " test
test: COLUMN OPERATOR value | COLUMN " IN " "(" query ")"
value: NUMBER | STRING | COLUMN
SET: " UNION " | " UNION ALL "
TABLE: "t" | "tea"
COLUMN: "a" | "ab" | "T.a"
OPERATOR: "=" | "<" | "<="
NUMBER: /[12]+/
STRING: /'(x|'')*'/
"""
ORACLE = Earley(
    {
        "start": [["query"]],
        "query": [["select"], ["query", " UNION ", "select"], ["query", " UNION ALL ", "select"]],
        "select": [
            ["SELECT ", "items", " FROM ", "table"],
            ["SELECT ", "items", " FROM ", "table", " WHERE ", "condition"],
        ],
        "items": [["item"], ["items", ",", "item"]],
        "item": [["column"], ["count(*)"], ["max(", "column", ")"]],
        "condition": [["test"], ["condition", " AND ", "test"]],
        "test": [["column", "operator", "value"], ["column", " IN (", "query", ")"]],
        "value": [["digits"], ["''"], ["'", "letters", "'"], ["column"]],
        "digits": [["1"], ["2"], ["digits", "1"], ["digits", "2"]],
        "letters": [["x"], ["''"], ["letters", "x"], ["letters", "''"]],
        "table": [["t"], ["tea"]],
        "column": [["a"], ["ab"], ["T.a"]],
        "operator": [["="], ["<"], ["<="]],
    }
)
SENTENCES = (
    "SELECT a,ab FROM tea WHERE T.a<=12 AND ab='x''x' UNION ALL SELECT count(*) FROM t",
    "SELECT max(T.a),count(*) FROM t WHERE a IN (SELECT ab FROM t WHERE a=a) AND a<2",
    "SELECT ab FROM tea UNION SELECT T.a FROM t WHERE ab IN (SELECT a FROM t UNION SELECT a FROM "
    "tea)",
)
WRONG = ("SELECTa", ",,", "FROM s", "==", "12'", "''x", ")(", "ba", "a)", "LECT", "T.b", "= ", "  ")


def straddling() -> Vocabulary:
    """All bytes of the language, and pieces that lie across the edges of terminals in every way."""
    pieces = {s[i : i + n] for s in SENTENCES for n in (1, 2, 3, 4, 7, 11) for i in range(len(s))}
    return vocabulary_of([None, b"", *(p.encode() for p in sorted(pieces | set(WRONG)))])


def wrong_bits(
    potential: MaskPotential, oracle: Earley, vocabulary: Vocabulary, walks: int, tokens: int
) -> list[tuple[str, object, bool]]:
    """Compare all bits of all masks along random walks; return where they differ."""
    rng = random.Random(0)
    bound = potential.bind(vocabulary)
    eos = set(vocabulary.eos_ids)
    found: list[tuple[str, object, bool]] = []
    seen: set[str] = set()
    for _ in range(walks):
        text, state = "", bound.start()
        chart: Chart | None = oracle.begin()
        for _ in range(tokens):
            assert chart is not None
            following: dict[int, Chart | None] = {
                i: oracle.read(chart, token.decode())
                for i, token in enumerate(vocabulary.tokens)
                if token
            }
            if text not in seen:
                seen.add(text)
                mask = bound.token_scores([state]).mask
                assert mask is not None
                bits = unpack_mask(mask, len(vocabulary))[0]
                for i, bit in enumerate(bits.tolist()):
                    right = oracle.complete(chart) if i in eos else following.get(i) is not None
                    if bit != right:
                        found.append((text, "end" if i in eos else vocabulary.tokens[i], bit))
            viable = [i for i, after in following.items() if after is not None]
            if not viable:
                break
            chosen = rng.choice(viable)
            piece = vocabulary.tokens[chosen]
            assert piece
            text, chart = text + piece.decode(), following[chosen]
            state = bound.advance(state, piece)
    assert len(seen) > walks
    return found


def test_every_bit_along_random_walks() -> None:
    assert not wrong_bits(Grammar(SQL), ORACLE, straddling(), walks=15, tokens=14)[:10]


def test_a_grammar_that_differs_in_one_place_is_seen() -> None:
    vocabulary = straddling()
    for old, new in [('"ab" | "T.a"', '"ab"'), ("(x|'')*", "(x|'')+"), ("/[12]+/", "/[12]+x?/")]:
        assert old in SQL
        assert wrong_bits(Grammar(SQL.replace(old, new)), ORACLE, vocabulary, 15, 14), new


def test_the_oracle_knows_sentences_from_beginnings() -> None:
    for sentence in SENTENCES:
        chart = ORACLE.read(ORACLE.begin(), sentence)
        assert chart is not None
        assert ORACLE.complete(chart)
        assert ORACLE.read(chart, ";") is None
    half = ORACLE.read(ORACLE.begin(), "SELECT ma")
    assert half is not None
    assert not ORACLE.complete(half)
    assert np.all([ORACLE.read(ORACLE.begin(), bad) is None for bad in ("SELECT m,", "select")])
