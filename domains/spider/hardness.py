"""Query difficulty, by the definition of Spider's evaluation: counts of its components.

The definition is that of Yu et al. 2018 with the accidents of the official program, which the
published figures rest on: a negated condition, and the word between two conditions of HAVING, count
as aggregates; a subquery in FROM, or inside an expression, is not counted at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

LEVELS = ("easy", "medium", "hard", "extra")


@lru_cache(maxsize=4096)
def hardness(query: str) -> str:
    """Return `easy`, `medium`, `hard` or `extra` for a gold query.

    Raises:
        ValueError: sqlglot cannot read the query.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(query, dialect="sqlite")
    except SqlglotError as error:
        raise ValueError(f"spider: cannot read the gold query {query!r}: {error}") from error
    set_operations = 0
    while isinstance(tree, exp.SetOperation):
        tree, set_operations = tree.this, 1
    while isinstance(tree, exp.Subquery):
        tree = tree.this
    if not isinstance(tree, exp.Select):
        raise ValueError(f"spider: the gold query {query!r} is no SELECT.")
    conditions = _Conditions(tree)
    clauses = _clauses(tree, conditions)
    nested = set_operations + conditions.nested()
    return _level(clauses, nested, _others(tree, conditions))


def _level(clauses: int, nested: int, others: int) -> str:
    """Return the level; the order of the rules matters."""
    if clauses <= 1 and others == 0 and nested == 0:
        return "easy"
    if nested == 0 and ((others <= 2 and clauses <= 1) or (clauses <= 2 and others < 2)):
        return "medium"
    if nested == 0 and ((others > 2 and clauses <= 2) or (2 < clauses <= 3 and others <= 2)):
        return "hard"
    return "hard" if clauses <= 1 and others == 0 and nested <= 1 else "extra"


class _Conditions:
    """The conditions of ON, WHERE and HAVING, taken apart at AND and OR."""

    def __init__(self, select: exp.Select) -> None:
        joins = select.args.get("joins") or []
        self.joins = [c for j in joins if (on := j.args.get("on")) for c in _parts(on)]
        self.where = list(_parts(_of(select, "where")))
        self.having = list(_parts(_of(select, "having")))
        self.ors = sum(
            _ors(e)
            for e in (
                *(j.args.get("on") for j in joins),
                _of(select, "where"),
                _of(select, "having"),
            )
        )

    def all(self) -> Iterator[exp.Expr]:
        """Yield them all."""
        yield from (*self.joins, *self.where, *self.having)

    def nested(self) -> int:
        """How many queries their right-hand sides hold."""
        return sum(_queries(condition) for condition in self.all())


def _clauses(select: exp.Select, conditions: _Conditions) -> int:
    """Count WHERE, GROUP BY, ORDER BY, LIMIT, joins, ORs and LIKEs."""
    from sqlglot import exp

    present = sum(
        select.args.get(name) is not None for name in ("where", "group", "order", "limit")
    )
    likes = sum(isinstance(_positive(c), exp.Like) for c in conditions.all())
    return present + len(select.args.get("joins") or []) + conditions.ors + likes


def _others(select: exp.Select, conditions: _Conditions) -> int:
    """Count what there is more than one of: aggregates, columns, conditions, groups."""
    group, order = select.args.get("group"), select.args.get("order")
    groups = group.expressions if group is not None else []
    aggregates = sum(_is_aggregate(column) for column in select.expressions)
    aggregates += sum(_is_negated(condition) for condition in conditions.where)
    aggregates += sum(map(_is_aggregate, groups))
    if order is not None:
        aggregates += sum(_aggregates_in(term.this) for term in order.expressions)
    aggregates += sum(_is_negated(condition) for condition in conditions.having)
    aggregates += max(0, len(conditions.having) - 1)
    counts = (aggregates, len(select.expressions), len(conditions.where), len(groups))
    return sum(count > 1 for count in counts)


def _of(select: exp.Select, name: str) -> exp.Expr | None:
    clause = select.args.get(name)
    return None if clause is None else clause.this


def _parts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """Yield what AND and OR combine, in or out of parentheses."""
    from sqlglot import exp

    if isinstance(condition, exp.And | exp.Or):
        yield from _parts(condition.this)
        yield from _parts(condition.expression)
    elif isinstance(condition, exp.Paren):
        yield from _parts(condition.this)
    elif condition is not None:
        yield condition


def _ors(condition: exp.Expr | None) -> int:
    from sqlglot import exp

    if isinstance(condition, exp.And | exp.Or):
        own = isinstance(condition, exp.Or)
        return own + _ors(condition.this) + _ors(condition.expression)
    return _ors(condition.this) if isinstance(condition, exp.Paren) else 0


def _positive(condition: exp.Expr) -> exp.Expr:
    """Return the condition without its NOT."""
    from sqlglot import exp

    return condition.this if isinstance(condition, exp.Not) else condition


def _is_negated(condition: exp.Expr) -> bool:
    """Whether it says NOT; `!=` does not, and `IS NOT` neither."""
    from sqlglot import exp

    return isinstance(condition, exp.Not) and not isinstance(condition.this, exp.Is)


def _queries(condition: exp.Expr) -> int:
    from sqlglot import exp

    bare = _positive(condition)
    sides: Iterable[object] = (
        bare.args.get("expression"),
        bare.args.get("query"),
        bare.args.get("low"),
        bare.args.get("high"),
        bare.this if isinstance(bare, exp.Exists) else None,
    )
    return sum(isinstance(side, exp.Subquery | exp.Query) for side in sides)


def _is_aggregate(term: exp.Expr) -> bool:
    from sqlglot import exp

    return isinstance(term.unalias(), exp.AggFunc)


def _aggregates_in(term: exp.Expr) -> int:
    """Count the aggregates among a term, or the two sides of its one operator."""
    from sqlglot import exp

    if isinstance(term, exp.Binary):
        return _is_aggregate(term.this) + _is_aggregate(term.expression)
    return int(_is_aggregate(term))
