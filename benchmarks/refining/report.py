"""The report: each way of writing again beside samples at as many tokens, over all and by level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.markdown import interval_text, table
from smc.intervals import bootstrap, mean_interval

Run = Mapping[str, Any]
Key = tuple[str, str, int]
"""Judge, arm and size."""

_NOTES = {
    "right": "the answer is right",
    "best-of-N": "the same of the best of the fewest samples that took at least as many tokens",
    "difference": "of pairs, a problem each",
    "again": "of the texts written again, those that are right (of the drafts before them)",
    "copies": "of these texts, those that repeat a draft word for word",
    "any": "some text is right (of as many samples): what a judge that never errs would have found",
}


def render(head: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    """Return the tables of a study.

    Args:
        head: Title, setting, command, commit, machine, date, models.
        records: One for each problem; see `trial`.
    """
    facts = head["machine"]
    runs = _by_key(records)
    judges = list(dict.fromkeys(judge for judge, _, _ in runs))
    parts = [
        f"## {head['title']}",
        f"`{head['command']}`",
        f"Commit {head['commit']}, {head['date']}, {facts['cpu']}, {facts['cores']} cores, load "
        f"{facts['load']}. {head['setting']} {len(records)} problems, the same for all rows; 95% "
        "intervals over them.",
        *(_table(judge, runs) for judge in judges),
        "; ".join(f"*{name}*: {meaning}" for name, meaning in _NOTES.items()) + ".",
        _levels(judges[0], runs, records) if judges else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _by_key(records: Sequence[Mapping[str, Any]]) -> dict[Key, list[Run]]:
    """The runs of each row, a problem each, in the order of the records."""
    runs: dict[Key, list[Run]] = {}
    for record in records:
        for run in record["runs"]:
            runs.setdefault((run["judge"], run["arm"], run["size"]), []).append(run)
    return runs


def _table(judge: str, runs: Mapping[Key, Sequence[Run]]) -> str:
    own = {(arm, size): found for (who, arm, size), found in runs.items() if who == judge}
    votes = all("votes" in run for found in own.values() for run in found)
    head = ["", "size", "tokens", "right", "best-of-N", "difference"]
    head += ["votes"] * votes + ["any", "again", "copies"]
    body = []
    for (arm, size), found in own.items():
        row = [arm, str(size), f"{_mean(found, 'tokens'):.0f}"]
        row += [_share(found, "right"), _share(found, "best_of_n"), _gap(found)]
        row += [_share(found, "votes")] if votes else []
        row += [f"{_mean(found, 'any'):.2f} ({_mean(found, 'samples_any'):.2f})"]
        row += [f"{_of(found, 'again_right', 'again')} ({_of(found, 'drafts_right', 'drafts')})"]
        row += [_of(found, "copies", "again")]
        body.append(row)
    return "\n".join([f"### Judged by the {judge}", "", *table(head, body)])


def _levels(
    judge: str, runs: Mapping[Key, Sequence[Run]], records: Sequence[Mapping[str, Any]]
) -> str:
    """Right answers and differences by level, for the largest size of each."""
    levels = sorted({record["level"] for record in records})
    largest = {(who, arm): size for who, arm, size in sorted(runs, key=lambda key: key[2])}
    at = {level: [i for i, r in enumerate(records) if r["level"] == level] for level in levels}

    def row(name: str, found: Sequence[Run], cell: Callable[[Sequence[Run]], str]) -> list[str]:
        return [name, *(cell([found[i] for i in at[level]]) for level in levels)]

    body: list[list[str]] = []
    for (who, arm, size), found in runs.items():
        if who == judge and size == largest[who, arm]:
            body.append(row(f"{arm}, {size}", found, lambda own: _share(own, "right")))
            body.append(row("… less best-of-N", found, _gap))
    head = ["right", *(f"level {level}" for level in levels)]
    title = f"### By level, judged by the {judge}, the largest size of each"
    return "\n".join([title, "", *table(head, body)])


def _share(found: Sequence[Run], name: str) -> str:
    return interval_text(mean_interval([float(run[name]) for run in found]))


def _gap(found: Sequence[Run]) -> str:
    return interval_text(bootstrap([float(r["right"]) - float(r["best_of_n"]) for r in found]), "+")


def _mean(found: Sequence[Run], name: str) -> float:
    return sum(float(run[name]) for run in found) / len(found)


def _of(found: Sequence[Run], part: str, whole: str) -> str:
    """A share of all texts of a row; a dash where there are none."""
    total = sum(run[whole] for run in found)
    return f"{sum(run[part] for run in found) / total:.2f}" if total else "–"
