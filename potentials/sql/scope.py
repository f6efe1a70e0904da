"""Do the names of a query mean anything in this schema?"""

from __future__ import annotations

import math

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from potentials.sql.clauses import sql_clauses
from potentials.sql.names import Outer, ScopeError, kind_of
from potentials.sql.pieces import levels
from potentials.sql.resolution import Resolver, Tables
from potentials.sql.schema import Schema
from smc.errors import SettingsError
from smc.potential import Potential

# A candidate must not keep the parser busy for seconds: 20,000 characters take it about 0.2.
_LONGEST = 20_000


class SQLScope(Potential):
    """Every column and alias of the finished clauses resolves, as SQLite resolves it.

    −inf for an unknown table, column or alias, and for an ambiguous column. A name counts once the
    FROM that may define it is finished, so SELECT is judged with its FROM, and a subquery in
    the SELECT list with the query around it. What is unfinished is not judged. A finished clause or
    query that cannot be parsed is −inf, since no ending mends it; so is one that nests too deeply
    to be walked, and a text of more than 20,000 characters.

    Args:
        schema: The database's.
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

    boundary = sql_clauses()

    def __init__(self, schema: Schema, *, type_penalty: float = 0.0) -> None:
        if not type_penalty <= 0.0:
            raise SettingsError(
                f"SQLScope: type_penalty={type_penalty}: expected a log weight of at most 0; "
                "0 to ignore types."
            )
        self.schema = schema
        self.type_penalty = float(type_penalty)
        self._tables = {
            t.name.lower(): {c.name.lower(): kind_of(c.type) for c in t.columns}
            for t in schema.tables
        }

    def prefix(self, text: str) -> float:
        """Return the weight of the clauses that are finished, whatever comes next."""
        if len(text) > _LONGEST:
            return -math.inf
        judged = _Judged(self._tables)
        around: Outer = ()
        inner: Outer = ()
        try:
            for level in levels(text):
                # A query in the place of a table sees nothing of the query that it is part of.
                outer = around if level.derived else inner
                seen = judged.judge(level.finished, outer) if level.finished else None
                around, inner = outer, seen if level.tables_known else None
                for piece, derived in level.subqueries:
                    judged.judge(piece, around if derived else inner)
        except (ScopeError, RecursionError):
            return -math.inf
        return self.type_penalty * judged.mismatches if judged.mismatches else 0.0

    def complete(self, text: str) -> float:
        """Return the weight of the whole query."""
        if len(text) > _LONGEST:
            return -math.inf
        judged = _Judged(self._tables)
        try:
            levels(text)
            judged.judge(text, ())
        except (ScopeError, RecursionError):
            return -math.inf
        return self.type_penalty * judged.mismatches if judged.mismatches else 0.0


class _Judged:
    """Judges pieces of one text and adds up what they cost."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.mismatches = 0

    def judge(self, piece: str, outer: Outer) -> Outer:
        """Resolve a query; return what a subquery in its last clause sees.

        Raises:
            ScopeError: For a name that SQLite would refuse, or no query at all.
        """
        # Only SQLite's dialect takes backquotes, brackets and `==`.
        try:
            parsed = sqlglot.parse(piece, dialect="sqlite")
        except (SqlglotError, RecursionError):
            parsed = []
        queries = [node for node in parsed if node is not None]
        if len(queries) != 1 or not isinstance(queries[0], exp.Query):
            raise ScopeError("not one query")
        resolver = Resolver(self.tables, piece)
        _results, seen = resolver.query(queries[0], outer)
        self.mismatches += resolver.mismatches
        return seen
