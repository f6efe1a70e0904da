"""SQLite's own forms of queries: no beginning of one is out of scope, so the prefix law holds.

The forms are those of its documentation, beyond what the grammar of a schema has.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from potentials.sql import Schema, SQLScope
from smc.checking import check_potential

DDL = """
CREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER, name TEXT, parent INTEGER);
CREATE TABLE b (id INTEGER, y INTEGER, name TEXT, a_id INTEGER);
CREATE TABLE "odd name" ("a b" INTEGER, "order" TEXT);
CREATE TABLE docs (body TEXT, meta TEXT);
"""

FORMS = r"""
VALUES (1, 'a'), (2, 'b')
SELECT * FROM (VALUES (1, 'a'), (2, 'b'))
SELECT column1 FROM (VALUES (1), (2))
SELECT v.column1, v.column2 FROM (VALUES (1, 2)) AS v WHERE v.column1 > 0
SELECT x FROM a JOIN (VALUES (1), (2)) AS v ON v.column1 = a.x
SELECT x FROM a, (VALUES (1), (2)) WHERE column1 = x
SELECT x FROM a WHERE x IN (VALUES (1), (2))
SELECT x FROM a WHERE (x, name) IN (VALUES (1, 'a'), (2, 'b'))
SELECT x FROM a WHERE EXISTS (VALUES (1))
SELECT 1 UNION VALUES (2)
VALUES (1) UNION SELECT x FROM a ORDER BY 1
SELECT n FROM (SELECT 1 AS n UNION ALL VALUES (2), (3)) WHERE n > 1
WITH t(n, m) AS (VALUES (1, 2), (3, 4)) SELECT n + m FROM t
WITH t AS (VALUES (1, 2)) SELECT column2 FROM t
WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT n FROM c
WITH RECURSIVE up(id, parent) AS (SELECT id, parent FROM a WHERE id = 1 UNION SELECT a.id,
 a.parent FROM a JOIN up ON a.id = up.parent) SELECT * FROM up
WITH p AS (SELECT x FROM a), q AS (SELECT x FROM p) SELECT q.x FROM q, p WHERE p.x = q.x
WITH p AS MATERIALIZED (SELECT x FROM a) SELECT x FROM p
SELECT * FROM (WITH p AS (SELECT x AS z FROM a) SELECT z FROM p)
SELECT x FROM a WHERE x IN (WITH p AS (SELECT y FROM b) SELECT y FROM p)
SELECT sum(x) OVER w FROM a WINDOW w AS (ORDER BY id)
SELECT sum(x) OVER w, avg(x) OVER w FROM a WINDOW w AS (PARTITION BY name ORDER BY id ROWS 1
 PRECEDING)
SELECT sum(x) OVER w1, min(x) OVER w2 FROM a WINDOW w1 AS (ORDER BY id), w2 AS (ORDER BY name)
SELECT sum(x) OVER (w ROWS CURRENT ROW) FROM a WINDOW w AS (ORDER BY id)
SELECT rank() OVER w AS r FROM a WHERE x > 0 GROUP BY name HAVING count(*) > 1 WINDOW w AS
 (ORDER BY sum(x)) ORDER BY r
SELECT name, row_number() OVER (PARTITION BY name ORDER BY x DESC) AS rn FROM a
SELECT first_value(x) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
 EXCLUDE TIES) FROM a
