"""The smallest runnable query of a prefix, and the law that it may be judged by."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from potentials.sql.completion import complete, tokens
from potentials.sql.database import Result
from potentials.sql.guard import GuardedSQLite

SCHEMA = """
CREATE TABLE singer (id INTEGER, name TEXT, age INTEGER, "home town" TEXT);
CREATE TABLE song (id INTEGER, singer_id INTEGER, title TEXT, sales REAL);
INSERT INTO singer VALUES (1, 'Ann', 30, 'Rome'), (2, 'Bo', 25, NULL), (3, 'Cy', 41, 'Bern');
INSERT INTO song VALUES (1, 1, 'x', 1.5), (2, 1, 'y', 2.0), (3, 3, 'z', 9.5);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT a FROM t WHERE ", "SELECT a FROM t"),
        ("select a from t where b", "select a from t"),
        ("SELECT a FROM t WHERE b = 1 GROUP BY c", "SELECT a FROM t WHERE b = 1"),
        ("SELECT a FROM t WHERE b = ' ORDER BY", "SELECT a FROM t"),
        (
            "SELECT a FROM t WHERE b = ' GROUP BY ' ORDER BY ",
            "SELECT a FROM t WHERE b = ' GROUP BY '",
        ),
        ('SELECT a FROM "my where " WHERE ', 'SELECT a FROM "my where "'),
        ("SELECT a FROM [x order ] /* where */ LIMIT ", "SELECT a FROM [x order ] /* where */"),
        ("SELECT a FROM t -- WHERE \n ORDER BY ", "SELECT a FROM t -- WHERE \n"),
        ("SELECT a FROM t UNION ", "SELECT a FROM t"),
        ("SELECT a FROM t UNION SELECT b FROM u WHERE ", "SELECT a FROM t UNION SELECT b FROM u"),
        ("SELECT a FROM t;", "SELECT a FROM t"),
        (
            "SELECT a FROM (SELECT b FROM t -- :)\n WHERE ",
            "SELECT 1 FROM (SELECT b FROM t -- :)\n)",
        ),
        (
            "SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE ",
            "SELECT a FROM t WHERE b IN (SELECT c FROM u)",
        ),
        (
            "SELECT a FROM t WHERE b > abs((SELECT c FROM u LIMIT ",
            "SELECT a FROM t WHERE b > abs((SELECT c FROM u))",
        ),
        ("SELECT a FROM (SELECT b FROM t WHERE ", "SELECT 1 FROM (SELECT b FROM t)"),
        (
            "SELECT a FROM (SELECT b FROM t WHERE c = 1)",
            "SELECT 1 FROM (SELECT b FROM t WHERE c = 1)",
        ),
        ("SELECT a FROM s JOIN (SELECT b FROM t WHERE ", "SELECT 1 FROM (SELECT b FROM t)"),
        (
            "SELECT a FROM t WHERE b IN (SELECT c FROM (SELECT d FROM u ORDER BY ",
            "SELECT a FROM t WHERE b IN (SELECT 1 FROM (SELECT d FROM u))",
        ),
        # Names in these may still be those of a FROM to come, or of a table of a WITH.
        ("SELECT (SELECT c FROM u WHERE ", None),
        ("SELECT a FROM t JOIN u ON t.b = (SELECT max(c) FROM v WHERE ", None),
        ("WITH w AS (SELECT a FROM later WHERE ", None),
        ("WITH w AS (SELECT 1) SELECT a FROM (SELECT b FROM w WHERE ", None),
        ("WITH w AS (SELECT 1) SELECT a FROM w WHERE ", "WITH w AS (SELECT 1) SELECT a FROM w"),
        # FROM is not finished: more tables may come, and WHERE may be the start of an alias.
        ("SELECT a FROM t", None),
        ("SELECT a FROM t JOIN ", None),
        ("SELECT a FROM t WHERE", None),
        ("SELECT a IS NOT DISTINCT FROM b WHERE ", "SELECT a IS NOT DISTINCT FROM b"),
        ("SELECT a IS DISTINCT FROM b FROM t", None),
        ("", None),
        ("DELETE FROM t WHERE ", None),
        ("SELECT a FROM t; SELECT b FROM u WHERE ", None),
        ("SELECT a FROM t) WHERE ", None),
    ],
)
def test_the_smallest_runnable_query(text: str, expected: str | None):
    completion = complete(text)
    assert (completion and completion.sql) == expected


