"""The command `cost`: quality over cost, for several numbers of particles, methods and models.

Methods with the same number of particles do not cost the same: potentials take time, and the model
alone ends sooner or later than what is steered. So that a comparison can be made at equal tokens or
equal time, each run is a point at what it cost.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.disk import explained_disk
from benchmarks.markdown import table
from benchmarks.plots import plot_costs
from benchmarks.report import read
from benchmarks.summary import summarise
from smc.errors import SettingsError
from smc.intervals import Interval

COSTS = {
    "tokens": "particle-tokens an item",
    "seconds": "seconds an item",
    "cpu_seconds": "processor seconds an item",
}


@dataclass(frozen=True)
class Point:
    """One method of one run.

    Attributes:
        line: Model and method: what is joined in the picture.
        particles: N.
        score: The primary score.
        tokens: Particle-tokens, mean of an item.
        seconds: Wall time, mean of an item.
        cpu_seconds: Processor time, mean of an item.
        command: That made it.
    """

    line: str
    particles: int
    score: Interval
    tokens: float
    seconds: float
    cpu_seconds: float
    command: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `cost`."""
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        help="what several runs had as --out, or files of --records, of one domain",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of cost.md, .json, .png")
    parser.add_argument("--methods", help="of these alone, separated by commas (default: all)")
    parser.add_argument(
        "--common", action="store_true", help="only the items that all of them have done"
    )


def main(arguments: argparse.Namespace) -> None:
    """Do what the command line asks; write cost.json, cost.md and a picture for tokens and time.

    Raises:
        SettingsError: No results, results of several domains, or of other items.
    """
    runs = [read(folder) for folder in arguments.folders]
    wanted = None if arguments.methods is None else set(arguments.methods.split(","))
    if arguments.common:
        runs = _on_common_items(runs, wanted)
    _check_alike(arguments.folders, runs)
    points = [
        point
        for began, records in runs
        for point in _points(began, records)
        if wanted is None or point.line.rpartition(" ")[2] in wanted
    ]
    if not points:
        raise SettingsError(f"--methods: no results of {arguments.methods!r} in these folders.")
    write(arguments.out, runs[0][0]["settings"], points)


def _points(began: Mapping[str, Any], records: Sequence[Any]) -> list[Point]:
    settings = began["settings"]
    model = Path(settings["model"]).name
    return [
        Point(
            line=f"{model} {row.method}",
            particles=settings["num_particles"],
            score=row.score,
            tokens=row.tokens,
            seconds=row.seconds,
            cpu_seconds=row.cpu_seconds,
            command=began["starts"][-1]["command"],
        )
        for row in summarise(records, settings["primary"])
    ]


def _on_common_items(
    runs: Sequence[tuple[Any, list[Any]]], wanted: set[str] | None
) -> list[tuple[Any, list[Any]]]:
    """The records of items that every (wanted) method of every run has done."""
    sides: dict[tuple[int, str], set[str]] = {}
    for place, (_, records) in enumerate(runs):
        for record in (r for r in records if wanted is None or r["method"] in wanted):
            sides.setdefault((place, record["method"]), set()).add(record["item"])
    common = set.intersection(*sides.values()) if sides else set()
    if not common:
        raise SettingsError("cost --common: no item was done in all of these folders.")
    return [(began, [r for r in records if r["item"] in common]) for began, records in runs]


def _check_alike(folders: Sequence[Path], runs: Sequence[tuple[Any, Any]]) -> None:
    """Refuse to compare other tasks, or the same task on other items."""
    first = None
    for folder, (began, records) in zip(folders, runs, strict=True):
        settings = began["settings"]
        key = (
            settings["domain"],
            settings["primary"],
            settings["data"],
            frozenset(r["item"] for r in records),
        )
        first = key if first is None else first
        if key[:3] != first[:3]:
            raise SettingsError(
                f"cost: {folder} holds results of {key[:3]}, {folders[0]} of {first[:3]}; expected "
                "one domain, score and data."
            )
        if key[3] != first[3]:
            raise SettingsError(
                f"cost: {folder} and {folders[0]} hold other items ({len(key[3])} and "
                f"{len(first[3])}); expected the same, e.g. by the same --sample, or --common."
            )


def write(folder: Path, settings: Mapping[str, Any], points: Sequence[Point]) -> None:
    """Write cost.json, cost.md and the pictures, and print the page.

    Args:
        folder: Of the page.
        settings: Of the first run.
        points: All.
    """
    ordered = sorted(points, key=lambda p: (p.line, p.particles))
    body = [
        [
            p.line,
            str(p.particles),
            f"{p.score.mean:.3f} ({p.score.low:.3f}, {p.score.high:.3f})",
            str(p.score.items),
            f"{p.tokens:.0f}",
            f"{p.seconds:.2f}",
            f"{p.cpu_seconds:.2f}",
        ]
        for p in ordered
    ]
    head = ["model and method", "N", settings["primary"], "items", *COSTS]
    text = "\n\n".join(
        [
            f"# {settings['domain']}: {settings['primary']} over cost",
            "\n".join(["```", *dict.fromkeys(p.command for p in ordered), "```"]),
            "\n".join(table(head, body)),
            "\n".join(f"![over {name}](cost-{name}.png)" for name in COSTS),
            "Means of an item with 95% intervals over items; tokens are particle-tokens drawn.",
        ]
    )
    with explained_disk(folder, "--out"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cost.md").write_text(text + "\n", encoding="utf-8")
        (folder / "cost.json").write_text(json.dumps([_json(p) for p in ordered], indent=2) + "\n")
        for name, label in COSTS.items():
            places = [(p.line, getattr(p, name), p.score) for p in ordered]
            title = f"{settings['domain']}: {settings['primary']}"
            plot_costs(places, folder / f"cost-{name}.png", title=title, label=label)
    print(text)


def _json(point: Point) -> dict[str, Any]:
    return {
        "line": point.line,
        "particles": point.particles,
        "mean": point.score.mean,
        "low": point.score.low,
        "high": point.score.high,
        "items": point.score.items,
        "tokens": point.tokens,
        "seconds": point.seconds,
        "cpu_seconds": point.cpu_seconds,
    }
