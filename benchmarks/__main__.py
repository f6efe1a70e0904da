"""The command line: `python -m benchmarks run`, `report`, `kl`, `cost` and `robustness`."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence

from benchmarks import compare, cost, kl, report, run
from benchmarks.command import explained
from benchmarks.robustness import command as robustness


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0, 2 for an error explained, 130 if interrupted."""
    parsed = parser().parse_args(arguments)
    commands_by_name = {
        "run": run.main,
        "report": report.main,
        "compare": compare.main,
        "kl": kl.main,
        "cost": cost.main,
        "robustness": robustness.main,
    }
    work = commands_by_name[parsed.command]
    return explained(lambda: work(parsed))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run methods on a domain; goes on where it stopped")
    run.add_arguments(running)
    reporting = commands.add_parser("report", help="tables and a plot of what a run left")
    report.add_arguments(reporting)
    comparing = commands.add_parser("compare", help="two methods on the items that both have done")
    compare.add_arguments(comparing)
    diverging = commands.add_parser("kl", help="how far methods are from the target, on one item")
    kl.add_arguments(diverging)
    costing = commands.add_parser("cost", help="quality over cost, of several runs of a domain")
    cost.add_arguments(costing)
    attacking = commands.add_parser("robustness", help="injected instructions over compute")
    robustness.add_arguments(attacking)
    return top


if __name__ == "__main__":
    if not sys.warnoptions:  # who gives a command is to see that a name in it is an old one
        warnings.filterwarnings("default", category=DeprecationWarning, module=r"benchmarks\.")
    sys.exit(main())
