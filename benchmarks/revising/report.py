"""Tables of the study of revisions: along the chain, by ratio, beside other strategies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.markdown import interval_text
from benchmarks.revising.drawing import LEVELS
from benchmarks.revising.outcomes import SAMPLES, Record, budgets, ratios
from smc.intervals import Interval, bootstrap, mean_interval

Row = Mapping[str, Sequence[float]]
_EACH = 8
"""Places of a chain that are all shown; from there on powers of two."""


def report(records: Sequence[Record]) -> str:
    """Return the tables of a study.

    Args:
        records: Of `outcome`, one a problem, all for one number of solutions; with `runs` of other
            strategies they stand beside.
    """
    solutions = int(records[0]["solutions"])
    parts = ["# Sequential revisions on chained arithmetic\n", _along(records)]
    parts += [_ratios(records, n) for n in budgets(solutions)]
    if all("runs" in record for record in records):
        parts.append(_beside(records, solutions))
    return "\n".join(parts)


def _along(records: Sequence[Record]) -> str:
    """Right answers at each place of the longest chain, and how many right ones are given up."""
    right = np.array([record["chain"] for record in records], dtype=bool)
    first = mean_interval([float(record["sample"]) for record in records])
    lines = [
        f"{len(records)} problems of levels 2 to 5 in turn, one chain each; the policy alone is "
        f"right at {interval_text(first)}.\n",
        "| place in the chain | right | of right ones before, now wrong |",
        "| ---: | ---: | ---: |",
    ]
    for place in range(right.shape[1]):
        if place >= _EACH and (place + 1) & place:
            continue
        share = interval_text(mean_interval(right[:, place].astype(float).tolist()))
        lost = "–"
        if place and right[:, place - 1].any():
            given_up = ~right[right[:, place - 1], place]
            lost = interval_text(mean_interval(given_up.astype(float).tolist()))
        lines.append(f"| {place + 1} | {share} | {lost} |")
    return "\n".join(lines) + "\n"


def _ratios(records: Sequence[Record], solutions: int) -> str:
    """Right answers by level for each ratio, and for the ratio that other problems choose."""
    lines = [f"## {solutions} solutions\n"]
    for name in ("votes", "the verifier"):
        rows = ratio_rows(records, solutions, name)
        lines += [f"Chosen by {name}; chains × attempts of each:\n", *_head("")]
        lines += [_row(label, records, row) for label, row in rows.items()]
        lines.append("")
    return "\n".join(lines)


def ratio_rows(records: Sequence[Record], solutions: int, chosen: str) -> dict[str, list[float]]:
    """Return right answers, 0 or 1 a problem, of samples, each ratio and the choice of a ratio."""
    found = [record["chosen"][chosen][str(solutions)] for record in records]
    rows = {name: [float(own[name]) for own in found] for name in (SAMPLES, *ratios(solutions))}
    rows["chosen by level"] = _chosen(records, {n: rows[n] for n in ratios(solutions)})
    return rows


def _chosen(records: Sequence[Record], rows: Row) -> list[float]:
    """What the ratio gives that was best on the other half of the problems of the level."""
    result = [0.0] * len(records)
    for level in LEVELS:
        own = [i for i, record in enumerate(records) if record["level"] == level]
        for here, others in ((own[::2], own[1::2]), (own[1::2], own[::2])):
            totals = {name: sum(row[i] for i in others) for name, row in rows.items()}
            best = max(totals, key=lambda name: totals[name])
            for i in here:
                result[i] = rows[best][i]
    return result


def _beside(records: Sequence[Record], solutions: int) -> str:
    """Every strategy at every number of solutions, then by level at the largest."""
    sizes = [2**k for k in range(solutions.bit_length())]
    right, tokens = _cells(records, solutions)
    names = list(dict.fromkeys(name for name, _ in right))
    lines = [
        "## Beside other strategies\n",
        "Under the verifier, but for votes; on the same problems, by number of solutions:\n",
        "| right | " + " | ".join(map(str, sizes)) + " |",
        "| --- |" + " ---: |" * len(sizes),
    ]
    for name in names:
        cells = [
            interval_text(mean_interval(right[name, n])) if (name, n) in right else "–"
            for n in sizes
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| tokens a problem | " + " | ".join(map(str, sizes)) + " |"]
    lines.append("| --- |" + " ---: |" * len(sizes))
    for name in names:
        if any((name, n) in tokens for n in sizes):
            cells = [
                f"{np.mean(tokens[name, n]):.0f}" if (name, n) in tokens else "–" for n in sizes
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", f"At {solutions} solutions, by level:\n", *_head("right")]
    lines += [_row(name, records, right[name, solutions]) for name in names]
    lines += [
        "",
        f"Less {names[-1]}, paired, at {solutions} solutions:\n",
        *_head("difference"),
    ]
    last = np.array(right[names[-1], solutions])
    for name in names[:-1]:
        less = (np.array(right[name, solutions]) - last).tolist()
        lines.append(_row(name, records, less, bootstrap, "+"))
    return "\n".join(lines) + "\n"


Cells = dict[tuple[str, int], list[float]]


def _cells(records: Sequence[Record], solutions: int) -> tuple[Cells, Cells]:
    """Right answers and tokens, one a problem, by strategy and number of solutions."""
    right: Cells = {}
    tokens: Cells = {}
    for record in records:
        for run in record["runs"]:
            key = run["strategy"], int(run["num_solutions"])
            right.setdefault(key, []).append(float(run["correct"]))
            tokens.setdefault(key, []).append(float(run["tokens"]))
    for chosen, name in (("votes", "revisions, votes"), ("the verifier", "revisions")):
        for n in budgets(solutions):
            middle = f"{math.isqrt(n)} × {math.isqrt(n)}"
            rows = ratio_rows(records, n, chosen)
            right[f"{name}, √N × √N", n] = rows[middle]
            tokens[f"{name}, √N × √N", n] = [r["tokens"][str(n)][middle] for r in records]
            right[f"{name}, chosen by level", n] = rows["chosen by level"]
    return right, tokens


def _head(name: str) -> list[str]:
    return [
        f"| {name} | all | " + " | ".join(f"level {level}" for level in LEVELS) + " |",
        "| --- |" + " ---: |" * (1 + len(LEVELS)),
    ]


def _row(
    name: str,
    records: Sequence[Record],
    row: Sequence[float],
    interval: Callable[[Sequence[float]], Interval] = mean_interval,
    sign: str = "",
) -> str:
    cells = [interval_text(interval(row), sign)]
    for level in LEVELS:
        own = [x for r, x in zip(records, row, strict=True) if r["level"] == level]
        cells.append(interval_text(interval(own), sign) if own else "–")
    return f"| {name} | {' | '.join(cells)} |"
