"""Normalised gold queries: one style, in parts that can be renamed.

A query about one table names its columns alone; one about several puts the table before each, with
no alias but where a table is there twice. The side of a join that refers comes first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domains.spider.compact_prompt import Listing, quoted

if TYPE_CHECKING:
    from sqlglot import exp

_PART = re.compile(r"\bz([tc])(\d+)z\b|'((?:[^']|'')*)'|(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])")


@dataclass(frozen=True)
class Part:
    """A part of a query.

    Attributes:
        kind: `text`, `table`, `column`, `string` (without its quotes) or `number`.
        text: As it stands there; a name in lower case.
    """

    kind: str
    text: str

    def __str__(self) -> str:
        if self.kind in ("table", "column"):
            return quoted(self.text)
        return f"'{self.text}'" if self.kind == "string" else self.text


class UnreadableError(ValueError):
    """A query is beyond what is rewritten here."""


def parts_of(query: str, listing: Listing) -> list[Part]:
    """Return a query in the one style.

    Raises:
        UnreadableError: It has a subquery in FROM, a name that the schema lacks, or no SQL.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(query, dialect="sqlite")
    except SqlglotError as error:
        raise UnreadableError(str(error)) from error
    names: list[tuple[str, str]] = []
    scopes = {id(s): _Scope(s, listing) for s in tree.find_all(exp.Select)}
    resolved = [
        (column, *_resolved(column, scopes, listing)) for column in tree.find_all(exp.Column)
    ]

    def placeholder(kind: str, name: str) -> exp.Identifier:
        names.append((kind, name))
        return exp.to_identifier(f"z{kind}{len(names) - 1}z")

    for column, scope, source in resolved:
        if source is None:
            column.replace(exp.Literal.string(column.name))
            continue
        star = isinstance(column.this, exp.Star)
        home = column.find_ancestor(exp.Select)
        needed = len(scope.sources) > 1 or home is not scope.select
        if not star:
            column.set("this", placeholder("c", column.name.lower()))
        if not needed:
            column.set("table", None)
        elif scope.twice:
            column.set("table", exp.to_identifier(scope.aliases[source]))
        else:
            column.set("table", placeholder("t", scope.sources[source]))
    for scope in scopes.values():
        for name, table in scope.nodes.items():
            table.set("this", placeholder("t", scope.sources[name]))
            table.set("alias", None)
            if scope.twice:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(scope.aliases[name])))
    _turn_joins(tree, names, listing)
    return _split(tree.sql(dialect="sqlite"), names)


class _Scope:
    """The tables of one SELECT, by what the query calls them."""

    def __init__(self, select: exp.Select, listing: Listing) -> None:
        from sqlglot import exp

        self.select = select
        self.nodes: dict[str, exp.Table] = {}
        self.sources: dict[str, str] = {}
        start = select.args.get("from_") or select.args.get("from")
        for node in [start, *(select.args.get("joins") or [])]:
            if node is None:
                continue
            table = node.this
            if not isinstance(table, exp.Table):
                raise UnreadableError("a subquery in FROM")
            if table.name.lower() not in listing.tables:
                raise UnreadableError(f"no table {table.name}")
            called = table.alias_or_name.lower()
            if called in self.sources:
                raise UnreadableError(f"{called} twice")
            self.nodes[called], self.sources[called] = table, table.name.lower()
        self.twice = len(set(self.sources.values())) < len(self.sources)
        self.aliases = {name: f"t{i + 1}" for i, name in enumerate(self.sources)}


def _resolved(
    column: exp.Column, scopes: Mapping[int, _Scope], listing: Listing
) -> tuple[_Scope | None, str | None]:
    """Return the scope that a column is from and its source there; None for a string."""
    from sqlglot import exp

    name, table = column.name.lower(), column.table.lower()
    select = column.find_ancestor(exp.Select)
    while select is not None:
        scope = scopes[id(select)]
        for called, real in scope.sources.items():
            if table not in ("", called, real):
                continue
            if isinstance(column.this, exp.Star) or name in {c for c, _ in listing.tables[real]}:
                return scope, called
        select = select.find_ancestor(exp.Select)
    if not table and column.this.args.get("quoted"):
        return None, None
    raise UnreadableError(f"no column {table}.{name}")


def _turn_joins(tree: exp.Expr, names: Sequence[tuple[str, str]], listing: Listing) -> None:
    """Put the side of each join first that refers to the other."""
    from sqlglot import exp

    def real(column: exp.Expr) -> tuple[str, str]:
        return _name(column.text("table"), names), _name(column.text("this"), names)

    for equal in tree.find_all(exp.EQ):
        left, right = equal.this, equal.expression
        if not (isinstance(left, exp.Column) and isinstance(right, exp.Column)):
            continue
        table, name = real(right)
        refers = dict(listing.tables.get(table, ()))
        if refers.get(name) == real(left):
            equal.set("this", right.copy())
            equal.set("expression", left.copy())


def _name(text: str, names: Sequence[tuple[str, str]]) -> str:
    placeholder = re.fullmatch(r"z[tc](\d+)z", text)
    return names[int(placeholder[1])][1] if placeholder else text


def _split(sql: str, names: Sequence[tuple[str, str]]) -> list[Part]:
    parts: list[Part] = []
    done = 0
    for match in _PART.finditer(sql):
        if match.start() > done:
            parts.append(Part("text", sql[done : match.start()]))
        kind, index, string, number = match.groups()
        if kind:
            parts.append(Part("table" if kind == "t" else "column", names[int(index)][1]))
        elif number is not None:
            parts.append(Part("number", number))
        else:
            parts.append(Part("string", string))
        done = match.end()
    if done < len(sql):
        parts.append(Part("text", sql[done:]))
    return parts


def written(parts: Sequence[Part]) -> str:
    """Return the query of its parts."""
    return "".join(map(str, parts))
