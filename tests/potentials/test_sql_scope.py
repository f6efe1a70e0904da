"""SQLScope: held against SQLite itself, and the law of prefixes."""

import math
import random
import re
import sqlite3
import time

import pytest

import smc
from potentials.sql import Schema, SQLScope, sql_clauses
from smc.errors import SettingsError

DDL = """
CREATE TABLE t (id INTEGER, a TEXT, b INTEGER);
CREATE TABLE u (id INTEGER, c TEXT, t_id INTEGER);
CREATE TABLE "my v" ("x y" INTEGER, d TEXT);
"""
SCHEMA = Schema.from_ddl(DDL)

QUERIES = """
SELECT a FROM t
SELECT id FROM t, u
SELECT t.id FROM t, u
SELECT id FROM t JOIN u USING (id)
SELECT id FROM t NATURAL JOIN u
SELECT a FROM t JOIN u USING (zz)
SELECT a AS z FROM t WHERE z = 1
SELECT a AS z FROM t GROUP BY z HAVING z > 1 ORDER BY z
SELECT t.id FROM t JOIN u ORDER BY id
SELECT t.id AS id FROM t JOIN u ORDER BY id
SELECT t.id AS id FROM t JOIN u GROUP BY id
SELECT (SELECT c FROM u WHERE u.t_id = t.id) FROM t
SELECT (SELECT c FROM u WHERE u.t_id = x.id) FROM t
SELECT a AS z, (SELECT z) FROM t
SELECT a AS z FROM t WHERE EXISTS (SELECT 1 FROM u WHERE c = z)
SELECT x.id FROM (SELECT id FROM t) AS x
SELECT x.a FROM (SELECT id FROM t) AS x
SELECT a FROM (SELECT id FROM t)
SELECT q.n FROM (SELECT count(*) AS n FROM t) q
SELECT * FROM t WHERE a IN (SELECT id FROM u WHERE b = 1)
SELECT * FROM t WHERE a IN (SELECT nope FROM u)
SELECT * FROM t AS x WHERE t.a = 1
SELECT "nope" FROM t
SELECT `nope` FROM t
SELECT t."nope" FROM t
SELECT rowid FROM t
SELECT a FROM t UNION SELECT c FROM u ORDER BY a
SELECT a FROM t UNION SELECT c FROM u ORDER BY c
SELECT a FROM t UNION SELECT c FROM u ORDER BY b
SELECT count(*) FROM t UNION SELECT 1 ORDER BY 1
SELECT [x y], d FROM `my v`
SELECT t.* FROM u
SELECT *
SELECT 1
SELECT t.id FROM t LEFT JOIN u ON t.id = u.t_id AND u.nope = 1
SELECT t.id FROM t LEFT JOIN u ON t.id = t_id
SELECT a AS z FROM t JOIN u ON z = c
SELECT a FROM t LIMIT a
SELECT * FROM (SELECT a FROM t) x, (SELECT x.a) y
SELECT a FROM t WHERE b = (SELECT max(b) FROM t AS t2 WHERE t2.a = t.a)
SELECT id FROM t WHERE id > (SELECT c FROM u ORDER BY a)
SELECT id FROM t WHERE id > (SELECT c FROM u GROUP BY a)
SELECT id FROM t WHERE id > (SELECT c FROM u GROUP BY c HAVING a = 1)
SELECT a FROM t GROUP BY zz
SELECT x.a FROM t x JOIN t x ON 1
SELECT t.nope FROM (t JOIN u ON t.id = u.id)
SELECT t.a FROM t, (SELECT c FROM u WHERE u.id = t.id) w
SELECT (SELECT d FROM "my v" WHERE t.a = d) FROM t, u WHERE u.id = 3
SELECT a FROM t INTERSECT SELECT nope FROM t
SELECT a FROM t ORDER BY (SELECT c FROM u WHERE u.id = t.id)
SELECT t.a a1, a1 FROM t
WITH w(z) AS (SELECT a FROM t) SELECT z FROM w
WITH w AS (SELECT a FROM t) SELECT b FROM w
""".strip("\n").split("\n")


@pytest.fixture(scope="module")
def scope() -> SQLScope:
    return SQLScope(SCHEMA)


@pytest.fixture(scope="module")
def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    return connection


def sqlite_takes(database: sqlite3.Connection, query: str) -> bool:
    try:
        database.execute("EXPLAIN " + query)
    except sqlite3.OperationalError:
        return False
    return True


@pytest.mark.parametrize("query", QUERIES)
def test_it_refuses_exactly_what_sqlite_refuses(
    scope: SQLScope, database: sqlite3.Connection, query: str
) -> None:
    expected = 0.0 if sqlite_takes(database, query) else -math.inf
    assert scope.complete(query) == expected


