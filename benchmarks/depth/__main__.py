"""`python -m benchmarks.depth --out FILE.md`: the study of depth, with its plot beside it.

Answers that are there already are not drawn again: `--work` keeps them.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import journal
from benchmarks.argument_types import count
from benchmarks.command import explained
from benchmarks.depth import measure, report
from benchmarks.depth.measure import Accuracy
from benchmarks.provenance import commit, machine, now

CAP = 32
READ = 20
"""Problems of each level that exits and routers are looked at on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.depth", description=__doc__)
    parser.add_argument("--problems", type=count, default=100, help="of each level (default 100)")
    parser.add_argument("--work", type=Path, default=Path("runs/depth"), help="answers so far")
    parser.add_argument("--out", type=Path, required=True, help="the page, .md")
    options = parser.parse_args(arguments)
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    found = accuracies(options.work / f"{options.problems}.jsonl", options.problems)
    chosen = measure.problems_of_test(READ)
    steps = measure.load("inner-thinking")[0].config.steps - 1
    picture = options.out.with_suffix(".png")
    report.plot(found, picture)
    facts = machine()
    parts = [
        "# Depth: accuracy by level and iterations",
        f"`python -m benchmarks.depth --problems {options.problems} --out {options.out}`",
        f"Commit {commit()}, {now()}, {facts['cpu']}, {facts['cores']} cores, one thread, load "
        f"{facts['load']}. {options.problems} test problems of each level, the likeliest token at "
        "every place; Wilson's 95% intervals. *layers a token*: repetitions counted, those of the "
        "router by its share. *trained on*: tokens, padding included.",
        report.accuracy_table(found, {kind: measure.trained_on(kind) for kind in measure.KINDS}),
        f"![Accuracy over depth]({picture.name})",
        "## Which r is enough\n\nThe smallest r with "
        f"{report.NEARLY:.0%} of the best accuracy that the network has at any r.",
        report.enough_table(found),
        "## Where tokens stop\n\nThe recurrent network reads right solutions of "
        f"{READ} problems a level, at most {CAP} iterations a token, with the thresholds of the "
        "paper's code. *likeliest*: share of tokens that it finds likeliest.",
        report.stops_table(measure.stops(CAP, chosen)),
        "## What the routers pick\n\nShare of the tokens of right solutions that think on, by what "
        "the token's successor is.",
        report.routed_table(measure.routed(chosen), steps),
    ]
    options.out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def accuracies(file: Path, count: int) -> list[Accuracy]:
    """Return all, those in a file of JSON lines read, the others measured and added.

    Args:
        file: May be absent.
        count: Problems of each level.
    """
    known = {}
    for record in journal.read(file):
        right = {int(level): own for level, own in record.pop("right").items()}
        known[record["kind"], record["depth"]] = Accuracy(**record, right=right)
    chosen = measure.problems_of_test(count)
    for kind, depth in measure.settings():
        if (kind, depth) not in known:
            known[kind, depth] = measure.accuracy(kind, depth, chosen)
            journal.append(file, [dataclasses.asdict(known[kind, depth])])
    return [known[setting] for setting in measure.settings()]


if __name__ == "__main__":
    sys.exit(main())
