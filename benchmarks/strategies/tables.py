"""Markdown tables, with intervals in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smc.intervals import Interval


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, numbers to the right."""
    rule = ["---" if k == 0 else "---:" for k in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))


def shown(interval: Interval, *, sign: str = "", places: int = 0) -> str:
    """Return a mean and its interval, in percent."""
    if interval.items == 0:
        return "–"
    numbers = (100 * v for v in (interval.mean, interval.low, interval.high))
    return "{} ({}, {})".format(*(f"{v:{sign}.{places}f}" for v in numbers))