def test_both_kinds_are_among_these_queries(database: sqlite3.Connection) -> None:
    taken = sum(sqlite_takes(database, q) for q in QUERIES)
    assert 15 < taken < len(QUERIES) - 15


@pytest.mark.parametrize("query", QUERIES)
def test_a_refused_prefix_has_no_good_extension(scope: SQLScope, query: str) -> None:
    values = [scope.prefix(query[:n]) for n in range(len(query) + 1)] + [scope.complete(query)]
    dead = [v == -math.inf for v in values]
    assert dead == sorted(dead)


def test_the_law_holds_however_a_query_goes_on(scope: SQLScope) -> None:
    rng = random.Random(6)
    parts = [re.findall(r"\w+|\s+|[^\w\s]", q) for q in QUERIES]
    tails = [" UNION SELECT a FROM t", ", u", "er", " x", ")", " JOIN u", " ORDER BY b", " = 1"]
    found = 0
    for _ in range(3000):
        first, second = rng.choice(parts), rng.choice(parts)
        cut = rng.randrange(len(first))
        text = "".join(first[:cut]) + rng.choice(["", " WHERE ", ") LIMIT ", " ORDER ", ")"])
        longer = text + rng.choice([*tails, "".join(second[rng.randrange(len(second)) :])])
        if scope.prefix(text) == -math.inf:
            found += 1
            assert scope.prefix(longer) == -math.inf, (text, longer)
            assert scope.complete(longer) == -math.inf, (text, longer)
    assert found > 100


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0.0),
        ("SELECT nope", 0.0),
        ("SELECT nope FROM t", 0.0),
        ("SELECT nope FROM t WHERE", 0.0),
        ("SELECT nope FROM t WHERE ", -math.inf),
        ("SELECT nope FROM t, u ORDER ", -math.inf),
        ("SELECT x.a FROM t AS y WHERE ", -math.inf),
        ("SELECT a FROM nope LIMIT ", -math.inf),
        ("SELECT a FROM t WHERE nope = 1 GROUP ", -math.inf),
        ("SELECT q FROM (SELECT nope FROM t)", -math.inf),
        ("SELECT q FROM (SELECT nope FROM t", 0.0),
        ("SELECT q FROM u JOIN (SELECT nope FROM t) AS x ON", -math.inf),
        ("SELECT a FROM t WHERE a IN (SELECT b FROM u WHERE ", 0.0),
        ("SELECT a FROM t WHERE a IN (SELECT nope FROM u WHERE ", -math.inf),
        ("SELECT a FROM t WHERE CASE WHEN a IN (SELECT nope FROM u WHERE ", -math.inf),
        ("SELECT (SELECT nope FROM u WHERE ", 0.0),
        ("SELECT (SELECT nope FROM u WHERE c = 1) FROM t WHERE ", -math.inf),
        ("SELECT ' FROM nope WHERE ' FROM t WHERE ", 0.0),
        ("SELECT a -- , nope\n FROM t WHERE ", 0.0),
        ("SELECT nope FROM t UNION SELECT ", -math.inf),
        ("SELECT a FROM t UNION SELECT nope FROM u", 0.0),
        ("SELECT a FROM t UNION SELECT nope FROM u ORDER ", -math.inf),
        ("SELECT a FROM FROM t", 0.0),
        ("SELECT a FROM FROM t WHERE ", -math.inf),
        ("SELECT a FROM t WHERE a IN (SELECT nope FROM u) AND", -math.inf),
        ("SELECT a FROM t WHERE (a IN (SELECT c FROM u WHERE c = b) AND", 0.0),
        ("SELECT (SELECT nope FROM u) FROM", 0.0),
        ("SELECT (SELECT u.nope FROM nope AS u) FROM", -math.inf),
        ("SELECT nope FROM t ;", -math.inf),
    ],
)
def test_only_finished_clauses_count(scope: SQLScope, text: str, value: float) -> None:
    assert scope.prefix(text) == value


@pytest.mark.parametrize(
    "text", ["", "SELECT", "SELECT FROM t", "DROP TABLE t", "SELECT 1; SELECT 2"]
)
def test_a_finished_text_that_is_no_query_has_no_weight(scope: SQLScope, text: str) -> None:
    assert scope.complete(text) == -math.inf


