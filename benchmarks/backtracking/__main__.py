"""`python -m benchmarks.backtracking run|report`: self-backtracking on Countdown, as a table."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import smc
from benchmarks import journal
from benchmarks.argument_types import count
from benchmarks.backtracking.report import render
from benchmarks.backtracking.ways import MODELS, PLAN, WAYS, steps_of
from benchmarks.command import explained
from benchmarks.provenance import commit, machine, model_digest
from domains.countdown.task import CountdownTask

HEADING = "# Self-backtracking on Countdown"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtracking", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser(
        "run", help="answer problems in every way; goes on with what is there"
    )
    runs.add_argument("--out", type=Path, required=True, help="records, one a line")
    runs.add_argument("--items", type=count, default=100, help="test problems")
    reports = commands.add_parser("report", help="print the table")
    reports.add_argument("records", type=Path)
    options = parser.parse_args(arguments)
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    if options.command == "run":
        run(options.out, options.items)
    else:
        head, records = read(options.records)
        print(render(head, records, HEADING))


def run(out: Path, count: int) -> None:
    """Append what is missing; the first line says where the rest comes from."""
    if not out.exists():
        journal.append(out, [_head(out, count)])
    _, records = read(out)
    done = {(r["model"], r["group"], r["item"]) for r in records}
    items = CountdownTask().items(count)
    for name in MODELS:
        missing = [
            (way, index, item)
            for model, way in PLAN
            if model == name
            for index, item in enumerate(items)
            if (name, way, item.id) not in done
        ]
        steps = steps_of(smc.load(MODELS[name])) if missing else None
        for way, index, item in missing:
            assert steps is not None
            told = WAYS[way](steps, item.problem, index)
            common = {"item": item.id, "numbers": len(item.problem.numbers)}
            journal.append(
                out,
                [
                    {"model": name, "group": way, "way": row, **common, **outcome}
                    for row, outcome in told.items()
                ],
            )


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the head and the records of a file."""
    head, *records = journal.read(path)
    return head, records


def _head(out: Path, count: int) -> dict[str, Any]:
    threads = os.environ.get("OMP_NUM_THREADS")
    return {
        "command": f"{f'OMP_NUM_THREADS={threads} ' if threads else ''}python -m "
        f"benchmarks.backtracking run --items {count} --out {out.name}",
        "commit": commit(),
        "machine": machine(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "models": {name: model_digest(place) for name, place in MODELS.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
