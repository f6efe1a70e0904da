"""Walking a parsed query."""

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
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
        yield node.this
        return
    yield node
    if not isinstance(node, exp.Query):
        for child in node.iter_expressions():
            yield from own_parts(child)


def columns(node: exp.Expr) -> Iterator[exp.Column]:
    """Yield the columns in a node, without those in its subqueries."""
    for part in own_parts(node):
        if isinstance(part, exp.Column):
            yield part


def outermost(node: exp.Expr) -> exp.Expr | None:
    """Return the outermost set operation that a query is a member of."""
    found = None
    while isinstance(node.parent, exp.SetOperation):
        node = found = node.parent
    return found
