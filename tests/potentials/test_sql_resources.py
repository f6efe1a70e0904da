"""What a query's value must not hang on: other queries, a file that changes, a wrong answer."""

from __future__ import annotations

import math
import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from potentials.sql.database import Failure, QueryLimits, Result
from potentials.sql.execution import SQLExecution
from potentials.sql.guard import GuardedSQLite
from potentials.sql.heap import SharedHeap
from smc.errors import PotentialError, SettingsError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE n (a INTEGER)")
        connection.executemany("INSERT INTO n VALUES (?)", [(i,) for i in range(1000)])
    return path


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (True, 0.0),
        (False, -math.inf),
        (np.bool_(True), 0.0),
        (np.bool_(False), -math.inf),
        (np.array(False), -math.inf),
        (-1.5, -1.5),
        (np.float32(-2.0), -2.0),
        (np.int64(1), 1.0),
        (-math.inf, -math.inf),
    ],
)
def test_predicates_answer_with_a_bool_or_a_log_weight(
    path: Path, answer: object, wanted: float
) -> None:
    execution = SQLExecution(path, predicate=lambda rows: answer)  # type: ignore[arg-type]
    assert execution.complete("SELECT a FROM n") == wanted


@pytest.mark.parametrize("answer", [math.nan, None, "yes", math.inf, [True], np.zeros(2), 1j])
def test_other_answers_raise_and_name_the_function(path: Path, answer: object) -> None:
    execution = SQLExecution(path, predicate=lambda rows: answer)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(PotentialError, match=r"SQLExecution: predicate: returned .*expected"):
            execution.complete("SELECT a FROM n")


def test_what_ran_out_of_memory_beside_another_runs_again_alone(path: Path) -> None:
    guarded = GuardedSQLite(path)
    once = guarded._once
    calls: list[str] = []

    def scarce(sql: str, max_rows: int, enough: bool) -> Result | Failure:
        calls.append(sql)
        if len(calls) == 1:
            return Failure("out of memory", resources=True)
        return once(sql, max_rows, enough)

    guarded._once = scarce  # type: ignore[method-assign]
    assert guarded.run("SELECT count(*) FROM n") == Result(("count(*)",), [(1000,)])
    assert len(calls) == 2


def test_a_failure_for_want_of_resources_is_not_remembered(path: Path) -> None:
    execution = SQLExecution(path, timeout=0.2)
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT max(x) FROM c"
    failure = execution.database.run(endless)
    assert isinstance(failure, Failure)
    assert failure.resources
    calls: list[str] = []
    run = execution.database.run

    def counted(sql: str, max_rows: int | None = None) -> Result | Failure:
        calls.append(sql)
        return run(sql, max_rows)

    execution.database.run = counted  # type: ignore[method-assign]
    for _ in range(2):
        assert execution.complete(endless) == -math.inf
        assert execution.complete("SELECT b FROM n") == -math.inf
    assert calls == [endless, "SELECT b FROM n", endless]


def test_time_is_that_of_the_query_and_not_of_its_neighbours(path: Path) -> None:
    guarded = GuardedSQLite(path, QueryLimits(timeout=1.0))
    waited = threading.Event()
    guarded.run("SELECT 1")
    clock = guarded._guarded()._clock
    with guarded._guarded().running():
        waited.wait(1.2)  # no work of the processor
        assert not clock.late()
    assert not guarded._guarded().was_late


def test_one_alone_waits_for_all_others_and_holds_new_ones_back() -> None:
    heap = SharedHeap()
    events: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with heap.beside():
            events.append("beside")
            inside.set()
            leave.wait(10)
            events.append("left")

    def alone() -> None:
        with heap.alone():
            events.append("alone")

    threads = [threading.Thread(target=other), threading.Thread(target=alone)]
    threads[0].start()
    inside.wait(10)
    threads[1].start()
    time.sleep(0.05)
    late = threading.Thread(target=other)
    late.start()
    time.sleep(0.05)
    leave.set()
    for thread in (*threads, late):
        thread.join(10)
    assert events == ["beside", "left", "alone", "beside", "left"]


def test_a_database_with_a_write_ahead_log_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO n VALUES (-1)")
        writer.commit()
        with pytest.raises(SettingsError, match=r"write-ahead log .*-wal"):
            SQLExecution(path)
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        execution = SQLExecution(path)
        query = "SELECT count(*) FROM n WHERE a = -1"
        assert execution.database.run(query) == Result(("count(*)",), [(1,)])
        writer.execute("INSERT INTO n VALUES (-1)")
        writer.commit()
        with pytest.raises(PotentialError, match="write-ahead log"):
            execution.complete(query)


def test_a_database_with_a_hot_journal_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN")
        writer.execute("UPDATE n SET a = a + 1")
        with pytest.raises(SettingsError, match="rollback journal"):
            SQLExecution(path)
        writer.execute("ROLLBACK")
    SQLExecution(path)


def test_a_database_that_is_replaced_or_written_to_raises(path: Path, tmp_path: Path) -> None:
    execution = SQLExecution(path)
    assert execution.complete("SELECT a FROM n") == 0.0
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE m (b INTEGER)")
    os.replace(other, path)
    with pytest.raises(PotentialError, match="it has changed"):
        execution.complete("SELECT b FROM m")
    assert SQLExecution(path).complete("SELECT b FROM m") == 0.0


def test_wide_results_formats_and_arrays_are_within_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "wide.sqlite"
    columns = [f"c{i}" for i in range(1200)]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE wide ({', '.join(columns)})")
        connection.execute("INSERT INTO wide (c0, c1) VALUES (7, 'x')")
    guarded = GuardedSQLite(path)
    wide = guarded.run("SELECT * FROM wide")
    assert isinstance(wide, Result)
    assert len(wide.columns) == 1200
    for expression, value in {
        "printf('%05.1f|%s', c0, c1)": "007.0|x",
        "format('%*d', 4, c0)": "   7",
        "json_group_array(c0)": "[7]",
        "json_extract('{\"a\": 3}', '$.a')": 3,
    }.items():
        assert guarded.run(f"SELECT {expression} FROM wide") == Result((expression,), [(value,)])


@pytest.mark.parametrize(
    "call",
    [
        "printf('%.*c', 1000000000, 'x')",
        "printf('%.*c', '1000000000 or so', 'x')",
        "format('%1000000000d', 1)",
        "format('%.1000000000f', 1.5)",
        "format(replace(hex(zeroblob(30000)), '00', '%9999d'), 1)",
    ],
)
def test_formats_without_end_are_refused_at_once(path: Path, call: str) -> None:
    began = time.thread_time()
    assert isinstance(GuardedSQLite(path).run(f"SELECT {call}"), Failure)
    assert time.thread_time() - began < 1.0
