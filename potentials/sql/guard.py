"""A contained SQLite connection: hostile queries write nothing, run on or grow without end.

A query can do no more than read the one file, because the file is opened read-only and immutable,
the connection is `query_only`, and an authorizer denies everything but reading. It can use no more
than its limits: time (a progress handler, and the authorizer while SQLite compiles), size of
strings, depth of expressions and terms of unions (SQLite's own limits), heap (`hard_heap_limit`,
with temporary tables in memory and so under it), rows and bytes of the result (counted here).
Virtual tables cannot be read.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from potentials.sql.database import CELL_BYTES, DEFAULT_LIMITS, Failure, QueryLimits, Result
from potentials.sql.functions import install
from potentials.sql.heap import HEAP
from potentials.sql.permissions import ACTIONS, FUNCTIONS, SIZES
from potentials.sql.unchanged import file_state, unsettled
from smc.errors import PotentialError, SettingsError

_OPCODES = 100
"""Between two looks at the clock: some 2 microseconds, unless each works on a long string."""

_CACHE_KIB = 512

_PATTERNS = 20
"""LIKE and GLOB in a query, each a step that may take some 30 milliseconds.

SQLite looks at the clock only where it jumps, not between the expressions of a row.
"""

_FINAL = re.compile(
    r"no such (column|table|function)|ambiguous column name|misuse of (aliased )?aggregate"
    r"|do not have the same number of result columns|does not match any column in the result set"
    r"|BY term out of range|clause should come after"
)
_QUERY = re.compile(
    r"(?>\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*+(?:select|with|values)\b", re.IGNORECASE | re.DOTALL
)
_PATTERN = re.compile("like|glob", re.IGNORECASE)
_NO_QUERY = Failure("the statement is no query")
_NO_MEMORY = "out of memory"
_WALL = 10
"""Seconds by the clock for each of the processor's that a query may take."""
_BROKEN = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM")


def is_query(sql: str) -> bool:
    """Whether the first word of a statement is that of a query."""
    return _QUERY.match(sql) is not None


class _TooMuchError(Exception):
    """The result is over a limit."""


class GuardedSQLite:
    """An SQLite file that hostile queries may be run on.

    One connection a thread, opened when first used. The file must not change meanwhile.

    Args:
        path: Of the database file.
        limits: Of one query.

    Raises:
        SettingsError: There is no such file, or it is no database.
    """

    def __init__(self, path: str | Path, limits: QueryLimits = DEFAULT_LIMITS) -> None:
        self.path, self.limits = Path(path).absolute(), limits
        self._local = threading.local()
        if not self.path.is_file():
            raise SettingsError(
                f"SQLExecution: no file {str(path)!r}; expected an SQLite database. Make it from "
                "its schema.sql with the sqlite3 command if there is only that."
            )
        if beside := unsettled(self.path):
            raise SettingsError(
                f"SQLExecution: {str(path)!r} has a {beside}, whose changes are not in the file; "
                "expected a database that nobody writes to. Close what has it open, or run PRAGMA "
                "wal_checkpoint(TRUNCATE), or use a copy made by VACUUM INTO."
            )
        self._state = file_state(self.path)
        try:
            self._guarded().connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        except sqlite3.Error as error:
            raise SettingsError(
                f"SQLExecution: {str(path)!r} cannot be read ({error}); expected an SQLite "
                "database."
            ) from error

    def check(self, sql: str) -> Failure | None:
        """Compile a query without running it; return what is wrong with it."""
        if not is_query(sql):
            return _NO_QUERY
        plan = self._fetch(f"EXPLAIN {sql}", 0, enough=True)
        return plan if isinstance(plan, Failure) else None

    def run(self, sql: str, max_rows: int | None = None) -> Result | Failure:
        """Run a query, within the limits."""
        if not is_query(sql):
            return _NO_QUERY
        return self._fetch(sql, self.limits.max_rows if max_rows is None else max_rows)

    def _guarded(self) -> _Guarded:
        if not hasattr(self._local, "guarded"):
            self._local.guarded = _Guarded(self.path, self.limits)
        return self._local.guarded

    def _fetch(self, sql: str, max_rows: int, *, enough: bool = False) -> Result | Failure:
        """Run a statement; `enough`: that it begins is enough, no rows are wanted."""
        if len(_PATTERN.findall(sql)) > _PATTERNS:
            return Failure(f"more than {_PATTERNS} patterns")
        with HEAP.beside():
            result = self._once(sql, max_rows, enough)
        if not isinstance(result, Failure) or result.message != _NO_MEMORY:
            return result
        with HEAP.alone():
            result = self._once(sql, max_rows, enough)
        if isinstance(result, Failure) and result.message == _NO_MEMORY:
            self._check_heap_limit()
        return result

    def _once(self, sql: str, max_rows: int, enough: bool) -> Result | Failure:
        self._check_file(sql)
        guarded = self._guarded()
        try:
            with guarded.running(), _closed(guarded.connection.cursor()) as cursor:
                cursor.execute(sql)
                if cursor.description is None:
                    return _NO_QUERY
                rows = [] if enough else list(guarded.bounded(cursor, max_rows))
                if len(rows) > max_rows:
                    return Failure(f"more than {max_rows} rows", overlong=True)
                return Result(tuple(c[0] for c in cursor.description), rows)
        except (_TooMuchError, sqlite3.Warning, ValueError) as error:
            # ValueError: what is not text at all, as a NUL character or half a surrogate pair.
            return Failure(str(error))
        except MemoryError:
            return Failure(_NO_MEMORY, resources=True)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "").startswith(_BROKEN):
                raise PotentialError(
                    f"SQLExecution: {str(self.path)!r} cannot be read any more ({error}) at "
                    f"{sql[:200]!r}. Is the file still there, whole and unchanged?"
                ) from error
            if guarded.was_late:
                return Failure(f"more than {self.limits.timeout} seconds", resources=True)
            return Failure(str(error), names=_FINAL.search(str(error)) is not None)

    def _check_file(self, sql: str) -> None:
        """Raise where the file is no longer the one that was opened, or not all of the database."""
        try:
            changed = "it has changed" if file_state(self.path) != self._state else ""
        except OSError as error:
            changed = str(error)
        changed = changed or unsettled(self.path)
        if changed:
            raise PotentialError(
                f"SQLExecution: {str(self.path)!r} is not what it was when it was opened "
                f"({changed}), at {sql[:200]!r}. Expected a database that nobody writes to; make "
                "the potential anew, of a copy if need be."
            )

    def _check_heap_limit(self) -> None:
        """Raise where somebody else's limit is below one's own."""
        own = self.limits.max_memory
        with closing(sqlite3.connect(":memory:")) as connection:
            (limit,) = connection.execute("PRAGMA hard_heap_limit").fetchone()
        if own is not None and 0 < limit < own:
            raise PotentialError(
                f"SQLExecution: {str(self.path)!r}: out of memory, as something else in this "
                f"process has set SQLite's limit to {limit} bytes, and this potential was to have "
                f"{own}. SQLite has one limit for the process: give all potentials the same "
                "max_memory."
            )


