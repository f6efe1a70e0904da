"""The Markdown report: where it comes from, the table, the differences, how to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.summary import AHEAD, MethodRow
from smc.intervals import DRAWS, Interval

SETTINGS = (
    "domain primary model model_digest num_particles resampling ess_threshold max_tokens data"
).split()
START = "command date commit machine versions methods items seeds".split()
"""What run.json must state for a report."""


def render(run: Mapping[str, Any], rows: Sequence[MethodRow], *, picture: str | None = None) -> str:
    """Return the whole page.

    Args:
        run: What run.json holds.
        rows: A method each.
        picture: Address of the plot, as seen from the page.
    """
    settings = run["settings"]
    variant = f", {settings['variant']}" if settings.get("variant") else ""
    parts = [f"# {settings['domain']}{variant}: {settings['primary']}", provenance_table(run)]
    parts += [_missing(run, rows), _scores(rows, settings["primary"])]
    if picture:
        parts.append(f"![Scores of the methods]({picture})")
    parts += [_differences(rows, settings["primary"]), _diagnostics(rows)]
    parts += [_costs(rows), _notes(run, rows)]
    return "\n\n".join(p for p in parts if p) + "\n"


def _where(boundary: str | None) -> str:
    return f", only where {boundary} fires" if boundary else ""


def provenance_table(run: Mapping[str, Any]) -> str:
    """Return commands, commits, machines and dates of all starts, and the settings."""
    settings, starts = run["settings"], run["starts"]
    commands = _distinct(s["command"] for s in starts)
    digest = f" (digest {settings['model_digest']})" if settings["model_digest"] else ""
    facts = {
        "model": f"{settings['model']}{digest}",
        **({"backend": settings["backend"]} if "backend" in settings else {}),
        "temperature": settings.get("temperature", 1.0),
        "particles": settings["num_particles"],
        "resampling": f"{settings['resampling']}, under {settings['ess_threshold']} N"
        f"{_where(settings.get('resample_at'))}",
        **({"proposal of smc": settings["proposal"]} if settings.get("proposal") else {}),
        **(
            {"tries again after extinction": f"{n}, each with twice the particles; N in two halves"}
            if (n := settings.get("retries"))
            else {}
        ),
        "max tokens": settings["max_tokens"],
        "data": settings["data"],
        "commit": ", ".join(_distinct(s["commit"] for s in starts)),
        "machine": "; ".join(_distinct(_machine(s["machine"]) for s in starts)),
        "load at start": ", ".join(_distinct(str(s["machine"]["load"]) for s in starts)),
        "versions": "; ".join(_distinct(_versions(s["versions"]) for s in starts)),
        "date": ", ".join(_distinct(s["date"] for s in starts)),
    }
    lines = [
        "```",
        *commands,
        "```",
        "",
        *table(["", ""], [[k, str(v)] for k, v in facts.items()]),
    ]
    return "\n".join(lines)


def _missing(run: Mapping[str, Any], rows: Sequence[MethodRow]) -> str:
    """Return a warning where results are not all there yet."""
    wanted: dict[str, int] = {}
    for start in run["starts"]:
        for method in start["methods"]:
            wanted[method] = max(wanted.get(method, 0), start["items"] * start["seeds"])
    runs_by_method = {r.method: r.runs for r in rows}
    gaps = [
        f"{m}: {runs_by_method.get(m, 0)} of {n}"
        for m, n in wanted.items()
        if runs_by_method.get(m, 0) < n
    ]
    return f"**Not finished**; runs so far: {'; '.join(gaps)}." if gaps else ""


def _scores(rows: Sequence[MethodRow], primary: str) -> str:
    names = list(dict.fromkeys(n for r in rows for n in r.scores))
    head = ["method", primary, *names, "items", "runs", "tokens", "seconds", "CPU seconds"]
    body = [
        [
            row.method,
            _shown(row.score),
            *(_shown(row.scores[n]) if n in row.scores else "–" for n in names),
            str(row.score.items),
            str(row.runs),
            f"{row.tokens:.0f}",
            f"{row.seconds:.2f}",
            f"{row.cpu_seconds:.2f}",
        ]
        for row in rows
    ]
    return "\n".join(table(head, body))


def _differences(rows: Sequence[MethodRow], primary: str) -> str:
    differences = next((r.differences for r in rows if r.method == AHEAD), {})
    if not differences:
        return ""
    body = [
        [f"{AHEAD} − {name}", _shown(i, sign="+"), str(i.items)] for name, i in differences.items()
    ]
    lines = table(["", f"difference in {primary}", "items"], body)
    return "\n".join(["Paired differences, on the same items and seeds:", "", *lines])


def _diagnostics(rows: Sequence[MethodRow]) -> str:
    body = [
        [r.method, _plain(r.log_evidence), f"{r.ess:.1f}", str(r.extinct), _plain(r.truncated)]
        for r in rows
    ]
    head = ["method", "log evidence", "ESS", "extinct", "cut"]
    return "\n".join(["Diagnostics, means over runs and counts of runs:", "", *table(head, body)])


def _costs(rows: Sequence[MethodRow]) -> str:
    body = [
        [r.method, name, f"{c.calls:.1f}", f"{c.microseconds:,.0f}", f"{c.milliseconds:.3f}"]
        for r in rows
        for name, c in r.costs.items()
    ]
    if not body:
        return ""
    head = ["method", "potential", "calls", "µs a call", "ms a generated token"]
    return "\n".join(["What the potentials took (wall time):", "", *table(head, body)])


def _notes(run: Mapping[str, Any], rows: Sequence[MethodRow]) -> str:
    primary = run["settings"]["primary"]
    notes = [
        f"- {primary}: posterior-weighted, Σ wᵢ · scoreᵢ over the N texts of a run, mean over "
        "runs (an item with a seed). Every text is scored as it is, whatever ended it, with the "
        "weight its method gives it, one that was cut at max tokens like any other; a run in which "
        "all particles died scores 0. lm, lcd and, up to its final check, rerank weigh all alike.",
        f"- Beside {primary}, a score that not every text has (that of a level of difficulty) is a "
        f"mean over runs whose answers have it: a run without an answer is 0 in {primary}, and is "
        "left out there.",
        f"- In brackets: 95% percentile bootstrap, {DRAWS:,} draws of items with their seeds; "
        "Wilson's interval where every value is 0 or 1, one an item, or all are 0, or all 1. An "
        "interval that covers 0 in the table of differences supports no claim. Where all "
        "differences are equal it has no width, which understates.",
        "- tokens: particle-tokens drawn. seconds: wall time, an item's share of its batch; what "
        "else the machine does slows it, and CPU seconds less so. Means of a run.",
        "- log evidence: mean of log Ẑ, extinct runs left out; biased low, and comparable only "
        "between methods with the same potentials. ESS: of the final weights. cut: share of the "
        "weight that texts have which were cut at max tokens.",
        "- calls: evaluations of distinct texts, mean of a run; a potential shared by the items of "
        "a batch is evaluated once for equal texts.",
    ]
    if min(r.score.items for r in rows) < 10:
        notes.append("- Fewer than 10 items: the intervals are too narrow to rely on.")
    return "\n".join(notes)


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; the first column stands to the left."""
    right = ["---" if column == 0 else "---:" for column in range(len(head))]
    if len(head) == 2 and not any(head):
        right[1] = "---"
    return [f"| {' | '.join(cells)} |" for cells in (head, right, *body)]


def interval_text(interval: Interval, sign: str = "", places: int = 3) -> str:
    """Return a mean with its interval, as tables of studies have it.

    Args:
        interval: Of a share.
        sign: `+` of differences.
        places: Behind the point.
    """
    mean, low, high = (
        f"{v:{sign}.{places}f}" for v in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} ({low}, {high})"


def _shown(interval: Interval, *, sign: str = "") -> str:
    if interval.items == 0:
        return "–"
    digits = 1 if abs(interval.mean) >= 10 else 3
    mean, low, high = (
        f"{v:{sign}.{digits}f}" for v in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} ({low}, {high})"


def _plain(value: float) -> str:
    return f"{value:.2f}" if value == value else "–"


def _machine(machine: Mapping[str, Any]) -> str:
    gpu = f", {machine['gpu']}" if "gpu" in machine else ""
    threads = f", {machine['threads']} torch threads" if "threads" in machine else ""
    return f"{machine['cpu']}, {machine['cores']} cores{threads}{gpu}"


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _distinct(texts: Any) -> list[str]:
    return list(dict.fromkeys(texts))