SELECT sum(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM a
SELECT lag(x, 1, 0) OVER (ORDER BY id) FROM a
SELECT ntile(4) OVER (ORDER BY x) AS quarter FROM a ORDER BY quarter
SELECT count(*) FILTER (WHERE x > 1) FROM a
SELECT count(*) FILTER (WHERE x > 1) OVER (PARTITION BY name) FROM a
SELECT group_concat(name, ', ') FROM a
SELECT total(DISTINCT x) FROM a
SELECT x AS "the x" FROM a ORDER BY "the x"
SELECT x 'quoted' FROM a
SELECT x thing FROM a ORDER BY thing
SELECT x + 1 AS x FROM a WHERE x > 1 ORDER BY x
SELECT x AS y FROM a WHERE y > 1
SELECT x AS y FROM a GROUP BY y HAVING y > 1
SELECT a.x FROM a ORDER BY a.x COLLATE NOCASE DESC NULLS LAST
SELECT name FROM a ORDER BY 1, name COLLATE BINARY ASC NULLS FIRST LIMIT 5 OFFSET 2
SELECT name FROM a LIMIT (SELECT count(*) / 2 FROM b) OFFSET 1 + 1
SELECT name FROM a LIMIT -1
SELECT rowid, a.rowid, _rowid_, oid FROM a
SELECT main.a.x FROM main.a
SELECT x FROM main.a AS t WHERE t.x = 1
SELECT a.* , b.name FROM a LEFT JOIN b ON b.a_id = a.id
SELECT * FROM a NATURAL JOIN b
SELECT id FROM a NATURAL LEFT OUTER JOIN b
SELECT id FROM a JOIN b USING (id, name)
SELECT a.id FROM a RIGHT JOIN b ON a.id = b.a_id
SELECT a.id FROM a FULL OUTER JOIN b ON a.id = b.a_id
SELECT p.x FROM a AS p JOIN a AS q ON p.id = q.parent JOIN b ON b.a_id = q.id
SELECT p.x FROM (a AS p JOIN b AS q ON p.id = q.a_id)
SELECT p.x FROM (a AS p), (b AS q)
SELECT x FROM (a JOIN b ON a.id = b.a_id) JOIN docs ON body = b.name
SELECT t.x FROM (SELECT x FROM a) AS t, (SELECT y FROM b) AS u WHERE t.x = u.y
SELECT n FROM (SELECT count(*) AS n FROM a GROUP BY name) WHERE n > (SELECT avg(y) FROM b)
SELECT x, (SELECT count(*) FROM b WHERE b.a_id = a.id) AS k FROM a WHERE k > 1
SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b WHERE a_id = a.id AND EXISTS (SELECT 1 FROM docs
 WHERE body = a.name))
SELECT x FROM a WHERE x = (SELECT max(y) FROM b WHERE b.name = a.name ORDER BY 1)
SELECT x FROM a WHERE x > ALL_OF
SELECT CASE x WHEN 1 THEN 'one' ELSE name END FROM a
SELECT CAST(x AS DECIMAL(10,2)), CAST(name AS varchar(20)) FROM a
SELECT x IS NOT 'y', x IS NULL, x NOTNULL, x NOT NULL, x IS DISTINCT FROM 3 FROM a
SELECT x BETWEEN 1 AND 2 AND name NOT BETWEEN 'a' AND 'b' FROM a
SELECT x FROM a WHERE name LIKE 'a\%' ESCAPE '\' OR name GLOB '*x' OR name NOT LIKE 'b'
SELECT x & 1 | 2 << 1 >> 1, ~x, -x, +x, x % 2, x || name FROM a
SELECT x * -1, x - -1, x = -1, NOT x, NOT NOT x FROM a
SELECT x == 1, x <> 1, x != 1 FROM a
SELECT (x, name) = (1, 'a') FROM a
SELECT x'ab', 0x1F, 1e3, .5, 1., NULL, TRUE, CURRENT_TIMESTAMP
SELECT "a b", [a b], `a b`, "odd name"."order" FROM "odd name"
SELECT [odd name].[a b] FROM [odd name] WHERE `order` = 'x'
SELECT "no such column" FROM a
SELECT json_extract(meta, '$.k'), meta -> '$.k', meta ->> 'k' FROM docs
SELECT iif(x > 1, 'a', 'b'), coalesce(x, 0), nullif(x, 1) FROM a
SELECT date('now', '-1 day'), strftime('%Y', name) FROM a
SELECT name FROM a UNION SELECT name FROM b EXCEPT SELECT body FROM docs INTERSECT SELECT name
 FROM a ORDER BY name LIMIT 1
SELECT x AS k, name AS n FROM a UNION ALL SELECT y, name FROM b ORDER BY k, n
SELECT count(*) FROM a HAVING count(*) > 1
SELECT DISTINCT x FROM a
SELECT ALL x FROM a
SELECT max(x), name FROM a
SELECT x FROM a INDEXED BY sqlite_autoindex_a_1
SELECT x FROM a NOT INDEXED
SELECT /* a comment */ x -- to the end
SELECT x -- names
 FROM a
