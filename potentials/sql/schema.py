"""Database schemas: tables, columns and their declared types, by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potentials.sql.words import quotings
from smc.errors import SettingsError


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: As the schema spells it.
        type: As declared, `INTEGER` or `varchar(20)`; "" where none is.
    """

    name: str
    type: str = ""


@dataclass(frozen=True)
class Table:
    """A table or view and its columns, in order."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Schema:
    """The tables of a database, in order.

    Example:
        >>> Schema.from_ddl("CREATE TABLE singer (id INTEGER, name TEXT)").tables[0].columns[1]
        Column(name='name', type='TEXT')
    """

    tables: tuple[Table, ...]
    name: str = ""

    def __post_init__(self) -> None:
        if not self.tables:
            raise SettingsError(
                f"Schema {self.name!r}: no table; a query has nothing to select from. Expected a "
                "database with at least one table."
            )

    @classmethod
    def from_sqlite(cls, path: str | Path) -> Schema:
        """Read the schema of an SQLite file, which is opened read-only; its name is the file's.

        Left out are views that no longer work, for they name what is not there, and virtual tables
        with the tables that they keep their data in, which `SQLExecution` does not read.

        Raises:
            SettingsError: There is no such file, it is no database, it is locked, or it has no
                table.
        """
        path = Path(path)
        if not path.is_file():
            raise SettingsError(
                f"Schema.from_sqlite: no file {str(path)!r}; expected an SQLite database."
            )
        uri = path.absolute().as_uri() + "?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                return cls(_tables(connection), path.stem)
        except sqlite3.Error as error:
            expected = "an SQLite database"
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                expected = "one that no other program holds locked. Close it there, or use a copy"
            raise SettingsError(
                f"Schema.from_sqlite: {str(path)!r} cannot be read ({error}); expected {expected}."
            ) from error

    @classmethod
    def from_ddl(cls, text: str, name: str = "") -> Schema:
        """Read `CREATE TABLE` statements in SQLite's dialect.

        They run in an empty database in memory that may create tables, views and indexes and
        nothing else; other statements (inserts, pragmas) are refused.

        Raises:
            SettingsError: SQLite refuses a statement, or there is no table.
        """
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.set_authorizer(_only_definitions)
            try:
                connection.executescript(text)
            except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
                # ValueError: what is not text at all, as a NUL character or half a surrogate pair.
                raise SettingsError(
                    f"Schema.from_ddl: SQLite refuses the text ({error}); expected CREATE TABLE "
                    "statements in its dialect and nothing else."
                ) from error
            connection.set_authorizer(None)
            return cls(_tables(connection), name)

    @classmethod
    def from_spider(cls, entry: Mapping[str, Any]) -> Schema:
        """Read one entry of Spider's `tables.json`, by its original names.

        Tables of SQLite's own, which some entries list, are left out.

        Raises:
            SettingsError: The entry lacks a key.
        """
        needed = ("table_names_original", "column_names_original", "column_types")
        missing = [key for key in needed if key not in entry]
        if missing:
            raise SettingsError(
                f"Schema.from_spider: the entry has no {missing[0]!r}, only "
                f"{', '.join(sorted(entry))}; expected one entry of Spider's tables.json."
            )
        columns: list[list[Column]] = [[] for _ in entry["table_names_original"]]
        pairs = zip(entry["column_names_original"], entry["column_types"], strict=True)
        for (table, column), kind in pairs:
            if table >= 0:
                columns[table].append(Column(column, kind))
        tables = tuple(
            Table(table, tuple(own))
            for table, own in zip(entry["table_names_original"], columns, strict=True)
            if not table.lower().startswith("sqlite_")
        )
        return cls(tables, str(entry.get("db_id", "")))


_ALLOWED = frozenset(
    {
        sqlite3.SQLITE_CREATE_TABLE,
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_CREATE_VIEW,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_REINDEX,
    }
)
_OWN_TABLES = frozenset({"sqlite_master", "sqlite_schema", "sqlite_sequence"})


def _only_definitions(action: int, first: str | None, *_rest: object) -> int:
    """Admit what creating a table needs; SQLite writes its own catalogue to do so."""
    own = action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE) and first in _OWN_TABLES
    return sqlite3.SQLITE_OK if own or action in _ALLOWED else sqlite3.SQLITE_DENY


def _tables(connection: sqlite3.Connection) -> tuple[Table, ...]:
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
    ).fetchall()
    virtual = _virtual(connection)
    tables: list[Table] = []
    for (name,) in names:
        if name in virtual:
            continue
        try:
            rows = connection.execute(
                # Generated columns count as hidden, but for a query they are as others.
                "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid",
                (name,),
            ).fetchall()
            connection.execute(f"EXPLAIN SELECT * FROM {quotings(name)[0]}").close()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "") != "SQLITE_ERROR":
                raise
            continue  # a view of what is no longer there
        if rows:
            tables.append(Table(name, tuple(Column(column, kind) for column, kind in rows)))
    return tuple(tables)


def _virtual(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the virtual tables, and their shadow tables."""
    rows = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('virtual', 'shadow')"
    )
    return frozenset(name for (name,) in rows)