@pytest.mark.parametrize(
    ("query", "mismatches"),
    [
        ("SELECT a FROM t WHERE a = 'x' AND b = 1 AND a = c", None),
        ("SELECT a FROM t WHERE a = 'x' AND b = 1", 0),
        ("SELECT a FROM t WHERE b = 'x'", 1),
        ("SELECT a FROM t WHERE b = '7'", 0),
        ('SELECT a FROM t WHERE b > 3 OR b < "x" OR a >= 3', 2),
        ("SELECT a FROM t JOIN u ON t.id = u.c", 1),
        ("SELECT a FROM t JOIN u ON t.id = u.t_id", 0),
        ("SELECT a FROM t WHERE id IN (SELECT t_id FROM u WHERE c != 3)", 1),
        ("SELECT a FROM (SELECT id AS n FROM t) x, t WHERE x.n = t.a", 1),
        ("SELECT a FROM t GROUP BY a HAVING count(*) > 'many'", 1),
    ],
)
def test_comparisons_of_numbers_with_texts_cost_what_the_user_says(
    query: str, mismatches: int | None
) -> None:
    expected = -math.inf if mismatches is None else -0.5 * mismatches
    assert SQLScope(SCHEMA, type_penalty=-0.5).complete(query) == expected
    assert SQLScope(SCHEMA).complete(query) == (-math.inf if mismatches is None else 0.0)


def test_a_penalty_counts_as_soon_as_its_clause_is_finished() -> None:
    scope = SQLScope(SCHEMA, type_penalty=-2.0)
    assert scope.prefix("SELECT a FROM t WHERE b = 'x'") == 0.0
    assert scope.prefix("SELECT a FROM t WHERE b = 'x' LIMIT ") == -2.0
    assert (
        scope.prefix("SELECT a FROM t WHERE b = 'x' AND id IN (SELECT 1 FROM u WHERE c = 3 ORDER ")
        == -2.0
    )


@pytest.mark.parametrize("penalty", [1.0, math.nan])
def test_a_reward_for_mismatches_is_refused(penalty: float) -> None:
    with pytest.raises(SettingsError, match="type_penalty"):
        SQLScope(SCHEMA, type_penalty=penalty)


def test_it_keeps_the_contract_of_potentials() -> None:
    smc.check_potential(SQLScope(SCHEMA, type_penalty=-1.0), QUERIES[:12])


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM t WHERE nope =",
        "SELECT a FROM t WHERE x.",
        "SELECT a FROM t WHERE u.",
        "SELECT a FROM t WHERE t.nope ",
        "SELECT a FROM t WHERE b = 1 AND `nope` <",
        "SELECT a FROM t WHERE b IN (1, nope,",
        "SELECT a FROM t GROUP BY nope,",
        "SELECT a FROM t GROUP BY a HAVING max(nope)",
        "SELECT a FROM t ORDER BY nope L",
        "SELECT t.a FROM t JOIN t ON ",
        "SELECT 1 FROM t JOIN t ON t.a ",
        "SELECT a FROM nope W",
        "SELECT a FROM t JOIN nope O",
        "SELECT a FROM t WHERE b IN (SELECT nope FROM u)",
        "SELECT a FROM t WHERE b IN (SELECT id FROM u WHERE c = x.",
        "SELECT a FROM t AS x WHERE b IN (SELECT id FROM u WHERE c = t.",
        "SELECT a FROM t UNION SELECT c FROM u WHERE a =",
        "SELECT a FROM t, (SELECT c FROM u WHERE t.",
    ],
)
def test_a_name_that_nothing_can_bind_is_seen_as_soon_as_it_is_written(
    scope: SQLScope, text: str
) -> None:
    assert scope.prefix(text) == -math.inf
    assert scope.prefix(text[:-1]) == 0.0


@pytest.mark.parametrize(
    "query",
    [
        "SELECT x.nope FROM t, (SELECT b AS nope FROM t) AS x WHERE nope = 1",
        "SELECT a AS z FROM t WHERE z = 1 ORDER BY z",
        "SELECT a z FROM t GROUP BY z",
        'SELECT a FROM t WHERE a = "nope" AND "x y" = 1',
        "SELECT t.a FROM t JOIN t AS v ON t.id = v.id",
        "SELECT v.a FROM t AS w JOIN t AS v ON w.id = v.id WHERE w.rowid IS NULL OR v.oid = 1",
        "SELECT a FROM t WHERE nope -- a comment\n (1) > 2",
        "SELECT a FROM t WHERE nope /* another */ (1) > 2",
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id AND c = a)",
        "SELECT a, (SELECT max(id) FROM u WHERE c = a AND t.id = 1) FROM t",
        "SELECT a FROM (t JOIN u ON t.id = t_id) WHERE c = 1",
        "SELECT max(a) OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY id)",
        "WITH w(z) AS (SELECT a FROM t) SELECT z FROM w WHERE z = 1",
        "WITH w AS (SELECT a FROM t) SELECT a FROM w WHERE a IN (SELECT a FROM w LIMIT 1) LIMIT 1",
        "SELECT a FROM t WHERE a IN (WITH w AS (SELECT c FROM u) SELECT c FROM w WHERE c = "
        "(SELECT c FROM w WHERE c = 1) LIMIT 1) LIMIT 1",
        "SELECT a FROM t UNION SELECT c FROM u ORDER BY a, c",
        "SELECT a FROM main.t WHERE main.t.a = 1",
        "SELECT a IS DISTINCT FROM b FROM t WHERE CAST(a AS char) = a COLLATE nocase",
        "SELECT t.id FROM t LEFT JOIN u USING (id) WHERE c = 1",
        "SELECT [x y] FROM `my v` AS v WHERE v.[x y] = 1 AND v.`d` IS NULL",
        "SELECT a FROM t WHERE CASE WHEN a = b THEN id END BETWEEN b AND id",
        "SELECT x.a FROM t x, t y WHERE x.a = y.a",
        "SELECT count(*) c FROM t HAVING c > 1 LIMIT 1 OFFSET 2",
        "SELECT (SELECT c FROM u WHERE u.id = v.id) FROM t AS v",
    ],
)
def test_no_place_of_a_good_query_is_refused(scope: SQLScope, query: str) -> None:
    assert scope.complete(query) == 0.0
    assert [query[:n] for n in range(len(query) + 1) if scope.prefix(query[:n]) != 0.0] == []


