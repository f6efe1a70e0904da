"""The table of self-backtracking: shares with intervals by item, and differences of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smc.intervals import Interval, bootstrap, mean_interval

Row = tuple[str, str]
"""Model and way."""


def render(head: Mapping[str, Any], records: Sequence[Mapping[str, Any]], heading: str) -> str:
    """Return the table of a run.

    Args:
        head: Command, commit, machine, date, models.
        records: One for each model, way and problem.
        heading: What stands above it.
    """
    rows: dict[Row, dict[str, Mapping[str, Any]]] = {}
    for record in records:
        rows.setdefault((record["model"], record["way"]), {})[record["item"]] = record
    whole = set.intersection(*(set(found) for found in rows.values())) if rows else set()
    items = sorted(whole)
    facts = head["machine"]
    lines = [
        heading,
        "",
        f"`{head['command']}`",
        "",
        f"Commit {head['commit']}, {head['date']}, {facts['cpu']}, {facts['cores']} cores, load "
        f"{facts['load']}. {len(items)} test problems, the same for all rows; 95% intervals over "
        "them (Wilson's).",
        "",
        "| model | answered by | right | 3 numbers | 4 numbers | any right | tokens |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (model, way), found in rows.items():
        cells = [_share(found, items, "right")]
        cells += [_share(found, [i for i in items if found[i]["numbers"] == n], "right")
                  for n in (3, 4)]  # fmt: skip
        cells.append(_share(found, items, "any"))
        tokens = sum(found[i]["tokens"] for i in items) / max(1, len(items))
        lines.append(f"| {model} | {way} | {' | '.join(cells)} | {tokens:.0f} |")
    lines += ["", *_differences(rows, items)]
    return "\n".join(lines)


def _differences(
    rows: Mapping[Row, Mapping[str, Mapping[str, Any]]], items: Sequence[str]
) -> list[str]:
    """Rows for the questions that the table is to answer: differences of the same problems."""
    plain = ("plain", "greedy")
    best = ("trained with mistakes", "search, b = 2")
    asked = [
        ("search (b = 2) less plain training, greedy", best, plain),
        ("search (b = 2) less plain training, votes", best, ("plain", "vote of 16")),
        ("search, b = 2 less b = 1", best, ("trained with mistakes", "search, b = 1")),
        ("improved, greedy less plain training, greedy", ("improved", "greedy"), plain),
        ("improved, greedy less search (b = 2) before", ("improved", "greedy"), best),
        ("improved, search (b = 2) less before", ("improved", "search, b = 2"), best),
    ]
    lines = ["| difference of the same problems | |", "| --- | ---: |"]
    for name, one, other in asked:
        if one in rows and other in rows:
            pairs = {
                i: [float(rows[one][i]["right"]) - float(rows[other][i]["right"])] for i in items
            }
            lines.append(f"| {name} | {_signed(bootstrap(pairs))} |")
    return lines


def _share(found: Mapping[str, Mapping[str, Any]], items: Sequence[str], name: str) -> str:
    if not items:
        return ""
    own = mean_interval([float(found[i][name]) for i in items])
    return f"{own.mean:.2f} ({own.low:.2f}, {own.high:.2f})"


def _signed(own: Interval) -> str:
    return f"{own.mean:+.2f} ({own.low:+.2f}, {own.high:+.2f})"
