"""The report of a load test, as figures and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

import numpy as np

from benchmarks.server_load.client import Waits
from benchmarks.server_load.process import Held

_WARM_UP = 0.5
"""Share of the time after which caches should be nearly full."""
_FILES_SLACK = 8
_RSS_SLACK = 0.1
"""Of the memory after the warm-up: allocators settle late."""
_WINDOW_SECONDS = 30
_MEMORY_SECONDS = 240
"""A shorter run says nothing of memory: caches fill all the while."""


class Seen(Protocol):
    """What `summary` needs of what the clients saw."""

    @property
    def seconds(self) -> dict[str, list[float]]: ...

    @property
    def extinct(self) -> Mapping[str, int]: ...

    @property
    def refused(self) -> Mapping[str, int]: ...

    @property
    def errors(self) -> list[str]: ...

    @property
    def waits(self) -> Mapping[str, Waits]: ...


def summary(seen: Seen, held: Sequence[Held]) -> dict[str, Any]:
    """Return all figures.

    Args:
        seen: By the clients.
        held: By the server; the first before the clients began, the last after they ended.
    """
    start, *running, end = held
    warm = _warm(running, end)
    return {
        "requests": sum(len(s) for s in seen.seconds.values()),
        "unexpected_errors": len(seen.errors),
        "errors": seen.errors[:20],
        "leaks": leaks(warm, end),
        "seconds": end.seconds,
        "particle_tokens_per_second": round((end.tokens - start.tokens) / end.seconds, 1),
        "kinds": {
            kind: {
                "answered": len(seconds),
                "extinct": seen.extinct[kind],
                "refused": seen.refused[kind],
                **_percentiles(seconds),
            }
            for kind, seconds in seen.seconds.items()
        },
        "all": _percentiles([x for s in seen.seconds.values() for x in s]),
        "waits": {
            kind: {"first": _percentiles(w.first), "gap": _percentiles(w.gaps)}
            for kind, w in sorted(seen.waits.items())
        },
        "held": {
            "start": asdict(start),
            "warm": asdict(warm),
            "most": {name: max(getattr(h, name) for h in held) for name in asdict(end)},
            "end": asdict(end),
        },
        "rss_mib_by_minute": _by_minute(held),
    }


def comparison(
    calm: Mapping[str, Any],
    beside: Mapping[str, Any],
    answers: Mapping[str, Mapping[str, int]],
    left: Sequence[str],
) -> dict[str, Any]:
    """Return what hostile clients changed for the ordinary ones.

    Args:
        calm: The summary without them.
        beside: The summary beside them.
        answers: That the hostile clients had: counts by kind and status.
        left: What the server still holds when they have gone, and should not.
    """
    before, after = calm["all"]["p95"], beside["all"]["p95"]
    return {
        "p95_without": before,
        "p95_beside": after,
        "ratio": round(after / before, 2),
        "requests": beside["requests"],
        "unexpected_errors": beside["unexpected_errors"],
        "errors": beside["errors"],
        "leaks": list(left),
        "refused": sum(kind["refused"] for kind in beside["kinds"].values()),
        "answers": {kind: dict(counts) for kind, counts in answers.items()},
    }


def page(figures: Mapping[str, Any]) -> str:
    """Return the figures as Markdown."""
    machine, held = figures["machine"], figures["held"]
    rows = [
        f"| {kind} | {f['answered']} | {f['extinct']} | {f['refused']} | {_cells(f)} |"
        for kind, f in figures["kinds"].items()
    ]
    facts = (
        ("memory, MiB", "rss"),
        ("open files", "files"),
        ("threads", "threads"),
        ("processes below", "processes"),
        ("particles", "particles"),
        ("batches", "batches"),
        ("prompts in the queue", "queued"),
    )
    states = [
        f"| {name} | " + " | ".join(_shown(held[when][key], key) for when in held) + " |"
        for name, key in facts
    ]
    lines = [
        "# The server under load",
        "",
        f"`{figures['command']}`",
        "",
        f"Commit {figures['commit']}, {figures['date']}; {machine['cores']} cores, load average "
        f"{machine['load']} at the end. Model: {figures['model']}, on the CPU. Server and clients "
        "share the machine.",
        "",
        f"{figures['clients']} clients for {figures['seconds'] / 60:.1f} minutes, each one request "
        f"after the other: {figures['requests']} answered as they should be, "
        f"**{figures['unexpected_errors']} unexpected errors**, "
        f"{figures['particle_tokens_per_second']:,.0f} particle-tokens per second. Every JSON "
        "answer is validated against its schema. Leaks: "
        f"**{', '.join(figures['leaks']) or 'none'}**.",
        "",
        "| kind | answered | no text found (422) | come back later (429, 503) | median s | p95 s | "
        "p99 s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
        f"| all | {figures['requests']} | | | {_cells(figures['all'])} |",
        "",
        "| the server | at the start | warm | at most | at the end |",
        "| --- | ---: | ---: | ---: | ---: |",
        *states,
        "",
        "Memory by minute, MiB: "
        + ", ".join(f"{m:.0f}" for m in figures["rss_mib_by_minute"])
        + ".",
    ]
    parts = [*lines, *_waits(figures), *_hostile(figures), *_ends(figures)]
    return "\n".join(parts) + "\n"


def _waits(figures: Mapping[str, Any]) -> list[str]:
    """Return how long clients of streams waited, as a table."""
    rows = [
        f"| {kind} | {_cells(wait['first'])} | {_cells(wait['gap'])} |"
        for kind, wait in figures["waits"].items()
    ]
    if not rows:
        return []
    return [
        "",
        "| seconds of a stream | to its first text: median | p95 | p99 | between texts: median | "
        "p95 | p99 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
    ]


def _hostile(figures: Mapping[str, Any]) -> list[str]:
    if "hostile" not in figures:
        return []
    hostile = figures["hostile"]
    rows = [
        f"| {kind} | {', '.join(f'{status}: {n}' for status, n in sorted(counts.items()))} |"
        for kind, counts in hostile["answers"].items()
    ]
    return [
        "",
        "## Beside hostile clients",
        "",
        f"The ordinary clients again, as long: {hostile['requests']} answered, "
        f"**{hostile['unexpected_errors']} unexpected errors**, {hostile['refused']} told to come "
        f"back later. p95 of all: {hostile['p95_without']:.2f} s without hostile clients, "
        f"{hostile['p95_beside']:.2f} s beside them, **{hostile['ratio']:.2f} times** that. Left "
        f"over when they have gone: **{', '.join(hostile['leaks']) or 'nothing'}**.",
        "",
        "| hostile clients | answers |",
        "| --- | --- |",
        *rows,
    ]


def _ends(figures: Mapping[str, Any]) -> list[str]:
    if "ends" not in figures:
        return []
    ends = figures["ends"]
    seconds = sorted(end["seconds"] for end in ends)
    return [
        "",
        f"Told to end (SIGTERM) under the hostile mix, {len(ends)} servers took "
        f"{seconds[0]:.1f} to {seconds[-1]:.1f} s.",
    ]


def _warm(running: Sequence[Held], end: Held) -> Held:
    """What was held half way, with the least memory of some looks: it is given back in turns."""
    window = [h for h in running if 0 <= h.seconds - _WARM_UP * end.seconds <= _WINDOW_SECONDS]
    return replace(window[0], rss=min(h.rss for h in window)) if window else end


def leaks(warm: Held, end: Held) -> list[str]:
    """Return what a server still holds at the end that it should not."""
    found = [name for name in ("particles", "batches", "queued") if getattr(end, name)]
    if end.files > warm.files + _FILES_SLACK:
        found.append("files")
    if end.processes > warm.processes:
        found.append("processes")
    if end.seconds >= _MEMORY_SECONDS and end.rss > warm.rss * (1 + _RSS_SLACK):
        found.append("memory")
    return found


def _percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    levels = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    if not seconds:
        return dict.fromkeys(levels)
    return {name: round(float(np.quantile(seconds, q)), 3) for name, q in levels.items()}


def _by_minute(held: Sequence[Held]) -> list[float]:
    minutes: dict[int, float] = {}
    for one in held:
        minutes.setdefault(int(one.seconds // 60), one.rss / 2**20)
    return [round(m, 1) for m in minutes.values()]


def _cells(percentiles: Mapping[str, Any]) -> str:
    values = (percentiles[name] for name in ("p50", "p95", "p99"))
    return " | ".join("" if v is None else f"{v:.2f}" for v in values)


def _shown(value: float, key: str) -> str:
    return f"{value / 2**20:.0f}" if key == "rss" else f"{value:g}"
