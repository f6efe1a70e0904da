"""The grammar of a schema: what it takes, what it refuses, and that the masks agree."""

import random
import time

import pytest

from potentials import Grammar
from potentials.grammar.lark import translate
from potentials.sql import Column, Schema, Table, schema_grammar
from smc.potential import log_complete, log_prefix

SCHEMA = Schema.from_ddl(
    """
    CREATE TABLE singer (id INTEGER, name TEXT, age INTEGER, count INTEGER, "no" INTEGER);
    CREATE TABLE concert (id INTEGER, singer_id INTEGER, "the year" TEXT, "order" INTEGER);
    CREATE TABLE "my table" (a INTEGER, n INTEGER, nullable INTEGER, "x]y" TEXT);
    """
)


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar(schema_grammar(SCHEMA))


@pytest.fixture(scope="module")
def backward() -> Grammar:
    """No name is used before the query defines it."""
    return Grammar(schema_grammar(SCHEMA, forward=False))


ACCEPTED = """
SELECT * FROM singer
 SELECT * FROM singer ;
select Name, AGE from SINGER where Age >= 20 and not name like 'A%'
SELECT count(*), count(DISTINCT name), count FROM singer
SELECT COUNT ( * ) FROM singer
SELECT no, n, nullable FROM singer, "my table"
SELECT T1.name , t2.singer_id FROM singer AS T1 JOIN concert AS t2 ON T1.id  =  t2.singer_id
SELECT s.name FROM singer s LEFT OUTER JOIN concert c ON s.id = c.singer_id
SELECT name FROM singer JOIN concert
SELECT name FROM singer NATURAL JOIN concert CROSS JOIN concert c2
SELECT name FROM singer JOIN concert USING (id)
SELECT singer.name, concert.id, s.* FROM singer, concert, singer AS s
SELECT a FROM (SELECT a FROM "my table") AS x
SELECT count(*) FROM (SELECT id FROM singer UNION SELECT id FROM concert)
SELECT name FROM singer WHERE id IN (SELECT singer_id FROM concert WHERE id > 3)
SELECT name FROM singer WHERE id NOT IN (1, 2, 3) AND EXISTS (SELECT 1 FROM concert)
SELECT (SELECT max(id) FROM concert) FROM singer
SELECT name FROM singer WHERE age = (SELECT min(age) FROM singer)
SELECT name FROM singer UNION ALL SELECT id FROM concert EXCEPT SELECT 1
SELECT name FROM singer INTERSECT SELECT name FROM singer ORDER BY name LIMIT 3
SELECT DISTINCT name FROM singer ORDER BY age DESC, name ASC, count(*) LIMIT 3 OFFSET 2
SELECT name, avg(age) AS mean FROM singer GROUP BY name, id HAVING avg(age) > 2.5 OR count(*) < 3
SELECT name AS "the name" FROM singer LIMIT 3, 4
SELECT name FROM singer WHERE age BETWEEN 1 AND 2 AND name IS NOT NULL OR name IS NULL
SELECT name FROM singer WHERE age NOT BETWEEN -1 AND 2 * (3 + age) / 4 % 2 - 1
SELECT CASE WHEN age > 3 THEN 'a' WHEN age < 1 THEN 'b' ELSE NULL END FROM singer
SELECT CASE age WHEN 3 THEN 1 END, CAST(age AS REAL), name || 'it''s' FROM singer
SELECT name FROM singer WHERE name NOT LIKE "%x%" AND name GLOB 'a*' AND name LIKE 'a' ESCAPE 'b'
SELECT "the year", `order`, [the year], concert."order", T1.[the year] FROM concert AS T1
SELECT a, `x]y` FROM "my table" WHERE "my table".a = 1 AND [my table].`x]y` <> 'x'
SELECT "name" FROM "singer"
SELECT round(avg(age), 2), upper(name), coalesce(age, 0), strftime('%Y', name) FROM singer
SELECT name FROM singer WHERE (age = 1 OR age != 2) AND (name) IN ('a')
SELECT 1
""".strip("\n").split("\n")

REFUSED = """
SELECT
SELECT nam FROM singer
SELECT names FROM singer
SELECT name FROM singers
SELECT nameFROM singer
SELECT nameAS x FROM singer
SELECT name FROM singerWHERE id = 1
SELECTname FROM singer
SELECT name FROM singer WHEREid = 1
SELECT singer.singer_id FROM singer
SELECT "my table".id FROM "my table"
SELECT T1.nothing FROM singer AS T1
SELECT name FROM singer AS where
SELECT name FROM singer AS select
SELECT name FROM singer join
SELECT order FROM concert
SELECT the year FROM concert
SELECT a FROM my table
SELECT name FROM singer WHERE
SELECT name FROM singer WHERE age >
SELECT name FROM singer WHERE age = 1 2
SELECT name FROM singer GROUP BY
SELECT name FROM singer LIMIT 3 ORDER BY age
SELECT name FROM singer ORDER age
SELECT name FROM singer WHERE id IN 3
SELECT name FROM singer WHERE id BETWEEN 1
SELECT (name FROM singer
SELECT name) FROM singer
SELECT name,, id FROM singer
SELECT name FROM singer UNION
SELECT name FROM singer;;
SELECT name FROM singer; SELECT 1
SELECT 'open FROM singer
SELECT randomblob(3) FROM singer
SELECT load_extension('x')
SELECT name FROM sqlite_master
DELETE FROM singer
PRAGMA table_info(singer)
ATTACH 'x' AS y
SELECT name FROM ſinger
""".strip("\n").split("\n")


