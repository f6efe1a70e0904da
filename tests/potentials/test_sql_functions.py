"""String functions in linear time give what SQLite's own give."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from potentials.sql.database import Result
from potentials.sql.functions import instr, replace, strip
from potentials.sql.guard import GuardedSQLite


def test_functions_in_linear_time_give_what_sqlite_gives(tmp_path: Path):
    path = tmp_path / "t.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    database = GuardedSQLite(path)
    values = [
        "'  a b '",
        "'xxabxx'",
        "''",
        "NULL",
        "12.0",
        "-7",
        "1e20",
        "9e999",
        "-9e999",
        "-0.0",
        "0.1",
        "x'616278'",
        "'éaé'",
    ]
    seconds = ["' '", "'x'", "'xa'", "''", "NULL", "1", "'é'", "x'78'", "2.0"]
    with closing(sqlite3.connect(path)) as plain:
        for value in values:
            for second in seconds:
                for call in (
                    f"trim({value}, {second})",
                    f"ltrim({value}, {second})",
                    f"rtrim({value}, {second})",
                    f"instr({value}, {second})",
                    f"replace({value}, {second}, 'yy')",
                    f"replace({value}, 'x', {second})",
                ):
                    sql = f"SELECT typeof({call}), {call}"
                    found = database.run(sql)
                    assert isinstance(found, Result)
                    assert found.rows == plain.execute(sql).fetchall(), call


def test_replace_is_no_way_to_a_long_text():
    assert replace("a" * 10, "a", "b" * 10, max_bytes=100) == "b" * 100
    with pytest.raises(OverflowError):
        replace("a" * 10, "a", "b" * 11, max_bytes=100)
    assert instr(b"abc", b"c") == 3 and strip("xax", "x", left=True, right=False) == "ax"
