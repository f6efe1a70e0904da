"""Traversals of the syntax tree of a query."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp


def is_number(text: str) -> bool:
    """Return whether a text reads as a number, so that SQLite compares it as one."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def own_parts(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield a node and what is in it, subqueries without what is in them."""
    # A stack of its own: a candidate may nest deeper than Python's may grow.
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            node = node.this
        yield node
        if not isinstance(node, exp.Query):
            stack.extend(node.iter_expressions(reverse=True))


def columns(node: exp.Expr) -> Iterator[exp.Column]:
    """Yield the columns in a node, without those in its subqueries."""
    for part in own_parts(node):
        if isinstance(part, exp.Column):
            yield part


def outermost(node: exp.Expr) -> exp.Expr | None:
    """Return the outermost set operation that a query is a member of."""
    operation = None
    while isinstance(node.parent, exp.SetOperation):
        node = operation = node.parent
    return operation


def value_columns(node: exp.Values) -> dict[str, str]:
    """Return the columns of a list of values, of no kind, by the names that SQLite gives them."""
    first = node.expressions[0] if node.expressions else None
    count = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    return {f"column{i + 1}": "" for i in range(count)}
