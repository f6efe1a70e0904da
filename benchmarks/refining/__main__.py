"""Command line: `python -m benchmarks.refining run|report`; a run goes on where it stopped."""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import journal
from benchmarks.argument_types import count, minutes, some_of
from benchmarks.command import explained
from benchmarks.lockstep import Lockstep
from benchmarks.provenance import commit, machine, model_digest, shown_model
from benchmarks.refining import arithmetic, functions
from benchmarks.refining.report import render
from benchmarks.refining.trial import World, packed, trial, unpacked

_TITLES = {"arithmetic": "Chained arithmetic", "functions": "Functions, a published model"}
_SETTINGS = {
    "arithmetic": "Test problems of levels 2 to 5 in turn, temperature 1, at most "
    f"{arithmetic.MAX_TOKENS} tokens a text.",
    "functions": f"Functions of levels 1 to 5 in turn, temperature {functions.TEMPERATURE:g}, at "
    f"most {functions.MAX_TOKENS} tokens a text; right are programs that pass the hidden tests.",
}


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.refining", description=__doc__)
    commands = arguments.add_subparsers(dest="command", required=True)
    add = commands.add_parser("run", help="try problems in every way").add_argument
    add("domain", choices=tuple(_SETTINGS))
    add("--out", type=Path, required=True, help="records, one a line")
    add("--items", type=count, default=120, help="problems")
    add("--at-once", type=count, default=24, help="problems whose texts are written in one batch")
    add("--seed", type=int, default=0)
    add("--minutes", type=minutes, default=float("inf"), help="then stop, whole")
    add(
        "--judges",
        type=some_of(arithmetic.JUDGES),
        default=[*arithmetic.JUDGES],
        help="for arithmetic: some of these",
    )
    add("--model", default="", help="for functions: the model")
    add("--backend", default="transformers", choices=("transformers", "vllm"))
    add("--engine-args", type=json.loads, help="of vLLM, as JSON")
    add = commands.add_parser("report", help="print the tables").add_argument
    add("records", type=Path)
    return arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Run or report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    options = parser().parse_args(arguments)
    return explained(lambda: run(options) if options.command == "run" else report(options))


def report(options: argparse.Namespace) -> None:
    """Print the tables of a file."""
    print(render(*read(options.records)))


def run(options: argparse.Namespace) -> None:
    """Append what is missing; the first line says where the rest comes from."""
    import torch

    torch.set_num_threads(1)
    if not options.out.exists():
        journal.append(options.out, [_head(options)])
    done = {record["item"] for record in read(options.out)[1]}
    desk = Lockstep()
    tried = _world(options, desk)
    left = [item for item in tried.items if item.id not in done]
    ends = time.monotonic() + 60 * options.minutes
    for first in range(0, len(left), options.at_once):
        if time.monotonic() > ends:
            return
        batch = left[first : first + options.at_once]
        jobs = [functools.partial(trial, tried, item, options.seed) for item in batch]
        desk.run(jobs, lambda record: journal.append(options.out, [packed(record)]))
        print(f"{len(done) + first + len(batch)} of {len(tried.items)} problems", flush=True)


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the head and the records of a file."""
    head, *records = journal.read(path)
    return head, [unpacked(record) for record in records]


def _world(options: argparse.Namespace, desk: Lockstep) -> World:
    if options.domain == "arithmetic":
        return arithmetic.world(desk, options.items, options.judges)
    return functions.world(desk, options.items, options.model, options.backend, options.engine_args)


def _head(options: argparse.Namespace) -> dict[str, Any]:
    own = options.domain == "arithmetic"
    models = arithmetic.MODELS if own else {"model": options.model}
    more = (
        f" --judges {','.join(options.judges)}"
        if own
        else f" --model {shown_model(options.model)} --backend {options.backend}"
    )
    threads = os.environ.get("OMP_NUM_THREADS")
    return {
        "command": f"{f'OMP_NUM_THREADS={threads} ' if threads else ''}python -m "
        f"benchmarks.refining run {options.domain}{more} --items {options.items} --seed "
        f"{options.seed} --out {options.out.name}",
        "title": _TITLES[options.domain],
        "setting": _SETTINGS[options.domain],
        "commit": commit(),
        "machine": machine(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "models": {name: model_digest(place) for name, place in models.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