class _Clock:
    """What a connection asks while it works. It knows no connection, lest neither be freed."""

    def __init__(self) -> None:
        self.stop()

    def start(self, seconds: float) -> None:
        """Begin a query, in the thread that calls."""
        self.deadline = time.thread_time() + seconds
        self.wall_deadline = time.monotonic() + _WALL * seconds

    def stop(self) -> None:
        """End the query: what comes after it has no limit."""
        self.deadline = self.wall_deadline = float("inf")

    def late(self) -> bool:
        """Whether the time is over."""
        return time.thread_time() > self.deadline or time.monotonic() > self.wall_deadline

    def authorize(self, action: int, first: str | None, second: str | None, *_: object) -> int:
        """Deny everything but reading, and that too when the time is over."""
        denied = action not in ACTIONS or (
            action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in FUNCTIONS
        )
        return sqlite3.SQLITE_DENY if denied or self.late() else sqlite3.SQLITE_OK


class _Guarded:
    """A connection of one thread, with its clock."""

    def __init__(self, path: Path, limits: QueryLimits) -> None:
        self.limits, self._clock = limits, _Clock()
        self.was_late = False
        uri = path.as_uri() + "?mode=ro&immutable=1"
        # The thread that frees it may be another than the one that uses it.
        self.connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, cached_statements=0, check_same_thread=False
        )
        weakref.finalize(self, self.connection.close)
        self.connection.text_factory = _text
        self.connection.execute("PRAGMA query_only = ON")
        self.connection.execute("PRAGMA temp_store = MEMORY")
        # Idle connections keep their pages in the heap that all share.
        self.connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self.connection.execute("PRAGMA trusted_schema = OFF")
        if limits.max_memory is not None:
            self.connection.execute(f"PRAGMA hard_heap_limit = {int(limits.max_memory)}")
        # Reads the schema now: afterwards the authorizer would be asked about it too.
        self.connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        own = {
            sqlite3.SQLITE_LIMIT_LENGTH: limits.max_cell,
            sqlite3.SQLITE_LIMIT_SQL_LENGTH: limits.max_sql,
        }
        for category, value in (SIZES | own).items():
            self.connection.setlimit(category, value)
        install(self.connection, limits.max_cell, self._clock.late)
        self.connection.set_authorizer(self._clock.authorize)
        self.connection.set_progress_handler(self._clock.late, _OPCODES)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Give what runs within the time limit."""
        self._clock.start(self.limits.timeout)
        try:
            yield
        finally:
            self.was_late = self._clock.late()
            self._clock.stop()

    def bounded(self, cursor: sqlite3.Cursor, max_rows: int) -> Iterator[tuple[Any, ...]]:
        """Yield at most one row more than asked for; raise beyond the limit of bytes."""
        size = 0
        for row in islice(cursor, max_rows + 1):
            size += CELL_BYTES * len(row)
            size += sum(len(value) for value in row if isinstance(value, str | bytes))
            if size > self.limits.max_bytes:
                raise _TooMuchError(f"more than {self.limits.max_bytes} bytes in the result")
            yield row


@contextmanager
def _closed(cursor: sqlite3.Cursor) -> Iterator[sqlite3.Cursor]:
    try:
        yield cursor
    finally:
        cursor.close()


def _text(raw: bytes) -> str:
    """Decode a cell as the official evaluation does: what is not UTF-8 is left out."""
    return raw.decode("utf-8", "ignore")
