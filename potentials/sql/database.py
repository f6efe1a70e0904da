"""The protocol of a database that runs queries: their limits, results and failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

MEBIBYTE = 1 << 20

CELL_BYTES = 32
"""What a cell counts for, whatever it holds: about what Python takes for it."""


@dataclass(frozen=True)
class QueryLimits:
    """What one query may use; a query that needs more fails.

    Attributes:
        timeout: Seconds. In SQLite, of the processor, and ten times as many by the clock, so that
            what else runs decides on no query.
        max_rows: Rows of the result.
        max_bytes: Of all of the result: `CELL_BYTES` a cell, and the length of text and blobs.
        max_cell: Bytes of one string, blob or row, also of what is only passing through.
        max_memory: Bytes of SQLite's heap. SQLite has one heap for the whole process and can only
            lower this limit, never raise it; None leaves it alone. A query that runs out of it
            beside others is run again alone.
        max_sql: Bytes of the query's text.
    """

    timeout: float = 2.0
    max_rows: int = 100_000
    max_bytes: int = 64 * MEBIBYTE
    max_cell: int = MEBIBYTE // 4
    max_memory: int | None = 128 * MEBIBYTE
    max_sql: int = 20_000


DEFAULT_LIMITS = QueryLimits()


@dataclass(frozen=True)
class Result:
    """The result of a query.

    Attributes:
        columns: Names of the columns, in order.
        rows: `[R]` tuples of the columns' values.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Failure:
    """A query that gave no result.

    Attributes:
        message: What the database said.
        names: Whether it is about names (or the number of columns) in a clause, which nothing
            that follows the clause puts right.
        overlong: Whether it was stopped for having more rows than asked for.
        resources: Whether it ran out of time or memory, so that another time it may not.
    """

    message: str
    names: bool = False
    overlong: bool = False
    resources: bool = False


class Database(Protocol):
    """Runs queries that nobody has looked at, without harm; may be used by several threads."""

    def check(self, sql: str) -> Failure | None:
        """Compile a query without running it; return what is wrong with it."""
        ...

    def run(self, sql: str, max_rows: int | None = None) -> Result | Failure:
        """Run a query.

        Args:
            sql: One statement.
            max_rows: Fail beyond so many rows; None: the database's own limit.
        """
        ...
