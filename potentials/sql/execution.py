"""Query execution as a potential: does it run, and is its result what the user wants?"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, TypedDict, Unpack

from cachetools import LRUCache

from potentials import returned
from potentials.sql.clauses import sql_clauses
from potentials.sql.completion import complete
from potentials.sql.database import Database, Failure, QueryLimits, Result
from potentials.sql.guard import GuardedSQLite
from smc.errors import SettingsError
from smc.potential import Boundary, Potential

_MEMO_BYTES = 4 << 20
"""Of query texts whose values are kept."""

_CLAUSES: Any = object()
"""Stands for the default boundary, made when it is first needed."""

Predicate = Callable[[list[tuple[Any, ...]]], float | bool]


class _Options(TypedDict, total=False):
    """The options of `SQLExecution`, for its other constructors."""

    boundary: Boundary[Any] | None
    empty: float
    rows: tuple[int, int | None]
    rows_weight: float
    shape: int | None
    shape_weight: float
    predicate: Predicate | None


class SQLExecution(Potential):
    """Keeps a text the beginning, and in the end the whole, of a query that runs.

    `complete` runs the query: an error, or a result over a limit, is −inf; else the log weights of
    the options add up. `prefix` completes the finished clauses to the smallest runnable query
    (`potentials.sql.completion`). A name that they leave unresolved is −inf, since nothing that
    follows can put it right; so is a wrong `shape` that is settled. Other errors, and options of
    weight −inf that the rest may still satisfy, wait for the end; finite ones already steer.

    Queries are taken as hostile: see `potentials.sql.guard` for what contains them.

    Args:
        database: An SQLite file, or any `Database`. The file must not change meanwhile, nor have a
            write-ahead log or journal: a `PotentialError` says so.
        boundary: When `prefix` is asked; default `sql_clauses()`; None: after every token.
        empty: Log weight of a result without rows.
        rows: Fewest and most rows wanted; None: no upper bound.
        rows_weight: Log weight of a result with fewer or more.
        shape: Number of columns wanted; None: any.
        shape_weight: Log weight of a result with another number.
        predicate: Of the rows of the finished query, a list of tuples: True, False, or a log
            weight.
        timeout: Seconds for one query, of the processor (by the clock, ten times as many).
            Together with the machine's speed it decides on queries that take about as long.
        max_rows: Rows a query may give.
        max_memory: Bytes of SQLite's heap. This limit is the whole process's and can only be
            lowered; None leaves it alone.

    Raises:
        SettingsError: There is no database in the file, or an option is out of its range.

    Example:
        >>> execution = SQLExecution(path)                        # doctest: +SKIP
        >>> execution.prefix("SELECT nmae FROM singer WHERE ")    # doctest: +SKIP
        -inf
    """

    def __init__(
        self,
        database: str | Path | Database,
        *,
        boundary: Boundary[Any] | None = _CLAUSES,
        empty: float = 0.0,
        rows: tuple[int, int | None] = (0, None),
        rows_weight: float = -math.inf,
        shape: int | None = None,
        shape_weight: float = -math.inf,
        predicate: Predicate | None = None,
        timeout: float = 2.0,
        max_rows: int = 100_000,
        max_memory: int | None = QueryLimits.max_memory,
    ) -> None:
        _check_options(empty, rows, rows_weight, shape, shape_weight)
        _check_limits(timeout, max_rows, max_memory)
        if isinstance(database, str | Path):
            limits = QueryLimits(timeout=timeout, max_rows=max_rows, max_memory=max_memory)
            database = GuardedSQLite(database, limits)
        self.database = database
        self.boundary = sql_clauses() if boundary is _CLAUSES else boundary
        self.empty = empty
        self.rows, self.rows_weight = rows, rows_weight
        self.shape, self.shape_weight = shape, shape_weight
        self.predicate = predicate
        self._memo: LRUCache[bytes, tuple[float, int]]  # a log weight, and its key's bytes
        self._memo = LRUCache(_MEMO_BYTES, itemgetter(1))
        self._lock = threading.Lock()

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        timeout: float = 2.0,
        max_rows: int = 100_000,
        **options: Unpack[_Options],
    ) -> SQLExecution:
        """Return the potential for a database that SQLAlchemy reaches.

        SQLite files get the same guard as a path. On PostgreSQL and MySQL (MariaDB) transactions
        are read-only and statements have a time limit, elsewhere they are only rolled back: connect
        as a user who may do no more than read.

        Args:
            url: As `postgresql://reader@host/name`.
            timeout: Seconds for one query.
            max_rows: Rows a query may give.
            options: As of the class.

        Raises:
            SettingsError: SQLAlchemy or the driver is missing, or the database is not there.
        """
        from potentials.sql.url import open_url

        _check_limits(timeout, max_rows, None)
        limits = QueryLimits(timeout=timeout, max_rows=max_rows)
        return cls(open_url(url, limits), **options)

    def prefix(self, text: str) -> float:
        """Return −inf if the finished clauses can be part of no query that runs."""
        if len(text) > QueryLimits.max_sql:
            return -math.inf
        completion = complete(text)
        if completion is None:
            return 0.0
        kind = b"w" if completion.whole else b"p"
        return self._remembered(
            kind, completion.sql, lambda: self._prefix(completion.sql, completion.whole)
        )

    def complete(self, text: str) -> float:
        """Return −inf if the query does not run, else the log weight of its result."""
        if len(text) > QueryLimits.max_sql:
            return -math.inf
        sql = text.strip()
        return self._remembered(b"c", sql, lambda: self._complete(sql))

    def _prefix(self, sql: str, whole: bool) -> tuple[float, bool]:
        """Return the log weight, and whether it would be the same another time."""
        failure = self.database.check(sql)
        if failure is not None:
            return -math.inf if failure.names else 0.0, not failure.resources
        if not whole or not self._steers():
            return 0.0, True
        result = self.database.run(sql)
        if isinstance(result, Failure):
            return 0.0, not result.resources
        # What follows changes the rows but not the columns.
        log_weight = self._of_shape(result)
        if not result.rows and self.empty != -math.inf:
            log_weight += self.empty
        if len(result.rows) < self.rows[0] and self.rows_weight != -math.inf:
            log_weight += self.rows_weight
        return log_weight, True

    def _complete(self, sql: str) -> tuple[float, bool]:
        """Return the log weight, and whether it would be the same another time."""
        result = self.database.run(sql)
        if isinstance(result, Failure):
            return -math.inf, not result.resources
        log_weight = self._of_shape(result)
        if not result.rows:
            log_weight += self.empty
        least, most = self.rows
        if not least <= len(result.rows) <= (math.inf if most is None else most):
            log_weight += self.rows_weight
        if self.predicate is not None:
            log_weight += returned.log_weight(
                self.predicate(result.rows), "SQLExecution: predicate", f"the result of {sql!r}"
            )
        return log_weight, True

    def _of_shape(self, result: Result) -> float:
        return 0.0 if self.shape in (None, len(result.columns)) else self.shape_weight

    def _steers(self) -> bool:
        """Whether the result of a prefix can matter."""
        soft_rows = self.rows[0] > 0 and self.rows_weight != -math.inf
        return self.shape is not None or soft_rows or self.empty not in (0.0, -math.inf)

    def _remembered(self, kind: bytes, sql: str, value: Callable[[], tuple[float, bool]]) -> float:
        """Return a value, which is computed once, unless it hangs on what else goes on."""
        key = kind + sql.encode("utf-8", "surrogatepass")
        with self._lock:
            known = self._memo.get(key)
        if known is not None:
            return known[0]
        answer, lasting = value()
        if lasting and len(key) <= _MEMO_BYTES:
            with self._lock:
                self._memo[key] = answer, len(key)
        return answer


def _check_options(
    empty: float,
    rows: tuple[int, int | None],
    rows_weight: float,
    shape: int | None,
    shape_weight: float,
) -> None:
    weights = {"empty": empty, "rows_weight": rows_weight, "shape_weight": shape_weight}
    for name, value in weights.items():
        if math.isnan(value) or value == math.inf:
            raise SettingsError(
                f"SQLExecution: {name} is {value}; expected a log weight: a finite number, or −inf."
            )
    least, most = rows
    if least < 0 or (most is not None and most < least):
        raise SettingsError(
            f"SQLExecution: rows is {rows}; expected (fewest, most), 0 <= fewest <= most, or None "
            "as the most."
        )
    if shape is not None and shape < 1:
        raise SettingsError(
            f"SQLExecution: shape is {shape}; expected a number of columns, or None."
        )


def _check_limits(timeout: float, max_rows: int, max_memory: int | None) -> None:
    if not 0 < timeout < math.inf:
        raise SettingsError(f"SQLExecution: timeout is {timeout}; expected seconds above 0.")
    if max_rows < 1:
        raise SettingsError(f"SQLExecution: max_rows is {max_rows}; expected at least 1.")
    if max_memory is not None and max_memory < 1 << 20:
        raise SettingsError(
            f"SQLExecution: max_memory is {max_memory}; expected at least 1 MiB (1048576), or None."
        )
