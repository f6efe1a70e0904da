"""Name resolution in a parsed query, as SQLite does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from sqlglot import exp

from potentials.sql.names import Outer, Scope, ScopeError, Source, resolve
from potentials.sql.trees import columns, is_number, outermost, own_parts, value_columns
from potentials.sql.words import QUOTED

Tables = Mapping[str, Mapping[str, str]]
"""The kind of each column of each table; names in lower case."""

Merged: TypeAlias = frozenset[str] | None
"""Columns that joins make one of two; None: any, after a NATURAL join."""

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


class Resolver:
    """Resolves the names of one query and counts comparisons of numbers with texts.

    Args:
        tables: The schema's.
        text: What the query was parsed from.
    """

    def __init__(self, tables: Tables, text: str) -> None:
        self._text = text
        self.tables = tables
        self.mismatches = 0

    def query(self, node: exp.Expr, outer: Outer) -> tuple[Mapping[str, str] | None, Outer]:
        """Resolve a query.

        Returns:
            The kinds of its result columns by name, and what a subquery in its last clause sees.

        Raises:
            ScopeError: For a name that SQLite would refuse.
        """
        if isinstance(node, exp.Subquery):
            return self.query(node.this, outer)
        self._common(node, outer)
        if isinstance(node, exp.SetOperation):
            return self._compound(node, outer)
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        if isinstance(node, exp.Values):
            for row in node.expressions:
                self._expression(row, outer)
            return value_columns(node), outer
        raise ScopeError("no query")

    def _common(self, node: exp.Expr, outer: Outer) -> None:
        """Add the tables of a WITH clause."""
        with_ = node.args.get("with_") or node.args.get("with")
        if not isinstance(with_, exp.With):
            return
        self.tables = dict(self.tables)
        for table in with_.expressions:
            alias = table.args.get("alias")
            named = [c.name.lower() for c in alias.columns] if alias else []
            self.tables[table.alias.lower()] = _ANY
            results, _ = self.query(table.this, outer)
            if named:
                results = dict.fromkeys(named, "")
            self.tables[table.alias.lower()] = _ANY if results is None else results

    def _compound(
        self, node: exp.SetOperation, outer: Outer
    ) -> tuple[Mapping[str, str] | None, Outer]:
        left, _ = self.query(node.left, outer)
        right, seen = self.query(node.right, outer)
        order = node.args.get("order")
        if order is not None and left is not None and right is not None:
            members = [n for n in node.find_all(exp.Select) if outermost(n) is node]
            scopes = [self._scope(m, outer) for m in members]
            shown = self._result_names(members, scopes)
            for column in columns(order):
                if column.table or not isinstance(column.parent, exp.Ordered):
                    self._one_of(column, [(s,) for s in scopes])
                elif shown is not None and column.name.lower() not in shown:
                    raise ScopeError(f"{column.name} is no result column of a set operation")
        return left, seen

    def _result_names(
        self, members: list[exp.Select], scopes: list[Scope]
    ) -> frozenset[str] | None:
        """Return the result names of all members; None where they cannot be told."""
        names: set[str] = set()
        for member, scope in zip(members, scopes, strict=True):
            columns_so_far: dict[str, str] | None = {}
            for item in member.expressions:
                columns_so_far = self._named(item, scope, None, columns_so_far)
            if columns_so_far is None:
                return None
            names |= columns_so_far.keys()
        return frozenset(names)

    def _one_of(self, column: exp.Column, choices: list[tuple[Scope, ...]]) -> None:
        for i, scopes in enumerate(choices):
            try:
                self._column(column, scopes, first_results=True)
                return
            except ScopeError:
                if i == len(choices) - 1:
                    raise

    def _select(self, node: exp.Select, outer: Outer) -> tuple[Mapping[str, str] | None, Outer]:
        if not node.expressions:
            raise ScopeError("no result column")
        scope = self._scope(node, outer, deep=True)
        around = None if outer is None else (Scope(scope.sources, scope.merged), *outer)
        results: dict[str, str] | None = {}
        for item in node.expressions:
            self._expression(item, around)
            results = self._named(item, scope, around, results)
        shown = {i.alias.lower() for i in node.expressions if isinstance(i, exp.Alias)}
        named = {n: k for n, k in (results or {}).items() if n in shown}
        full = Scope(scope.sources, scope.merged, named)
        inside = None if outer is None else (full, *outer)
        for join in node.args.get("joins") or ():
            if join.args.get("on") is not None:
                self._expression(join.args["on"], inside)
        # GROUP BY and ORDER BY see nothing of the queries around, LIMIT nothing at all.
        seen = {"where": inside, "having": inside, "group": (full,), "order": (full,)}
        for clause in ("where", "group", "having", "order", "limit", "offset"):
            part = node.args.get(clause)
            if part is not None:
                self._expression(part, seen.get(clause, ()), first_results=clause == "order")
        return results, inside

    def _named(
        self,
        item: exp.Expr,
        scope: Scope,
        around: Outer,
        results: dict[str, str] | None,
    ) -> dict[str, str] | None:
        if results is None:
            return None
        if item.is_star and isinstance(item, (exp.Star, exp.Column)):
            table = item.table.lower() if isinstance(item, exp.Column) else ""
            chosen = [s for s in scope.sources if not table or s.name == table]
            if not chosen:
                raise ScopeError(f"no table {table or 'to take * of'}")
            for source in chosen:
                if source.columns is None:
                    return None
                results = {**source.columns, **results}
            return results
        name = item.alias_or_name.lower()
        inner = item.unalias()
        kind = self._kind(inner, around)
        return {**results, name: kind} if name else results

    def _scope(self, node: exp.Select, outer: Outer, *, deep: bool = False) -> Scope:
        sources: list[Source] = []
        merged: Merged = frozenset()
        from_ = node.args.get("from_") or node.args.get("from")
        if from_ is not None:
            merged = self._add_source(from_.this, sources, outer, deep)
        return Scope(sources, self._add_joins(node, merged, sources, outer, deep))

    def _add_joins(
        self, node: exp.Expr, merged: Merged, sources: list[Source], outer: Outer, deep: bool
    ) -> Merged:
        """Add what is joined to the tables before it."""
        for join in node.args.get("joins") or ():
            using = frozenset(c.name.lower() for c in join.args.get("using") or ())
            before = list(sources)
            inner = self._add_source(join.this, sources, outer, deep)
            for name in using:
                if not any(s.kind(name) is not None for s in before) or all(
                    s.kind(name) is None for s in sources[len(before) :]
                ):
                    raise ScopeError(f"no column {name} on both sides of USING")
            natural = str(join.args.get("method") or "").upper() == "NATURAL"
            if natural or merged is None or inner is None:
                merged = None
            else:
                merged |= inner | using
        return merged

    def _add_source(
        self, node: exp.Expr, sources: list[Source], outer: Outer, deep: bool
    ) -> Merged:
        """Add a table, or a join in parentheses."""
        merged: Merged = frozenset()
        if isinstance(node, exp.Table):
            name = node.name.lower()
            if name not in self.tables:
                raise ScopeError(f"no table {name}")
            known = self.tables[name]
            source = Source((node.alias or name).lower(), None if known is _ANY else known)
            sources.append(source)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            counted = self.mismatches
            results, _ = self.query(node.this, outer)
            if not deep:
                self.mismatches = counted
            sources.append(Source(node.alias.lower(), results))
        elif isinstance(node, exp.Values):
            sources.append(Source(node.alias.lower(), self.query(node, outer)[0]))
        elif isinstance(node, exp.Paren | exp.Subquery) and node.this is not None:
            inside: list[Source] = []
            merged = self._add_source(node.this, inside, outer, deep)
            # With a name of its own it is one table, and hides what it is made of.
            sources += [Source(node.alias.lower(), None)] if node.alias else inside
        elif isinstance(node, exp.Query):
            raise ScopeError("no table after FROM")
        else:
            sources.append(Source(node.alias_or_name.lower(), None))
        return self._add_joins(node, merged, sources, outer, deep)

    def _expression(self, node: exp.Expr, scopes: Outer, *, first_results: bool = False) -> None:
        for part in own_parts(node):
            if isinstance(part, exp.Query):
                self.query(part, scopes)
            elif isinstance(part, exp.Column) and not isinstance(part.this, exp.Star):
                self._column(part, scopes, first_results=first_results)
            elif isinstance(part, _COMPARISONS):
                kinds = {self._kind(part.this, scopes), self._kind(part.expression, scopes)}
                self.mismatches += kinds == {"number", "text"}

    def _column(self, column: exp.Column, scopes: Outer, *, first_results: bool = False) -> str:
        if column.name.lower() in QUOTED and not column.this.args.get("quoted"):
            raise ScopeError(f"keyword {column.name} in the place of a column")
        try:
            return resolve(
                column.name.lower(), column.table.lower(), scopes, first_results=first_results
            )
        except ScopeError:
            # In double quotes, what is the name of no column is a string.
            if not column.table and self._text[column.this.meta.get("start", -1) :][:1] == '"':
                return "text"
            raise

    def _kind(self, node: exp.Expr | None, scopes: Outer) -> str:
        if isinstance(node, exp.Paren):
            return self._kind(node.this, scopes)
        if isinstance(node, exp.Literal):
            return "text" if node.is_string and not is_number(node.name) else "number"
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            return self._column(node, scopes)
        if isinstance(node, (exp.Count, exp.Avg, exp.Sum)):
            return "number"
        return ""


_ANY: Mapping[str, str] = {"": "any"}
