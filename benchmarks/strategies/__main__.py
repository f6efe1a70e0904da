"""Command line of the strategies' benchmark: `python -m benchmarks.strategies --out DIR …`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

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
        "--budgets", type=_counts, default=[1, 2, 4, 8, 16, 32, 64], metavar="N,N"
    )
    arguments.add_argument(
        "--tree-budgets", type=_counts, default=None, metavar="N,N", help="of the searches"
    )
    arguments.add_argument(
        "--searches", type=_searches, default=SEARCHED, help=f"of {', '.join(SEARCHED)}"
    )
    arguments.add_argument(
        "--selection",
        choices=get_args(Selection),
        default=None,
        help="how all searches settle on an answer; left out: each in its own way",
    )
    arguments.add_argument("--bins", type=_count, default=5, help="of difficulty")
    arguments.add_argument("--items", type=_count, default=100, help="problems of each part")
    arguments.add_argument("--levels", type=_levels, default=LEVELS, metavar="L,L", help="in turn")
    arguments.add_argument(
        "--scorer", type=_names, default=["prm"], help=f"of {', '.join(SCORERS)}"
    )
    arguments.add_argument("--seeds", type=_distinct, default=[0], metavar="K,K")
    arguments.add_argument("--samples", type=_count, default=64, help="to measure difficulty by")
    arguments.add_argument("--model", type=Path, default=ROOT / MODEL)
    arguments.add_argument("--minutes", type=_minutes, default=None, help="stop after so many")
    arguments.add_argument("--threads", type=_count, default=1)
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


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 on")
    return int(text)


def _counts(text: str) -> list[int]:
    return [_count(str(number)) for number in _distinct(text)]


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not minutes > 0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0")
    return minutes


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected whole numbers, 1,2,4") from error
    if any(n < 0 for n in numbers):
        raise argparse.ArgumentTypeError(f"{text!r}: expected numbers from 0 on")
    return numbers


def _distinct(text: str) -> list[int]:
    numbers = _numbers(text)
    if len(set(numbers)) < len(numbers):
        raise argparse.ArgumentTypeError(f"{text!r}: expected distinct numbers from 0 on")
    return numbers


def _levels(text: str) -> list[int]:
    levels = _numbers(text)
    if not set(levels) <= set(PROBLEM_LEVELS):
        known = ", ".join(map(str, PROBLEM_LEVELS))
        raise argparse.ArgumentTypeError(f"{text!r}: expected levels of {known}")
    return levels


def _names(text: str) -> list[str]:
    return _known(text, SCORERS)


def _searches(text: str) -> list[str]:
    return _known(text, SEARCHED)


def _known(text: str, names: Sequence[str]) -> list[str]:
    given = text.split(",")
    wrong = [name for name in given if name not in names]
    if wrong:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r}: expected some of {', '.join(names)}")
    return given


if __name__ == "__main__":
    sys.exit(main())
