"""`python -m benchmarks.sharper NAME --model FOLDER`: what a sharper draw brings, as a table."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import smc
from benchmarks.argument_types import count
from benchmarks.command import explained
from benchmarks.provenance import commit, machine, shown_model
from benchmarks.sharper import language_model, marks, resample_among, tempered
from benchmarks.sharper.paired import Experiment, run, table
from smc.model import LanguageModel

EXPERIMENTS: Mapping[str, Callable[[LanguageModel, int, int], Experiment]] = {
    "contrast": language_model.contrasted,
    "marks": marks.experiment,
    "power": language_model.powered,
    "resample_among": resample_among.experiment,
    "tempered": tempered.experiment,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sharper", description=__doc__)
    parser.add_argument("name", choices=sorted(EXPERIMENTS))
    parser.add_argument("--model", required=True, help="a folder, or a name on the Hub")
    parser.add_argument("--items", type=count, default=20)
    parser.add_argument("--seeds", type=count, default=3)
    parser.add_argument("--particles", type=count, default=10)
    parser.add_argument("--json", action="store_true", help="print every run")
    parser.add_argument("--out", type=Path, help="append to this file, too")
    options = parser.parse_args(arguments)
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    model = smc.load(options.model)
    experiment = EXPERIMENTS[options.name](model, options.items, options.particles)
    found = run(experiment, options.seeds)
    if options.json:
        print(json.dumps({"setting": experiment.setting, "runs": found}))
        return
    told = report(options, experiment, table(found))
    print(told)
    if options.out is not None:
        with options.out.open("a", encoding="utf-8") as file:
            file.write(f"\n{told}\n")


def report(options: argparse.Namespace, experiment: Experiment, found: str) -> str:
    """Return the section of a results file."""
    facts = machine()
    where = f"{facts['cpu']}, {facts['cores']} cores, load {facts['load']}"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    threads = os.environ.get("OMP_NUM_THREADS")
    name = shown_model(options.model)
    command = (
        f"{f'OMP_NUM_THREADS={threads} ' if threads else ''}python -m benchmarks.sharper "
        f"{options.name} --model {name} --items {options.items} --seeds {options.seeds} "
        f"--particles {options.particles}"
    )
    return (
        f"## {options.name}, {name}\n\n{experiment.question}\n\n`{command}`\n\n"
        f"Commit {commit()}, {today}, {where}. {options.items} items × {options.seeds} seeds, "
        f"N = {options.particles}: {experiment.setting}. Means with 95% bootstrap intervals over "
        f"the items; differences are of pairs.\n\n{found}"
    )


if __name__ == "__main__":
    sys.exit(main())
