"""Scopes: which tables, columns and result names a part of a query can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ROWID = frozenset({"rowid", "oid", "_rowid_"})
_NUMBERS = ("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC")
_TEXTS = ("CHAR", "CLOB", "TEXT")


class ScopeError(Exception):
    """A name that SQLite would refuse."""


@dataclass(frozen=True)
class Source:
    """A table or subquery of a FROM.

    Attributes:
        name: Its alias, or its own name, in lower case; "" for a nameless subquery.
        columns: The kind (`number`, `text`, "" for neither) of each column, by its name in lower
            case; None: unknown columns, so that it has any.
    """

    name: str
    columns: Mapping[str, str] | None

    def kind(self, column: str) -> str | None:
        """Return the kind of a column; None if there is none such."""
        if self.columns is None:
            return ""
        if column in self.columns:
            return self.columns[column]
        return "number" if column in _ROWID else None


@dataclass(frozen=True)
class Scope:
    """What one query adds to what its parts can see.

    Attributes:
        sources: The tables of its FROM.
        merged: Columns that USING makes one of; None: any, for a NATURAL join.
        results: The kinds of its named result columns.
    """

    sources: Sequence[Source]
    merged: frozenset[str] | None = frozenset()
    results: Mapping[str, str] | None = None


Outer = tuple[Scope, ...] | None
"""The scopes around a query, the innermost first; None if they are not known yet."""


def resolve(column: str, table: str, scopes: Outer, *, first_results: bool = False) -> str:
    """Return the kind of a column, looked up as SQLite does, from the inside out.

    Args:
        column: In lower case.
        table: What qualifies it, in lower case, or "".
        scopes: Where to look.
        first_results: Whether result names go before columns, as in ORDER BY.

    Raises:
        ScopeError: There is no such column, or more than one.
    """
    if scopes is None:
        return ""
    for scope in scopes:
        results = {} if table else scope.results or {}
        if first_results and column in results:
            return results[column]
        named = [s for s in scope.sources if not table or s.name == table]
        kinds = [kind for s in named if (kind := s.kind(column)) is not None]
        # What has unknown columns need not have this one.
        certain = sum(s.columns is not None and s.kind(column) is not None for s in named)
        if certain > 1 and (table or (scope.merged is not None and column not in scope.merged)):
            raise ScopeError(f"ambiguous column {column}")
        if kinds:
            return kinds[0]
        if column in results:
            return results[column]
        first_results = False
    raise ScopeError(f"no column {table + '.' if table else ''}{column}")


def kind_of(declared: str) -> str:
    """Return `number`, `text` or "" for a declared type, much as SQLite's affinities go."""
    upper = declared.upper()
    if any(mark in upper for mark in _TEXTS):
        return "text"
    return "number" if any(mark in upper for mark in _NUMBERS) else ""
