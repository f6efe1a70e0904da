"""Command line: `python -m benchmarks.feedback --out DIR …`; it goes on where it stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import smc
from benchmarks import journal
from benchmarks.argument_types import count, numbers, some_of
from benchmarks.command import explained
from benchmarks.feedback.arms import ARMS, run_arm
from benchmarks.feedback.items import failed_items
from benchmarks.feedback.report import write_report
from domains.arithmetic.splits import SPLITS
from smc.strategies.writing import TokenWriter


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.feedback", description=__doc__)
    add = arguments.add_argument
    add("--out", type=Path, required=True, help="folder of the results")
    add(
        "--arms",
        type=some_of(ARMS),
        default=[*ARMS],
        help=f"of {', '.join(ARMS)}",
    )
    add("--part", choices=SPLITS, default="test", help="where the problems are from")
    add("--levels", type=numbers, default=[4, 5], help="of the problems")
    add("--items", type=count, default=24, help="of each level")
    add("--trials", type=count, default=32)
    add("--seeds", type=count, default=1)
    add("--rate", type=float, default=3e-3, help="of FTTT's learning")
    add("--words", type=Path, help="Markdown to stand in the report, before tables")
    add("--report-only", action="store_true", help="run nothing")
    return arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    options = parser().parse_args(arguments)
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.report_only:
        _run(options)
    print(write_report(options))


def _run(options: argparse.Namespace) -> None:
    import torch

    torch.set_num_threads(1)
    model = smc.load("embedded:arithmetic")
    writer = TokenWriter(model, max_tokens=128)
    levels = options.levels
    items = [failed_items(writer, options.part, level, options.items) for level in levels]
    file = options.out / "runs.jsonl"
    done = {(r["arm"], r["item"], r["seed"], r["rate"]) for r in journal.read(file)}
    in_turn = [item for together in zip(*items, strict=True) for item in together]
    jobs = [(s, i, a) for s in range(options.seeds) for i in in_turn for a in options.arms]
    for seed, item, arm in jobs:
        rate = options.rate if arm.startswith("fttt") else None
        if (arm, item.name, seed, rate) in done:
            continue
        attempts = run_arm(arm, model, item, trials=options.trials, seed=seed, rate=options.rate)
        record = {
            "arm": arm,
            "item": item.name,
            "level": item.level,
            "seed": seed,
            "rate": rate,
            "attempts": [list(asdict(a).values()) for a in attempts],
        }
        journal.append(file, [record])


if __name__ == "__main__":
    sys.exit(main())
