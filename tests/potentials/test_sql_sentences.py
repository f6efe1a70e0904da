"""Sentences of a schema's grammar, drawn at random, held against SQLite: they are SQL, and what
SQLite compiles is in scope at every beginning."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from potentials import Grammar
from potentials.sql import Schema, SQLScope, schema_grammar
from smc.potential import log_complete
from tests.potentials.lark_sentences import SentenceSource

DDL = """
CREATE TABLE emp (id INTEGER PRIMARY KEY, name TEXT, dept INTEGER);
CREATE TABLE dept (dept INTEGER, city TEXT, "order" REAL);
"""
SCHEMA = Schema.from_ddl(DDL)
SOURCE = schema_grammar(SCHEMA)
# What SQLite says of queries that are no SQL, whatever their names mean.
NO_SQL = ("syntax error", "unrecognized token", "incomplete input", "NATURAL join may not", "frame")
# Row values are operands here, so that ESCAPE may come after a comparison of two.
KNOWN = 'near "escape"'
# SQLite does not look at the operand of `IN ()`.
UNSEEN = " IN("


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar(SOURCE)


@pytest.mark.parametrize("seed", range(3))
def test_sentences_drawn_at_random_are_sql_and_in_scope(seed: int, grammar: Grammar) -> None:
    scope, source = SQLScope(SCHEMA), SentenceSource(SOURCE, seed)
    compiled = 0
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(DDL)
        for n in range(150):
            query = source.sentence(6 + n % 8)
            try:
                connection.execute(f"EXPLAIN {query}").close()
            except sqlite3.OperationalError as error:
                said = str(error)
                wrong = any(words in said for words in NO_SQL) and KNOWN not in said.lower()
                assert not wrong or log_complete(grammar, query) != 0.0, (query, error)
                continue
            if UNSEEN in query.upper().replace(" (", "("):
                continue
            compiled += 1
            assert scope.complete(query) == 0.0, query
            beginnings = (query[:i] for i in range(0, len(query), 2))
            assert [each for each in beginnings if scope.prefix(each) != 0.0] == [], query
    assert compiled > 10


NOT_SQL = r"""
SELECT id FROM emp in
SELECT id FROM emp AS in
SELECT name FROM emp, dept AS in WHERE id = 1
VALUES (1) ORDER BY 1
VALUES (1), (2) LIMIT 1
SELECT id FROM emp UNION VALUES (2) ORDER BY 1
WITH t AS (SELECT 1) VALUES (2) LIMIT 1
SELECT id FROM emp WHERE id IN (VALUES (1) LIMIT 1)
SELECT id FROM emp NATURAL JOIN dept ON emp.id = 1
SELECT id FROM emp NATURAL JOIN dept USING (dept)
SELECT id FROM emp NATURAL LEFT JOIN (SELECT 1) AS t ON 1
SELECT name GLOB 'a' ESCAPE 'b' FROM emp
SELECT name LIKE 'a' = 1 ESCAPE 'b' FROM emp
SELECT sum(id) OVER (ROWS UNBOUNDED FOLLOWING) FROM emp
SELECT sum(id) OVER (ROWS 1 FOLLOWING) FROM emp
SELECT sum(id) OVER (ROWS BETWEEN 1 FOLLOWING AND CURRENT ROW) FROM emp
SELECT sum(id) OVER (ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM emp
SELECT sum(id) OVER (ROWS BETWEEN 1 PRECEDING AND UNBOUNDED PRECEDING) FROM emp
SELECT sum(id) OVER (RANGE 1 PRECEDING) FROM emp
SELECT sum(id) OVER (PARTITION BY dept RANGE 1 PRECEDING) FROM emp
SELECT sum(id) OVER (ORDER BY dept, id RANGE 1 PRECEDING) FROM emp
SELECT sum(id) OVER filter FROM emp WINDOW filter AS (ORDER BY id)
""".strip("\n").split("\n")

BESIDE = (
    r"""
VALUES (1) UNION SELECT id FROM emp ORDER BY 1
SELECT id FROM emp UNION VALUES (2)
SELECT id AS n FROM emp UNION VALUES (2) UNION SELECT dept FROM dept ORDER BY n LIMIT 3
WITH t AS (VALUES (1)) SELECT column1 FROM t LIMIT 1
SELECT id FROM emp NATURAL JOIN dept JOIN dept AS d ON d.city = name
SELECT n FROM (SELECT id AS n FROM emp) NATURAL JOIN dept
SELECT name LIKE 'a' || 'c' ESCAPE 'b' = 1 FROM emp
SELECT name LIKE 'a' > 'b' ESCAPE 'c' FROM emp
SELECT name LIKE 'a' = 1 FROM emp
SELECT name NOT GLOB 'a' = 1 FROM emp
SELECT sum(id) OVER (GROUPS 1 PRECEDING) FROM emp
SELECT sum(id) OVER (ORDER BY id RANGE BETWEEN 2 PRECEDING AND 1 PRECEDING) FROM emp
SELECT sum(id) OVER (ORDER BY id, dept ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING EXCLUDE TIES)
 FROM emp
SELECT sum(id) OVER (PARTITION BY dept, id ORDER BY id RANGE CURRENT ROW) FROM emp
SELECT id FROM emp AS inn
""".strip("\n")
    .replace("\n ", " ")
    .split("\n")
)


@pytest.mark.parametrize("query", NOT_SQL)
def test_what_is_no_sql_is_no_sentence(query: str, grammar: Grammar) -> None:
    assert log_complete(grammar, query) == float("-inf")


@pytest.mark.parametrize("query", BESIDE)
def test_what_stands_beside_it_is(query: str, grammar: Grammar) -> None:
    assert log_complete(grammar, query) == 0.0
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(DDL)
        connection.execute(f"EXPLAIN {query}")
