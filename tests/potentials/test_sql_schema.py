"""Reading schemas."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from potentials.sql import Column, Schema, Table
from smc.errors import SettingsError

DDL = 'CREATE TABLE singer (id INTEGER PRIMARY KEY AUTOINCREMENT, "full name" varchar(20), x);'
SINGER = Table(
    "singer", (Column("id", "INTEGER"), Column("full name", "varchar(20)"), Column("x", ""))
)


def test_ddl_gives_names_and_types_and_leaves_out_sqlite_s_own_tables() -> None:
    schema = Schema.from_ddl(DDL + "CREATE INDEX i ON singer (x);", "music")
    assert schema == Schema((SINGER,), "music")


def test_a_view_is_a_table() -> None:
    schema = Schema.from_ddl(DDL + "CREATE VIEW v AS SELECT id AS number FROM singer;")
    assert schema.tables[1] == Table("v", (Column("number", "INTEGER"),))


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO singer VALUES (1, 2, 3)",
        "PRAGMA writable_schema = ON",
        "CREATE TABLE t (a\0)",
        "CREATE TABLE t (\ud800)",
        "CREATE TABLE",
        "SELECT load_extension('x')",
    ],
)
def test_ddl_that_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="from_ddl: SQLite refuses"):
        Schema.from_ddl(DDL + text)


def test_ddl_cannot_attach_a_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="from_ddl"):
        Schema.from_ddl(f"{DDL} ATTACH '{tmp_path / 'new.sqlite'}' AS other")
    assert not list(tmp_path.iterdir())


def test_a_file_gives_the_same_as_its_ddl_and_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "a b#c.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DDL)
    before = path.read_bytes()
    assert Schema.from_sqlite(path) == Schema((SINGER,), "a b#c")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no file"):
        Schema.from_sqlite(tmp_path / "none.sqlite")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.sqlite"
    path.write_text("this is not a database, whatever its name may be" * 20)
    with pytest.raises(SettingsError, match=r"text\.sqlite"):
        Schema.from_sqlite(path)


def test_spider_s_entries_have_original_names() -> None:
    entry = {
        "db_id": "music",
        "table_names": ["the singer", "its own"],
        "table_names_original": ["Singer", "sqlite_sequence"],
        "column_names": [[-1, "*"], [0, "singer id"], [1, "name"]],
        "column_names_original": [[-1, "*"], [0, "Singer_ID"], [1, "name"]],
        "column_types": ["text", "number", "text"],
    }
    assert Schema.from_spider(entry) == Schema(
        (Table("Singer", (Column("Singer_ID", "number"),)),), "music"
    )


def test_an_entry_without_a_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="column_types"):
        Schema.from_spider({"table_names_original": [], "column_names_original": []})


def test_a_schema_needs_a_table() -> None:
    with pytest.raises(SettingsError, match="no table"):
        Schema.from_ddl("")


def test_generated_columns_are_columns() -> None:
    schema = Schema.from_ddl(
        "CREATE TABLE t (a INTEGER, b INTEGER AS (a * 2) STORED, c TEXT AS (a || 'x'))"
    )
    assert [(c.name, c.type) for c in schema.tables[0].columns] == [
        ("a", "INTEGER"),
        ("b", "INTEGER"),
        ("c", "TEXT"),
    ]


def test_views_of_what_is_gone_and_virtual_tables_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            CREATE TABLE kept (a INTEGER); CREATE TABLE gone (b INTEGER);
            CREATE VIEW fine AS SELECT a FROM kept; CREATE VIEW stale AS SELECT b FROM gone;
            CREATE VIEW broken AS SELECT absent FROM kept;
            CREATE VIRTUAL TABLE words USING fts5(body);
            DROP TABLE gone;
            """
        )
    assert [t.name for t in Schema.from_sqlite(path).tables] == ["kept", "fine"]


def test_a_locked_database_is_called_locked(tmp_path: Path) -> None:
    path = tmp_path / "locked.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE t (a INTEGER)")
        writer.execute("PRAGMA locking_mode = EXCLUSIVE")
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SettingsError, match=r"locked.*no other program holds locked"):
            Schema.from_sqlite(path)