ATOMS = """a, b, id, c, t.a, x.a, x.c, u.c, v.id, nope, z, [x y], `d`, "s", 's', 1, count(*), f (a),
    cast(a as int), (select c from u where u.id = t.id), (select a from t x)""".split(", ")
SOURCES = """t; u; t x; t as x; u v; `my v`; (select a, id from t) x; (select c as z from u) v;
    t join u on t.id = u.id; t x join u x; t join t; t join u using (id); t natural join u;
    (t join u)""".split(";")


def random_query(rng: random.Random) -> str:
    def expression() -> str:
        x, y, z = (rng.choice(ATOMS) for _ in range(3))
        inner = f"{x} in (select {y} from {rng.choice(SOURCES)} where {z} = {rng.choice(ATOMS)})"
        case = f"case when {x} then {y} else {z} end"
        return rng.choice([x, x, x, f"{x} = {y}", f"{x} between {y} and {z}", case, inner])

    def maybe(text: str) -> str:
        return text if rng.random() < 0.3 else ""

    def core() -> str:
        return (
            f"select {expression()}{maybe(' z')}{maybe(', ' + expression() + ' as z')} from "
            f"{rng.choice(SOURCES)}{maybe(', ' + rng.choice(SOURCES))}"
            f"{maybe(' join ' + rng.choice(SOURCES[:6]) + ' on ' + expression())}"
            f"{maybe(' where ' + expression() + ' and ' + expression())}"
            f"{maybe(' group by ' + expression() + maybe(' having ' + expression()))}"
        )

    order = maybe(f" order by {expression()} desc, z")
    return core() + maybe(" union " + core()) + order + maybe(" limit 3")


def test_no_place_of_a_random_query_is_refused_if_the_whole_is_not(scope: SQLScope) -> None:
    rng = random.Random(11)
    good = seen = 0
    for _ in range(300):
        query = random_query(rng)
        whole = scope.complete(query) == -math.inf
        dead = [scope.prefix(query[:n]) == -math.inf for n in range(len(query) + 1)] + [whole]
        assert dead == sorted(dead), query
        good += not whole
        seen += dead[-2]
    assert good > 15
    assert seen > 150


def test_it_is_asked_after_every_token_unless_told_otherwise() -> None:
    clauses = sql_clauses()
    assert SQLScope(SCHEMA).boundary is None
    assert SQLScope(SCHEMA, boundary=clauses).boundary is clauses


def test_a_long_text_is_read_in_no_time(scope: SQLScope) -> None:
    text = "SELECT a FROM t WHERE a IN (" + "(" * 3000 + "a, " * 4000
    began = time.process_time()
    assert scope.prefix(text) == 0.0
    assert time.process_time() - began < 1.0


def test_deep_nesting_and_odd_characters_raise_nothing(scope: SQLScope) -> None:
    deep = "SELECT a FROM t WHERE a = " + "(" * 3000
    nested = "SELECT a FROM t WHERE a IN (" * 500 + "SELECT 1" + ")" * 500
    sums = "SELECT a FROM t WHERE a = 1" + " + 1" * 4000
    odd = ("\ufffd\x00", "SELECT 'x", "SELECT \ud800 FROM t")
    for text in (deep, deep + "1" + ")" * 3000, nested, sums, *odd):
        scope.prefix(text + " ORDER ")
        scope.complete(text)


def test_a_text_that_would_keep_the_parser_busy_has_no_weight(scope: SQLScope) -> None:
    text = "SELECT a FROM t WHERE a IN (" + "1, " * 400_000 + "1)"
    assert scope.prefix(text + " ORDER ") == scope.complete(text) == -math.inf
