"""Databases behind an SQLAlchemy URL."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from potentials.sql.database import CELL_BYTES, Database, Failure, QueryLimits, Result
from potentials.sql.guard import GuardedSQLite, is_query
from smc.errors import PotentialError, SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_READ_ONLY = {
    "postgresql": ("SET TRANSACTION READ ONLY", "SET LOCAL statement_timeout = {ms}"),
    "mysql": ("SET SESSION MAX_EXECUTION_TIME = {ms}", "START TRANSACTION READ ONLY"),
    "mariadb": ("SET SESSION max_statement_time = {s}", "START TRANSACTION READ ONLY"),
}
"""What precedes a query, by dialect, in the one transaction that is rolled back after it."""

_NAME_STATES = frozenset({"42703", "42P01", "42702", "42883", "42P09", "42803"})
"""SQLSTATE of names in PostgreSQL: undefined or ambiguous column, table, function, aggregates."""

_NAME_NUMBERS = frozenset({1052, 1054, 1146, 1305, 1222})
"""The same of MySQL and MariaDB."""

_BATCH = 1000


def open_url(url: str, limits: QueryLimits) -> Database:
    """Return the database at an SQLAlchemy URL; SQLite files get the guard of a path.

    Raises:
        SettingsError: SQLAlchemy or the driver is missing, or there is no such database.
    """
    try:
        from sqlalchemy import create_engine
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    except ModuleNotFoundError as error:
        raise SettingsError(
            "SQLExecution.from_url: SQLAlchemy is not installed; expected it for databases other "
            "than SQLite files. Run: pip install sqlalchemy, and the driver of your database."
        ) from error
    try:
        address = make_url(url)
        if address.get_backend_name() == "sqlite":
            if address.database in (None, "", ":memory:"):
                raise SettingsError(
                    "SQLExecution.from_url: an SQLite database in memory is empty and nobody "
                    "else's; expected sqlite:///FILE."
                )
            return GuardedSQLite(address.database, limits)
        return EngineDatabase(create_engine(address, pool_pre_ping=True), limits)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise SettingsError(
            f"SQLExecution.from_url: no engine for the URL ({error}); expected one as "
            "postgresql+psycopg://reader@host/name, and its driver installed."
        ) from error


class EngineDatabase:
    """A database behind an SQLAlchemy engine, each query in a transaction that is rolled back.

    What a query may do besides is up to the rights of the user that connects.

    Args:
        engine: Of SQLAlchemy.
        limits: Time, rows and bytes of a result and length of the text; the others are the
            server's.
    """

    def __init__(self, engine: Engine, limits: QueryLimits) -> None:
        self.engine, self.limits = engine, limits
        self._lock = threading.Lock()
        self._connect().close()

    def check(self, sql: str) -> Failure | None:
        """Compile a query by EXPLAIN, without running it; return what is wrong with it."""
        if not is_query(sql):
            return Failure("the statement is no query")
        plan = self._fetch(f"EXPLAIN {sql}", None)
        return plan if isinstance(plan, Failure) else None

    def run(self, sql: str, max_rows: int | None = None) -> Result | Failure:
        """Run a query, within the limits."""
        if not is_query(sql):
            return Failure("the statement is no query")
        return self._fetch(sql, self.limits.max_rows if max_rows is None else max_rows)

    def _connect(self) -> Connection:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return self.engine.connect()
        except SQLAlchemyError as error:
            raise PotentialError(
                f"SQLExecution: no connection to {self.engine.url!r} ({error}). Does the server "
                "run, and may this user connect?"
            ) from error

    def _fetch(self, sql: str, max_rows: int | None) -> Result | Failure:
        from sqlalchemy.exc import SQLAlchemyError

        if len(sql) > self.limits.max_sql:
            return Failure("query string is too large")
        with self._lock, self._connect() as connection:
            for statement in _READ_ONLY.get(self.engine.dialect.name, ()):
                seconds = self.limits.timeout
                connection.exec_driver_sql(
                    statement.format(s=seconds, ms=max(1, round(1000 * seconds)))
                )
            try:
                return self._read(connection, sql, max_rows)
            except (SQLAlchemyError, UnicodeError, ValueError) as error:
                if getattr(error, "connection_invalidated", False):
                    raise PotentialError(
                        f"SQLExecution: {self.engine.url!r} closed the connection ({error}) at "
                        f"{sql[:200]!r}."
                    ) from error
                return Failure(str(error), names=_is_about_names(error))
            finally:
                connection.rollback()

    def _read(self, connection: Connection, sql: str, max_rows: int | None) -> Result | Failure:
        """Read the rows of a result, batch by batch; none of them where max_rows is None."""
        deadline = time.monotonic() + self.limits.timeout
        # As the driver's own text: a colon or a percent sign is no parameter.
        streaming = connection.execution_options(stream_results=True, no_parameters=True)
        with streaming.exec_driver_sql(sql) as cursor:
            if not cursor.returns_rows:
                return Failure("the statement is no query")
            columns, rows, size = tuple(cursor.keys()), [], 0
            while max_rows is not None and (batch := cursor.fetchmany(_BATCH)):
                rows += [tuple(row) for row in batch]
                size += CELL_BYTES * len(columns) * len(batch)
                size += sum(len(v) for row in batch for v in row if isinstance(v, str | bytes))
                if len(rows) > max_rows:
                    return Failure(f"more than {max_rows} rows", overlong=True)
                if size > self.limits.max_bytes:
                    return Failure(f"more than {self.limits.max_bytes} bytes in the result")
                if time.monotonic() > deadline:
                    return Failure(f"more than {self.limits.timeout} seconds")
            return Result(columns, rows)


def _is_about_names(error: Exception) -> bool:
    """Whether the driver says that a name is unknown or ambiguous."""
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    number = next(iter(getattr(original, "args", ())), None)
    return state in _NAME_STATES or (isinstance(number, int) and number in _NAME_NUMBERS)
