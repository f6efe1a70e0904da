"""Completion of prefixes, and execution as a potential."""

from __future__ import annotations

import math
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from potentials.sql.database import Failure, QueryLimits, Result
from potentials.sql.execution import SQLExecution
from potentials.sql.guard import GuardedSQLite
from smc import check_potential
from smc.errors import SettingsError

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


def test_unresolved_names_die_at_the_end_of_their_clause(path: Path):
    execution = SQLExecution(path)
    for text, at in [
        ("SELECT nmae FROM singer WHERE age > 3", "WHERE "),
        ("SELECT name FROM singer WHERE aeg > 3 ORDER BY name", "ORDER "),
        ("SELECT name FROM sinners ORDER BY name", "ORDER "),
        ("SELECT id FROM singer JOIN song GROUP BY name", "GROUP "),
        ("SELECT name FROM singer WHERE id IN (SELECT nope FROM song)", ")"),
        ("SELECT x.name FROM (SELECT nope FROM singer) AS x", ")"),
        ("SELECT name FROM singer WHERE count(*) > 1 ORDER BY name", "ORDER "),
        ("SELECT id FROM singer UNION SELECT id, title FROM song ORDER BY id", "ORDER "),
    ]:
        cut = text.rindex(at)
        assert all(execution.prefix(text[:k]) == 0.0 for k in range(cut + len(at.rstrip())))
        assert execution.prefix(text[: cut + len(at)]) == -math.inf
        assert execution.complete(text) == -math.inf


def test_queries_that_run_live_at_every_prefix(path: Path):
    for text in [
        "SELECT name, (SELECT count(*) FROM song WHERE singer_id = singer.id) FROM singer WHERE 1",
        "SELECT s.name FROM singer AS s JOIN song ON song.singer_id = s.id WHERE sales > 2 LIMIT 1",
        "SELECT x.n FROM (SELECT name AS n FROM singer WHERE age > 26) AS x ORDER BY x.n",
        "SELECT name FROM singer WHERE age BETWEEN (SELECT 1) AND (SELECT max(age) FROM singer)",
        "SELECT 1 FROM singer WHEREabouts JOIN song ON title = WHEREabouts.name WHERE sales > 1",
        "SELECT a.title FROM song AS a WHERE EXISTS (SELECT * FROM singer WHERE id = a.singer_id)",
        "SELECT name FROM singer WHERE (SELECT id, age FROM singer WHERE id = 1) = (1, 30)",
        "WITH s AS (SELECT * FROM t), t AS (SELECT id FROM song) SELECT id FROM s WHERE id > 1;",
        'SELECT "home town", count(*) FROM singer GROUP BY 1 HAVING count(*) > 0 ORDER BY 2',
        "SELECT age FROM singer UNION SELECT sales FROM song ORDER BY age DESC LIMIT 3",
    ]:
        execution = SQLExecution(path)
        assert execution.complete(text) == 0.0, text
        assert [execution.prefix(text[:k]) for k in range(len(text) + 1)] == [0.0] * (len(text) + 1)


def test_the_laws_of_a_potential(path: Path):
    texts = [
        "SELECT name FROM singer WHERE id IN (SELECT singer_id FROM song) ORDER BY age",
        "SELECT nope FROM singer WHERE id = 1",
        "SELECT (SELECT nope FROM song WHERE 1) FROM singer",
    ]
    check_potential(SQLExecution(path, boundary=None), texts)
    check_potential(
        SQLExecution(path, boundary=None, empty=-1.0, rows=(2, 3), rows_weight=-0.5, shape=1), texts
    )


def test_options_are_log_weights_of_the_result(path: Path):
    none, three = "SELECT name FROM singer WHERE age > 99", "SELECT name, age FROM singer"
    assert SQLExecution(path, empty=-2.0).complete(none) == -2.0
    assert SQLExecution(path, empty=-2.0).complete(three) == 0.0
    assert SQLExecution(path, rows=(1, 2)).complete(three) == -math.inf
    assert SQLExecution(path, rows=(1, 2), rows_weight=-1.5).complete(three) == -1.5
    assert SQLExecution(path, rows=(4, None), rows_weight=-1.5).complete(three) == -1.5
    assert SQLExecution(path, rows=(3, 3)).complete(three) == 0.0
    assert SQLExecution(path, shape=2).complete(three) == 0.0
    assert SQLExecution(path, shape=1).complete(three) == -math.inf
    assert SQLExecution(path, shape=1, shape_weight=-0.25).complete(three) == -0.25
    both = SQLExecution(path, shape=2, shape_weight=-0.25, empty=-2.0, rows=(1, 9), rows_weight=-4)
    assert both.complete(none) == -6.25


def test_the_predicate_is_asked_of_the_rows_of_the_finished_query(path: Path):
    seen: list[list[tuple[object, ...]]] = []

    def older_first(rows: list[tuple[object, ...]]) -> bool:
        seen.append(rows)
        return rows[0][0] == 41

    execution = SQLExecution(path, predicate=older_first)
    assert execution.prefix("SELECT age FROM singer ORDER BY age DESC") == 0.0
    assert not seen
    assert execution.complete("SELECT age FROM singer ORDER BY age DESC") == 0.0
    assert execution.complete("SELECT age FROM singer ORDER BY age") == -math.inf
    assert seen == [[(41,), (30,), (25,)], [(25,), (30,), (41,)]]
    weighted = SQLExecution(path, predicate=lambda rows: -float(len(rows)))
    assert weighted.complete("SELECT age FROM singer") == -3.0


def test_options_steer_only_as_far_as_they_are_settled(path: Path):
    text = "SELECT name FROM singer WHERE age > 99 ORDER BY "
    assert SQLExecution(path, empty=-2.0).prefix(text) == -2.0
    assert SQLExecution(path, empty=-math.inf).prefix(text) == 0.0
    assert SQLExecution(path, rows=(1, None), rows_weight=-3.0).prefix(text) == -3.0
    assert SQLExecution(path, rows=(1, None)).prefix(text) == 0.0
    assert (
        SQLExecution(path, rows=(0, 1), rows_weight=-3.0).prefix("SELECT 1 FROM song WHERE ") == 0
    )
    assert SQLExecution(path, shape=2).prefix(text) == -math.inf
    # Of an enclosing query nothing is known yet.
    inner = "SELECT a, b FROM (SELECT name FROM singer WHERE "
    assert SQLExecution(path, shape=2, empty=-1.0).prefix(inner) == 0.0


def test_a_text_is_run_once(path: Path):
    class Counting:
        def __init__(self) -> None:
            self.inner, self.calls = GuardedSQLite(path), 0

        def check(self, sql: str) -> Failure | None:
            self.calls += 1
            return self.inner.check(sql)

        def run(self, sql: str, max_rows: int | None = None) -> Result | Failure:
            self.calls += 1
            return self.inner.run(sql, max_rows)

    counting = Counting()
    execution = SQLExecution(counting)
    for _ in range(3):
        assert execution.prefix("SELECT name FROM singer WHERE ") == 0.0
        assert execution.prefix("SELECT name FROM singer WHERE age") == 0.0
        assert execution.complete(" SELECT name FROM singer") == 0.0
    assert counting.calls == 2


def test_threads_have_a_connection_each(path: Path):
    execution = SQLExecution(path)
    values: list[float] = []

    def work(first: int) -> None:
        for age in range(first, first + 50):
            values.append(execution.complete(f"SELECT name FROM singer WHERE age > {age}"))

    threads = [threading.Thread(target=work, args=(50 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values == [0.0] * 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(empty=math.nan), "empty is nan"),
        (dict(rows=(2, 1)), r"rows is \(2, 1\)"),
        (dict(rows=(-1, None)), "rows is"),
        (dict(shape=0), "shape is 0"),
        (dict(shape_weight=math.inf), "shape_weight is inf"),
        (dict(timeout=0.0), "timeout is 0"),
        (dict(max_rows=0), "max_rows is 0"),
        (dict(max_memory=10), "max_memory is 10"),
    ],
)
def test_options_are_checked(path: Path, options: dict, message: str):
    with pytest.raises(SettingsError, match=message):
        SQLExecution(path, **options)


def test_what_is_no_database_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="no file"):
        SQLExecution(tmp_path / "absent.sqlite")
    wrong = tmp_path / "wrong.sqlite"
    wrong.write_bytes(b"this is no database, only text" * 100)
    with pytest.raises(SettingsError, match="cannot be read"):
        SQLExecution(wrong)
    assert not (tmp_path / "absent.sqlite").exists()


def test_a_name_with_special_characters(tmp_path: Path):
    path = tmp_path / "a b%20?mode=rwc#x.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    assert SQLExecution(path).complete("SELECT count(*) FROM singer") == 0.0
    assert [f.name for f in tmp_path.iterdir()] == [path.name]


def test_urls(path: Path):
    pytest.importorskip("sqlalchemy")
    from sqlalchemy import create_engine

    from potentials.sql.url import EngineDatabase

    guarded = SQLExecution.from_url(f"sqlite:///{path}", shape=1, empty=-1.0)
    assert isinstance(guarded.database, GuardedSQLite)
    assert guarded.complete("SELECT name FROM singer WHERE age > 99") == -1.0
    with pytest.raises(SettingsError, match="in memory"):
        SQLExecution.from_url("sqlite://")
    with pytest.raises(SettingsError, match="no engine"):
        SQLExecution.from_url("no such url")
    with pytest.raises(SettingsError, match="no engine"):
        SQLExecution.from_url("nonesuch://host/name")
    # The way of other engines, tried on SQLite without its guard.
    engine = create_engine(f"sqlite:///{path}")
    other = EngineDatabase(engine, QueryLimits(max_rows=5))
    found = other.run("SELECT name, '100%', ':x' FROM singer")
    assert isinstance(found, Result) and len(found.columns) == 3
    assert found.rows == [(n, "100%", ":x") for n in ("Ann", "Bo", "Cy")]
    assert other.check("SELECT name FROM singer") is None
    assert isinstance(other.check("SELECT nmae FROM singer"), Failure)
    endless = other.run("SELECT a.id FROM singer a, singer b, singer c")
    assert isinstance(endless, Failure) and endless.overlong
    for write in ("DELETE FROM singer", "DROP TABLE singer", "SELECT 1; DELETE FROM singer"):
        assert isinstance(other.run(write), Failure)
    assert isinstance(other.run("SELECT count(*) FROM singer"), Result)
    engine.dispose()


def test_without_sqlalchemy_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(SettingsError, match="pip install sqlalchemy"):
        SQLExecution.from_url("postgresql://host/name")
