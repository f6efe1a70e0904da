"""Grammars of schemas as they come: names that begin alike, many tables, long names."""

from __future__ import annotations

import pytest

from potentials import Grammar
from potentials.sql import Column, Schema, Table, schema_grammar
from smc.potential import log_complete, log_prefix

COMMON = {
    "user users": "SELECT user.id, users.id FROM user JOIN users ON user.id = users.id",
    "item items": "SELECT i.id FROM items AS i JOIN item ON item.id = i.id",
    "sets groups orders selects wheres": "SELECT groups.id FROM groups, orders, sets, selects",
    "order_details orders order_": "SELECT order_.id FROM order_ NATURAL JOIN order_details",
    "customers categories employees products shippers suppliers territories region": (
        "SELECT C.id FROM customers C JOIN categories K ON C.id = K.id JOIN region ON region.id = 1"
    ),
    "nation region part supplier partsupp customer orders lineitem": (
        "SELECT s.id FROM supplier s, partsupp ps, part p WHERE ps.id = p.id AND s.id = ps.id"
    ),
    "a as_ ast not_ in_ onx usingx joiner leftover": "SELECT onx.id FROM onx joined, a leftist",
}


def plain(*names: str, columns: tuple[str, ...] = ("id", "name")) -> Schema:
    return Schema(tuple(Table(n, tuple(map(Column, columns))) for n in names))


@pytest.mark.parametrize("names", COMMON)
def test_tables_may_begin_alike_and_like_keywords(names: str) -> None:
    grammar = Grammar(schema_grammar(plain(*names.split())))
    assert log_complete(grammar, COMMON[names]) == 0.0
    assert log_complete(grammar, COMMON[names].lower()) == 0.0
    for name in names.split():
        assert log_complete(grammar, f"SELECT {name}.id FROM {name} WHERE name = 'x'") == 0.0
        assert log_complete(grammar, f"SELECT {name}x.id FROM {name}xyz") == float("-inf")


def test_keywords_are_no_aliases_whatever_the_tables_are_called() -> None:
    grammar = Grammar(schema_grammar(plain("sets", "wheres", "fromage", "joins", "ons")))
    for word in ("set", "where", "from", "join", "on", "select", "group"):
        assert log_complete(grammar, f"SELECT id FROM sets AS {word}") == float("-inf"), word
        assert log_complete(grammar, f"SELECT id FROM sets {word}") == float("-inf"), word
    for word in ("se", "setsy", "wher", "fro", "joi", "o", "onside"):
        assert log_complete(grammar, f"SELECT {word}.id FROM sets AS {word}") == 0.0, word
        assert log_complete(grammar, f"SELECT {word}.id FROM sets {word}") == 0.0, word


@pytest.mark.slow
def test_many_tables_are_carried_and_keep_their_columns_apart() -> None:
    schema = Schema(
        tuple(
            Table(f"table_{i}", tuple(Column(f"of_{i}_{j}") for j in range(6))) for i in range(90)
        )
    )
    grammar = Grammar(schema_grammar(schema, forward=False))
    assert log_complete(grammar, "SELECT table_17.of_17_3 FROM table_17, table_89 AS b") == 0.0
    assert log_complete(grammar, "SELECT b.of_89_5 FROM table_89 b WHERE of_89_0 > 1") == 0.0
    assert log_complete(grammar, "SELECT table_17.of_80_3 FROM table_17") == float("-inf")
    assert log_prefix(grammar, "SELECT table_17.of_8") == float("-inf")
    assert log_complete(grammar, "SELECT of_1_1 FROM table_90") == float("-inf")


@pytest.mark.parametrize("length", [120, 150])
def test_names_may_be_long(length: int) -> None:
    long = [c * length for c in "ab"]
    grammar = Grammar(schema_grammar(plain(*long, long[0] + "x", columns=(*long, "id"))))
    assert log_complete(grammar, f"SELECT {long[0]}.{long[1]} FROM {long[0]} AS t") == 0.0
    assert log_complete(grammar, f"SELECT {long[0]}y FROM {long[1]}") == float("-inf")
