"""Compilation of queries by SQLite itself, over a schema's tables without their rows."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping

from potentials.sql.guard import is_query
from potentials.sql.permissions import ACTIONS, FUNCTIONS, SIZES
from potentials.sql.words import quotings

_SYNTAX = ("syntax error", "unrecognized token", "incomplete input", "one statement at a time")


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """SQLite does not compile a query.

    Attributes:
        syntax: Whether it is no SQL, whatever its names mean.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.syntax = any(words in message for words in _SYNTAX)


class EmptyDatabase:
    """Tables in memory that queries are compiled against, and never run.

    Args:
        tables: The names of the columns of each table.
    """

    def __init__(self, tables: Mapping[str, Iterable[str]]) -> None:
        self._tables = {name: tuple(columns) for name, columns in tables.items()}
        self._local = threading.local()

    def compile(self, sql: str) -> None:
        """Compile a query.

        Raises:
            Refused: SQLite does not take it, or it does more than read, or there are no such tables
                in SQLite (two columns of one name).
        """
        if not is_query(sql):
            raise Refused("no query: syntax error")
        try:
            self._connection().execute(f"EXPLAIN {sql}").close()
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            # ValueError: what is not text at all, as half a surrogate pair.
            raise Refused(str(error)) from error

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
            for name, columns in self._tables.items():
                listed = ", ".join(quotings(column)[0] for column in columns)
                connection.execute(f"CREATE TABLE {quotings(name)[0]} ({listed})")
            for category, value in SIZES.items():
                connection.setlimit(category, value)
            connection.set_authorizer(_authorize)
            self._local.connection = connection
        return self._local.connection


def _authorize(action: int, _first: str | None, second: str | None, *_rest: object) -> int:
    """Admit reading alone, as `SQLExecution` does."""
    denied = action not in ACTIONS or (
        action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in FUNCTIONS
    )
    return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK
