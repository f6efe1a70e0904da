"""Command line of the strategies' benchmark: `python -m benchmarks.strategies --out DIR …`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from benchmarks.argument_types import count, counts, distinct, minutes, numbers, some_of
from benchmarks.command import explained
from benchmarks.strategies.plans import SEARCHED
from benchmarks.strategies.report import write_report
from benchmarks.strategies.run import LEVELS, MODEL, SCORERS, run
from benchmarks.tasks import ROOT
from domains.arithmetic.problems import LEVELS as PROBLEM_LEVELS
from smc.strategies.aggregate import Selection


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.strategies", description=__doc__)
    arguments.add_argument("--out", type=Path, required=True, help="folder of the results")
    arguments.add_argument(
        "--budgets", type=counts, default=[1, 2, 4, 8, 16, 32, 64], metavar="N,N"
    )
    arguments.add_argument(
        "--tree-budgets", type=counts, default=None, metavar="N,N", help="of the searches"
    )
    arguments.add_argument(
        "--searches", type=some_of(SEARCHED), default=SEARCHED, help=f"of {', '.join(SEARCHED)}"
    )
    arguments.add_argument(
        "--selection",
        choices=get_args(Selection),
        default=None,
        help="how all searches settle on an answer; left out: each in its own way",
    )
    arguments.add_argument("--bins", type=count, default=5, help="of difficulty")
    arguments.add_argument("--items", type=count, default=100, help="problems of each part")
    arguments.add_argument("--levels", type=_levels, default=LEVELS, metavar="L,L", help="in turn")
    arguments.add_argument(
        "--scorer", type=some_of(SCORERS), default=["prm"], help=f"of {', '.join(SCORERS)}"
    )
    arguments.add_argument("--seeds", type=distinct, default=[0], metavar="K,K")
    arguments.add_argument("--samples", type=count, default=64, help="to measure difficulty by")
    arguments.add_argument("--model", type=Path, default=ROOT / MODEL)
    arguments.add_argument("--minutes", type=minutes, default=None, help="stop after so many")
    arguments.add_argument("--threads", type=count, default=1)
    arguments.add_argument(
        "--words", type=Path, help="Markdown to stand in the report, before tables"
    )
    arguments.add_argument("--report-only", action="store_true", help="run nothing")
    return arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    args = parser().parse_args(arguments)
    return explained(lambda: _work(args))


def _work(args: argparse.Namespace) -> None:
    if not args.report_only:
        run(args)
    print(write_report(args.out, args.bins, args.words))


def _levels(text: str) -> list[int]:
    levels = numbers(text)
    if not set(levels) <= set(PROBLEM_LEVELS):
        known = ", ".join(map(str, PROBLEM_LEVELS))
        raise argparse.ArgumentTypeError(f"{text!r}: expected levels of {known}")
    return levels


if __name__ == "__main__":
    sys.exit(main())