@pytest.mark.parametrize("text", ACCEPTED)
def test_queries_of_the_schema_are_taken(grammar: Grammar, text: str) -> None:
    assert log_complete(grammar, text) == 0.0
    assert all(log_prefix(grammar, text[:n]) == 0.0 for n in range(len(text)))


@pytest.mark.parametrize("text", REFUSED)
def test_other_texts_are_refused(grammar: Grammar, text: str) -> None:
    assert log_complete(grammar, text) == float("-inf")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("SELECT singer.na", "y"),
        ("SELECT T1.a", "x"),
        ("SELECT name FROM s", "o"),
        # Until then it may be an alias.
        ("SELECT zname_of", "xxxxxxx"),
        ("SELECT name FROM singer AS T", "-"),
    ],
)
def test_an_unknown_name_is_refused_at_its_first_wrong_character(
    backward: Grammar, good: str, bad: str
) -> None:
    assert log_prefix(backward, good) == 0.0
    assert log_prefix(backward, good + bad) == float("-inf")


def test_a_name_before_from_may_be_one_that_from_defines(
    grammar: Grammar, backward: Grammar
) -> None:
    for query in (
        "SELECT avg(total_of_ids) FROM (SELECT sum(id) AS total_of_ids FROM singer)",
        "SELECT x.mean FROM (SELECT avg(age) mean FROM singer) AS x",
        "SELECT the_concerts.id FROM concert AS the_concerts",
        "SELECT singer.singer_id FROM concert AS singer",
        "SELECT n.k FROM singer JOIN (SELECT count(*) k FROM concert) n ON n.k = singer.age",
    ):
        assert log_complete(grammar, query) == 0.0, query
        assert log_complete(backward, query) == float("-inf"), query


def test_any_white_space_separates(grammar: Grammar) -> None:
    assert log_complete(grammar, "\n SELECT\tname\r\nFROM\n\n singer \n;\n") == 0.0


def test_keywords_and_names_are_taken_in_any_case(grammar: Grammar) -> None:
    rng = random.Random(4)
    for text in ACCEPTED:
        if "'" in text or '"' in text:
            continue
        mixed = "".join(rng.choice((c.lower(), c.upper())) for c in text)
        assert log_complete(grammar, mixed) == 0.0, mixed


def test_any_name_can_be_quoted() -> None:
    names = ["a/b\\", "]`", '"(', "é ſ", "1a\t.", "a.b"]
    schema = Schema(tuple(Table(f"t {n}", (Column(n), Column("x" + n))) for n in names))
    grammar = Grammar(schema_grammar(schema))
    for name in names:
        back, double = name.replace("`", "``"), name.replace('"', '""')
        for query in (
            f"SELECT `{back}`, `x{back}` FROM `t {back}`",
            f'SELECT T1."{double}" FROM "t {double}" AS T1',
            f'SELECT "t {double}".`x{back}` FROM "t {double}"',
        ):
            assert log_complete(grammar, query) == 0.0, query
    assert log_complete(grammar, "SELECT `zz` FROM `t a.b`") == float("-inf")
    assert log_complete(grammar, 'SELECT "t a.b"."]`" FROM `t a.b`') == float("-inf")


def test_names_that_start_like_each_other_and_like_keywords_are_told_apart() -> None:
    names = ["c", "co", "count", "counts", "n", "no", "not1", "nullx", "case1", "in1", "sum", "s"]
    schema = Schema((Table("t", tuple(Column(n) for n in names)), Table("tt", (Column("e"),))))
    grammar = Grammar(schema_grammar(schema))
    for name in names:
        query = (
            f"SELECT {name}, max({name}) FROM t WHERE NOT {name} = t.{name} AND x.{name} IS NULL"
        )
        assert log_complete(grammar, query) == 0.0, query
    for query in (
        "SELECT cou FROM t",
        "SELECT ns FROM t",
        "SELECT coc FROM t",
        "SELECT e FROM t t t",
    ):
        assert log_complete(grammar, query) == float("-inf"), query


def many_columns(tables: int, columns: int) -> Schema:
    rng = random.Random(1)
    words = "name id code date type amount customer order city year price status score".split()
    return Schema(
        tuple(
            Table(
                f"{rng.choice(words)}_{rng.choice(words)}_{i}",
                tuple(
                    Column(f"{rng.choice(words)}_{rng.choice(words)}_{j}") for j in range(columns)
                ),
            )
            for i in range(tables)
        )
    )


def test_three_hundred_columns_are_carried_whole_and_stay_small() -> None:
    small = schema_grammar(many_columns(2, 15))
    large = schema_grammar(many_columns(15, 20))
    carried = translate(large)
    assert carried.mode == "earley-dynamic"
    assert carried.rewrites == ()
    # 300 columns of about 15 characters, twice in any case: the rest does not grow.
    assert len(large) - len(small) < 270 * 15 * 2 * 5 * 1.5
    assert len(large) < 200_000


def test_three_hundred_tables_are_carried_in_seconds() -> None:
    began = time.process_time()
    carried = translate(schema_grammar(many_columns(300, 10)))
    seconds = time.process_time() - began
    # Three seconds where the machine is quiet.
    assert seconds < 20.0
    # 3,300 names of some 13 characters in a few roles, any case.
    assert len(carried.llguidance) < 3300 * 13 * 5 * 3


def test_nothing_of_the_grammar_is_rewritten() -> None:
    assert translate(schema_grammar(SCHEMA)).rewrites == ()