def test_tokens_hold_strings_names_and_comments_together():
    found = [
        t.text for t in tokens("""Select 'it''s; (', "a""b" `x y` [p)q] -- c'\n 1.5e3 /* ( */ é1""")
    ]
    assert found == ["select", "'it''s; ('", ",", '"a""b"', "`x y`", "[p)q]", "1.5e3", "é1"]


def random_query(rng: random.Random, depth: int) -> str:
    """Return a query of nested parts, with names that may or may not be in scope."""

    def pick(*choices: str) -> str:
        return rng.choice(choices)

    def name() -> str:
        return pick("age", "name", "title", "sales", "s.age", "t.title", "1", "2", "3", "n")

    def value() -> str:
        if depth == 0 or rng.random() < 0.6:
            return pick(name(), "1", "2", "'where'", f"max({name()})", "(1 + " + name() + ")")
        return f"({random_query(rng, depth - 1)})"

    def source() -> str:
        if depth == 0 or rng.random() < 0.6:
            return pick("singer s", "singer AS s", "song AS t", "song t", "singer", "w")
        return f"({random_query(rng, depth - 1)}) AS " + pick("s", "t", "x")

    text = f"SELECT {value()}" + pick("", "", " AS n") + pick("", "", "", "", f", {value()}")
    text += f" FROM {source()}" + pick(
        "", "", " JOIN song AS t", f" JOIN {source()}", f", {source()}"
    )
    if rng.random() < 0.2:
        text += f" JOIN song u ON {value()} = {value()}"
    if rng.random() < 0.6:
        text += (
            f" WHERE {value()} " + pick("=", "<", "IN", "IS NOT DISTINCT FROM") + f" ({value()})"
        )
        text += pick("", f" AND EXISTS (SELECT {name()} FROM {source()} WHERE {value()} > 0)")
    text += pick("", "", f" GROUP BY {name()}", f" GROUP BY {name()} HAVING {value()} > 0")
    text += pick("", "", f" UNION SELECT {value()} FROM {source()}")
    text += pick("", "", f" ORDER BY {name()}", f" ORDER BY {pick('1', '2')} LIMIT 3")
    return text


def test_no_random_query_that_runs_has_a_dead_prefix(path: Path):
    rng = random.Random(7)
    database = GuardedSQLite(path)
    ran = died = 0
    for _ in range(500):
        text = rng.choice(["", "", "WITH w AS (SELECT id AS n FROM song) "]) + random_query(
            rng, rng.choice((0, 1, 1, 2))
        )
        if len(text) > 400:
            continue
        cuts = [token.end + 1 for token in tokens(text)]
        completions = {c.sql for k in cuts if (c := complete(text[:k]))}
        failures = [sql for sql in completions if (f := database.check(sql)) and f.names]
        runs = isinstance(database.run(text), Result)
        assert not (runs and failures), (text, failures)
        ran, died = ran + runs, died + bool(failures)
    assert ran > 30 and died > 150


@pytest.mark.data
def test_no_query_that_runs_has_a_dead_prefix(data_dir: Path):
    """Gold queries, and gold queries with a word replaced: whatever runs was alive all along."""
    folder = data_dir / "spider"
    examples = [
        e
        for file in ("dev.json", "train_spider.json")
        for e in json.loads((folder / file).read_text())
        if (folder / "database" / e["db_id"] / f"{e['db_id']}.sqlite").is_file()
    ]
    rng = random.Random(3)
    ran = died = 0
    for example in rng.sample(examples, 60):
        database = GuardedSQLite(
            folder / "database" / example["db_id"] / f"{example['db_id']}.sqlite"
        )
        words = re.findall(r"\w+|\W", example["query"])
        for mutated in range(4):
            changed = list(words)
            if mutated:
                changed[rng.randrange(len(words))] = rng.choice(words)
            text = "".join(changed)
            completions = {c.sql for k in range(len(text) + 1) if (c := complete(text[:k]))}
            failures = [f for sql in completions if (f := database.check(sql)) and f.names]
            runs = isinstance(database.run(text), Result)
            assert not (runs and failures), text
            ran, died = ran + runs, died + bool(failures)
    assert ran >= 60 and died >= 10