SELECT a.x AS a FROM a ORDER BY a
SELECT a FROM (SELECT x AS a FROM a) AS a WHERE a.a = 1
SELECT a.y FROM b AS a
SELECT b.x, a.y FROM a AS b, b AS a
SELECT x FROM a AS "quoted alias" WHERE "quoted alias".x = 1
SELECT x FROM a AS 'single' WHERE single.x = 1
SELECT x FROM a LIMIT -7 | 24
SELECT x FROM a LIMIT 2, 1 + 3
SELECT x FROM a LIMIT ~1 OFFSET 2 <> 3
SELECT x FROM a ORDER BY x'ab', x'' DESC LIMIT 1
SELECT x'00' y, name FROM a WHERE name = x'6162' OR name > X''
SELECT name COLLATE NOCASE AS k, x FROM a WHERE name = 'b' COLLATE RTRIM ORDER BY k
SELECT name COLLATE NOCASE FROM a GROUP BY name COLLATE NOCASE HAVING name COLLATE NOCASE > 'b'
SELECT x, (SELECT name COLLATE NOCASE AS k FROM b WHERE b.a_id = a.id ORDER BY k) FROM a
SELECT id, name FROM (a JOIN b USING (id, name)) WHERE id > 1 ORDER BY name
SELECT id FROM (a NATURAL JOIN b) WHERE name = 'x'
SELECT t.id FROM (a JOIN b USING (id)) AS t WHERE t.x > t.y
SELECT a.id FROM (a JOIN b USING (id)) JOIN docs ON body = a.name WHERE id = 2
SELECT sum(x) OVER w FROM a WINDOW w AS (GROUPS CURRENT ROW)
SELECT sum(x) OVER (ORDER BY id GROUPS 2 PRECEDING EXCLUDE NO OTHERS) FROM a WHERE x > 1
SELECT 1 AS n WINDOW w AS (ROWS UNBOUNDED PRECEDING) UNION SELECT x FROM a ORDER BY 1
SELECT current_time t, current_date d FROM a WHERE t > d
SELECT name LIKE 'a' ESCAPE 'b' || 'c', name LIKE -'a' ESCAPE NOT 'b' FROM a WHERE x > 1
SELECT x NOT NULL + 1, x ISNULL COLLATE NOCASE FROM a WHERE x > 1
SELECT 0XAB AS [k], 0xab k2 FROM a WHERE k > 1
SELECT a.x FROM a, b ON a.id = b.a_id WHERE a.x > 1
""".strip("\n")


def _queries() -> list[str]:
    """Return the forms that this SQLite compiles."""
    queries: list[str] = []
    for line in FORMS.split("\n"):
        if line.startswith(" "):
            queries[-1] += "\n" + line
        else:
            queries.append(line)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(DDL)
        return [q for q in queries if _compiles(connection, q)]


def _compiles(connection: sqlite3.Connection, query: str) -> bool:
    try:
        connection.execute(f"EXPLAIN {query}").close()
    except sqlite3.OperationalError:
        return False
    return True


QUERIES = _queries()


@pytest.fixture(scope="module")
def scope() -> SQLScope:
    return SQLScope(Schema.from_ddl(DDL))


def test_nearly_all_forms_compile_here() -> None:
    # What is left out are the lines that are to fail, and what older versions lack.
    assert len(QUERIES) >= len(FORMS.split("\n")) - 10


@pytest.mark.parametrize("query", QUERIES)
def test_no_beginning_of_a_query_that_runs_is_out_of_scope(scope: SQLScope, query: str) -> None:
    assert [query[:n] for n in range(len(query) + 1) if scope.prefix(query[:n]) != 0.0] == []
    assert scope.complete(query) == 0.0


@pytest.mark.parametrize("part", range(8))
def test_the_laws_hold(scope: SQLScope, part: int) -> None:
    check_potential(scope, QUERIES[part::8])
