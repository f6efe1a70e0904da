"""Forms that gold queries of Spider come in, over names as odd as some of Spider's.

Each has to get through grammar, scope and execution, wherever it is cut.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from potentials import Grammar
from potentials.sql import Schema, SQLExecution, SQLScope, schema_grammar
from smc.potential import log_complete

DDL = """
CREATE TABLE Movie (mid INTEGER PRIMARY KEY, Title TEXT, "release year" INTEGER, budget REAL,
    "2nd_cut" TEXT, "order" INTEGER, year INTEGER, rank INTEGER, date TEXT, count INTEGER,
    "Official_ratings_(millions)" REAL, "Home/Away" TEXT, "18_49_Rating_Share" TEXT,
    "%_left" REAL, "group" TEXT, "End" TEXT, "Name" TEXT);
CREATE TABLE "cast" (id INTEGER, msid INTEGER, aid INTEGER, role TEXT);
CREATE TABLE ACTOR (aid INTEGER, name TEXT, Nationality TEXT, "Birth Place" TEXT, sex TEXT,
    "cast" TEXT, "key" TEXT, "to" TEXT, "from" TEXT);
CREATE TABLE "Order Details" ("Order ID" INTEGER, Quantity INTEGER, "Unit Price" REAL);
CREATE TABLE "match" (id INTEGER, "Date" TEXT, "window" INTEGER, "left" TEXT, "offset" INTEGER);
CREATE TABLE "transaction" (id INTEGER, amount REAL, type TEXT);
CREATE TABLE "2010_census" (id INTEGER, pop INTEGER);
CREATE TABLE user (uid INTEGER, name TEXT, user_id TEXT);
CREATE TABLE Ref_Äpfel (id INTEGER, "größe" TEXT);
"""

QUERIES = r"""
SELECT count(*) FROM Movie WHERE Title = "The Matrix"
SELECT count(*) FROM Movie WHERE Title LIKE "%x%"
SELECT count(*) FROM movie WHERE title NOT LIKE '%x%';
SELECT Title FROM Movie WHERE budget != 3
SELECT Title FROM Movie WHERE budget <> 3 ;
SELECT key FROM actor
SELECT a.key, a."to", a.`from` FROM actor a
SELECT "to" FROM actor
SELECT `release year` FROM movie
SELECT "release year" FROM movie WHERE "release year" > 1990
SELECT [release year] FROM movie
SELECT T1."release year" FROM movie AS T1 ORDER BY T1."release year" DESC LIMIT 1
SELECT `2nd_cut` FROM movie
SELECT "Official_ratings_(millions)" FROM movie WHERE `Home/Away` = 'x'
SELECT max("Official_ratings_(millions)") FROM movie
SELECT avg(`18_49_Rating_Share`) FROM movie
SELECT "%_left" FROM movie
SELECT "group", "End", `group` FROM movie GROUP BY "group"
SELECT year, rank, date, count FROM movie
SELECT count FROM movie WHERE count > 3
SELECT count(count) FROM movie
SELECT max(year) - min(year) FROM movie
SELECT sum(budget) / count(*) FROM movie
SELECT sum(budget)*1.0/count(*) FROM movie
SELECT (SELECT count(*) FROM movie) - (SELECT count(*) FROM actor)
SELECT avg(budget-year) FROM movie
SELECT count(*)-1 FROM movie
SELECT Title FROM Movie UNION SELECT name FROM actor UNION SELECT role FROM cast
SELECT Title FROM Movie EXCEPT SELECT name FROM actor INTERSECT SELECT role FROM cast
SELECT name FROM actor WHERE aid NOT IN (SELECT aid FROM "cast")
SELECT name FROM actor WHERE aid NOT IN ( SELECT aid FROM cast WHERE role = 'x' ) AND sex = 'F'
SELECT T1.name FROM actor AS T1, cast AS T2 WHERE T1.aid = T2.aid
SELECT T1.name FROM actor T1, cast T2 WHERE T1.aid = T2.aid
SELECT name FROM actor GROUP BY name ORDER BY count(*) DESC LIMIT 3
SELECT name FROM actor GROUP BY name HAVING COUNT(*)>=2
SELECT count(*) FROM(SELECT name FROM actor)
SELECT name FROM actor WHERE aid IN(SELECT aid FROM cast)
SELECT name FROM actor WHERE aid IN (1,2,3)
SELECT name FROM actor WHERE aid BETWEEN 1 AND 3 OR aid BETWEEN 5 AND 6
SELECT name FROM actor WHERE name = 'O''Brien'
SELECT name FROM actor WHERE name = "O'Brien"
SELECT name FROM actor WHERE name = 'He said "x"'
SELECT name FROM actor WHERE name = 'Zoë Kravitz – 日本'
SELECT name FROM actor LIMIT 10, 5
SELECT name FROM actor LIMIT 5 OFFSET 10
SELECT sex FROM actor ORDER BY sex ASC , sex DESC
SELECT DISTINCT name, sex FROM actor
SELECT DISTINCT(name) FROM actor
SELECT COUNT(DISTINCT(name)) FROM actor
SELECT count(distinct name) , sex FROM actor GROUP BY sex
SELECT * FROM actor
SELECT T1.* FROM actor AS T1
SELECT actor.* , count(*) FROM actor
SELECT name FROM actor WHERE aid = '3'
SELECT name FROM actor WHERE aid > -1
SELECT name FROM actor WHERE aid = 1.5e3
SELECT name FROM actor WHERE aid = +1
SELECT name FROM actor WHERE NOT aid = 1
SELECT name FROM actor WHERE name IS NULL OR sex IS NOT NULL
SELECT name FROM actor WHERE sex = "" OR sex = ''
SELECT name FROM actor WHERE sex ISNULL
SELECT name FROM actor WHERE sex NOTNULL
SELECT name FROM actor WHERE sex NOT NULL
SELECT "Order ID" FROM "Order Details" WHERE Quantity > 3
SELECT `Order Details`.`Order ID` FROM `Order Details`
SELECT id FROM match
SELECT match.id, match.Date FROM match
SELECT M.id FROM match AS M
SELECT "left" FROM match
SELECT left FROM match
SELECT offset FROM match
SELECT sum(amount) FROM "transaction"
SELECT sum(T1.amount) FROM "transaction" AS T1
SELECT pop FROM "2010_census"
SELECT uid FROM user
SELECT user.name FROM user WHERE user.user_id = 'x'
SELECT größe FROM Ref_Äpfel
SELECT Ref_Äpfel.id FROM Ref_Äpfel
SELECT "größe" FROM "Ref_Äpfel"
SELECT count(*) AS c FROM actor
SELECT name FROM (SELECT name FROM actor WHERE sex = 'F') WHERE name LIKE 'A%'
SELECT t.name FROM (SELECT name FROM actor) AS t
SELECT name FROM actor WHERE aid = (SELECT max(aid) FROM actor)
SELECT A.name FROM actor A INNER JOIN cast C ON A.aid=C.aid
SELECT A.name FROM actor A LEFT OUTER JOIN cast C ON A.aid=C.aid WHERE C.id IS NULL
SELECT A.name FROM actor A JOIN cast C USING(aid)
SELECT name FROM actor NATURAL JOIN cast
SELECT A.name FROM actor A JOIN cast C WHERE A.aid=C.aid
SELECT A.name FROM actor A JOIN (SELECT aid FROM cast GROUP BY aid) C ON A.aid=C.aid
SELECT CASE WHEN sex = 'F' THEN 'female' ELSE 'male' END FROM actor
SELECT sum(CASE WHEN sex = 'F' THEN 1 ELSE 0 END) FROM actor
SELECT CAST(aid AS REAL) / 2 FROM actor
SELECT CAST(sum(budget) AS FLOAT) FROM movie
SELECT strftime('%Y', date) FROM movie
SELECT substr(name, 1, 3) FROM actor
SELECT name || ' ' || sex FROM actor
SELECT round(avg(budget), 2) FROM movie
SELECT length(name) FROM actor
SELECT  name   FROM   actor	WHERE sex  =  'F'
SELECT t1.name FROM actor AS t1 WHERE t1.name LIKE "%a%" AND t1.aid < ( SELECT avg(aid) FROM actor )
SELECT ACTORalias0.name FROM actor AS ACTORalias0
SELECT name FROM actor WHERE "sex" = "F"
SELECT name FROM actor WHERE 1 = 1
SELECT name FROM actor ORDER BY 1
SELECT name FROM actor ORDER BY aid - 1
SELECT name FROM actor WHERE aid % 2 = 0
SELECT name FROM actor WHERE lower(name) = 'x'
SELECT name FROM actor WHERE (sex = 'F' OR sex = 'M') AND (aid > 3)
SELECT name FROM actor WHERE name > 'A' AND name < 'B'
SELECT name FROM actor UNION ALL SELECT role FROM cast ORDER BY name LIMIT 3
SELECT name FROM ( SELECT name FROM actor UNION SELECT role FROM cast )
SELECT count(*) FROM ( SELECT name FROM actor INTERSECT SELECT role FROM cast )
SELECT T1.name, T2.role FROM actor AS T1 CROSS JOIN cast AS T2
SELECT max(aid), name FROM actor
SELECT count(*) > 3 FROM actor
SELECT sum(aid > 3) FROM actor
SELECT name FROM actor WHERE aid == 3
SELECT name FROM actor WHERE name = NULL
SELECT TOTAL(budget), MIN(budget), GROUP_CONCAT(Title) FROM movie
SELECT actor.name FROM actor JOIN user ON actor.name = user.name
SELECT date('now')
SELECT current_date
SELECT iif(sex = 'F', 1, 0) FROM actor
SELECT name FROM actor WHERE `Birth Place` = "New York"
SELECT actor."Birth Place" FROM actor
SELECT name AS 'actor name' FROM actor
SELECT name AS "actor name" FROM actor ORDER BY "actor name"
SELECT name AS `actor name` FROM actor
SELECT Count (*) FROM actor
SELECT count(*) FROM actor WHERE name = "a" AND NOT EXISTS (SELECT 1 FROM cast)
SELECT min(aid),max(aid),avg(aid),sum(aid) FROM actor GROUP BY sex,Nationality
SELECT name FROM actor WHERE aid<3 or aid>10
SELECT name FROM actor ORDER BY name COLLATE NOCASE
SELECT name FROM actor WHERE sex IS 'F'
SELECT name FROM actor WHERE sex IS NOT 'F'
SELECT count(*) AS c, sex FROM actor GROUP BY sex ORDER BY c DESC
SELECT count(*) AS cnt, sex AS s FROM actor GROUP BY s HAVING cnt > 3 ORDER BY cnt
SELECT sex, avg(aid) AS average_of_aid FROM actor GROUP BY sex ORDER BY average_of_aid
SELECT name n FROM actor ORDER BY n
SELECT avg(c) FROM (SELECT count(*) AS c FROM actor GROUP BY sex)
SELECT max(t.cnt) FROM (SELECT count(*) AS cnt FROM actor GROUP BY sex) t
SELECT avg(Num_of_movies) FROM (SELECT count(*) AS Num_of_movies FROM cast GROUP BY aid)
SELECT DERIVED_FIELDalias0 FROM (SELECT name AS DERIVED_FIELDalias0 FROM actor)
SELECT derived_table.name FROM (SELECT name FROM actor) AS derived_table
SELECT name FROM actor WHERE aid & 1
SELECT abs(aid) FROM actor ORDER BY random() LIMIT 1
SELECT name FROM actor WHERE (aid, sex) IN (SELECT aid, role FROM cast)
SELECT name FROM main.actor
WITH c AS (SELECT aid FROM cast) SELECT name FROM actor WHERE aid IN (SELECT aid FROM c)
SELECT rank() OVER (ORDER BY aid) FROM actor
SELECT count(*) FROM actor WHERE Nationality = 'USA' COLLATE NOCASE
SELECT "actor"."Birth Place" FROM "actor"
SELECT `actor`.`name` FROM `actor`
SELECT [actor].[name] FROM [actor]
SELECT name 'n' FROM actor
""".strip("\n").split("\n")

# What the grammar leaves out, though SQLite takes it.
LEFT_OUT = r"""
SELECT name,sex FROM actor WHERE sex='F'AND aid>3
SELECT name FROM actor WHERE aid>3 AND name='x'ORDER BY name
SELECT name FROM actor WHERE sex="F"OR aid=3
SELECT name FROM actor WHERE (sex="F")OR(aid=3)
SELECT count(*)FROM actor
SELECT(name)FROM actor
SELECT"name"FROM actor
SELECT T1 . name FROM actor AS T1
SELECT name FROM actor -- the names
SELECT /* c */ name FROM actor
SELECT T1.'name' FROM actor AS T1
SELECT name FROM 'actor'
""".strip("\n").split("\n")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("forms") / "movies.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DDL)
    return path


@pytest.fixture(scope="module")
def schema(path: Path) -> Schema:
    return Schema.from_sqlite(path)


@pytest.fixture(scope="module")
def grammar(schema: Schema) -> Grammar:
    return Grammar(schema_grammar(schema))


@pytest.fixture(scope="module")
def scope(schema: Schema) -> SQLScope:
    return SQLScope(schema)


@pytest.fixture(scope="module")
def execution(path: Path) -> SQLExecution:
    return SQLExecution(path)


@pytest.mark.parametrize("query", QUERIES)
def test_it_gets_through(
    query: str, grammar: Grammar, scope: SQLScope, execution: SQLExecution
) -> None:
    assert log_complete(grammar, query) == 0.0
    for potential in (scope, execution):
        cuts = [query[:n] for n in range(0, len(query), 4)]
        assert [cut for cut in cuts if potential.prefix(cut) != 0.0] == []
        assert potential.complete(query) == 0.0


@pytest.mark.parametrize("query", LEFT_OUT)
def test_what_the_grammar_leaves_out_is_left_out(
    query: str, grammar: Grammar, execution: SQLExecution
) -> None:
    assert log_complete(grammar, query) == float("-inf")
    assert execution.database.check(query) is None
