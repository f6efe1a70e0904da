"""Name resolution as a potential: the names of a query must mean something in the schema."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Any

from potentials.sql.bindings import check_names
from potentials.sql.compilation import EmptyDatabase, Refused
from potentials.sql.names import Outer, ScopeError, kind_of
from potentials.sql.pieces import Level, levels
from potentials.sql.schema import Schema
from smc.errors import SettingsError
from smc.extras import Needed
from smc.potential import Boundary, Potential

with Needed("SQLScope"):
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    from potentials.sql.resolution import Resolver, Tables

# Pieces stay as they are for all tokens of the next clause, and are the same for many candidates.
_REMEMBERED = 500
# A candidate must not keep the parser busy for seconds: 20,000 characters take it about 0.2.
_LONGEST = 20_000


class SQLScope(Potential):
    """Every column and alias of the finished clauses resolves, as SQLite resolves it.

    −inf for an unknown table, column or alias, and for an ambiguous column. A name counts once the
    FROM that may define it is finished, so SELECT is judged with its FROM, and a subquery in
    the SELECT list with the query around it; a name after FROM counts as soon as it is written. So
    it is asked after every token: finished clauses are parsed once, the rest is read in some 50
    microseconds. Where the parser cannot follow, or finds a name that means nothing, SQLite itself
    is asked, over empty tables of the schema. A finished clause or query that is no SQL is −inf,
    since no ending mends it; so is one that nests too deeply to be walked, and a text of more than
    20,000 characters.

    Args:
        schema: The database's.
        boundary: When `prefix` is asked; None: after every token.
        type_penalty: Log weight, at most 0, of each comparison of a number with a text (a column
            of one with a column or literal of the other).

    Raises:
        SettingsError: The penalty is positive or no number.

    Example:
        >>> schema = Schema.from_ddl("CREATE TABLE singer (id INTEGER, name TEXT)")
        >>> scope = SQLScope(schema)
        >>> scope.prefix("SELECT nam FROM singer"), scope.prefix("SELECT nam FROM singer WHERE ")
        (0.0, -inf)
    """

    def __init__(
        self,
        schema: Schema,
        *,
        boundary: Boundary[Any] | None = None,
        type_penalty: float = 0.0,
    ) -> None:
        if not type_penalty <= 0.0:
            raise SettingsError(
                f"SQLScope: type_penalty={type_penalty}: expected a log weight of at most 0; "
                "0 to ignore types."
            )
        self.schema = schema
        self.boundary = boundary
        self.type_penalty = float(type_penalty)
        self._tables = {
            t.name.lower(): {c.name.lower(): kind_of(c.type) for c in t.columns}
            for t in schema.tables
        }
        self._sqlite = EmptyDatabase(self._tables)
        self._finished = lru_cache(_REMEMBERED)(partial(_of_finished, self._tables, self._sqlite))

    def prefix(self, text: str) -> float:
        """Return the weight of what can be judged already, whatever comes next."""
        if len(text) > _LONGEST:
            return -math.inf
        try:
            check_names(text, self._tables)
            return self._weight(self._finished(levels(text)))
        except (ScopeError, RecursionError):
            return -math.inf

    def complete(self, text: str) -> float:
        """Return the weight of the whole query."""
        if len(text) > _LONGEST:
            return -math.inf
        judged = _Judged(self._tables, self._sqlite)
        try:
            levels(text)
            judged.judge(text, ())
        except (ScopeError, RecursionError):
            return -math.inf
        return self._weight(judged.mismatches)

    def _weight(self, mismatches: int | None) -> float:
        if mismatches is None:
            return -math.inf
        return self.type_penalty * mismatches if mismatches else 0.0


def _of_finished(tables: Tables, sqlite: EmptyDatabase, queries: tuple[Level, ...]) -> int | None:
    """Return the mismatches of the finished pieces of a text; None if they cannot be resolved."""
    judged = _Judged(tables, sqlite)
    around: Outer = ()
    inner: Outer = ()
    try:
        for level in queries:
            # A query in the place of a table sees nothing of the query that it is part of.
            outer = around if level.derived else inner
            seen = judged.judge(level.finished, outer) if level.finished else None
            around, inner = outer, seen if level.tables_known else None
            for piece, derived in level.subqueries:
                judged.judge(piece, around if derived else inner)
    except (ScopeError, RecursionError):
        return None
    return judged.mismatches


class _Judged:
    """Judges pieces of one text and adds up what they cost."""

    def __init__(self, tables: Tables, sqlite: EmptyDatabase) -> None:
        self.tables, self._sqlite = tables, sqlite
        self.mismatches = 0

    def judge(self, piece: str, outer: Outer) -> Outer:
        """Resolve a query; return what a subquery in its last clause sees.

        Raises:
            ScopeError: For a name that SQLite would refuse, or no query at all.
        """
        query = _parsed(piece)
        try:
            if query is None:
                raise ScopeError("not one query")
            resolver = Resolver(self.tables, piece)
            _results, seen = resolver.query(query, outer)
        except ScopeError:
            self._ask_sqlite(piece, alone=outer == (), read=query is not None)
            return None  # what else its names may mean is not known
        self.mismatches += resolver.mismatches
        return seen

    def _ask_sqlite(self, piece: str, *, alone: bool, read: bool) -> None:
        """Take what SQLite compiles, though it was not understood here.

        Args:
            piece: The query.
            alone: Whether no query around it may give its names a meaning.
            read: Whether it was parsed, so that it is a name that is wrong with it.

        Raises:
            ScopeError: SQLite refuses it, and would wherever it stands.
        """
        try:
            self._sqlite.compile(piece)
        except Refused as error:
            if alone or read or error.syntax:
                raise ScopeError(str(error)) from error


def _parsed(piece: str) -> exp.Query | exp.Values | None:
    """Return the one query of a text; None if it is something else, to the parser at least."""
    # Only SQLite's dialect takes backquotes, brackets and `==`.
    try:
        parsed = sqlglot.parse(piece, dialect="sqlite")
    except (SqlglotError, RecursionError):
        return None
    queries = [node for node in parsed if node is not None]
    only = queries[0] if len(queries) == 1 else None
    return only if isinstance(only, exp.Query | exp.Values) else None
