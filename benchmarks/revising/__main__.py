"""The study of revisions on chained arithmetic: along the chain, by ratio, beside other strategies.

    python -m benchmarks.revising --out DIR --items 200 --solutions 16

Draws are kept in ``--out`` and not drawn again; ``report.md`` there holds the tables, and
``records.jsonl`` what they are computed from, without texts: ``--report FILE`` prints them again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import journal, provenance
from benchmarks.argument_types import count
from benchmarks.command import explained
from benchmarks.revising.beside import run_beside
from benchmarks.revising.drawing import draw_problems
from benchmarks.revising.outcomes import outcome
from benchmarks.revising.report import report
from benchmarks.strategies.trial import RememberedScorer
from domains.arithmetic.revising import REVISER
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.verifier import verifier


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.revising")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--items", type=count, default=200)
    parser.add_argument("--solutions", type=count, default=16, help="N, a power of two")
    parser.add_argument("--threads", type=count, default=1)
    parser.add_argument("--reviser", type=Path, default=REVISER)
    parser.add_argument("--report", type=Path, metavar="FILE", help="records; runs nothing")
    options = parser.parse_args(arguments)
    if options.report is None and options.out is None:
        parser.error("--out: got none; expected the folder of the study, or --report FILE.")
    if options.solutions < 2 or options.solutions & (options.solutions - 1):
        parser.error(f"--solutions: expected a power of two, got {options.solutions}.")
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    if options.report is not None:
        print(report(journal.read(options.report)))
        return
    records = run(options)
    page = report(records)
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    (options.out / "records.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = f"python -m benchmarks.revising --items {options.items} --solutions "
    machine = provenance.machine()
    facts = (
        f"commit {provenance.commit()}, {machine['cpu']}, {machine['cores']} cores, load "
        f"{machine['load']}, {provenance.now()}"
    )
    (options.out / "report.md").write_text(
        f"{page}\n`{command}{options.solutions} --out DIR`: {facts}.\n", encoding="utf-8"
    )
    print(page)


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Draw and search what is not there yet; return the records of all problems."""
    import torch

    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    solutions = options.solutions
    drawn = draw_problems(
        load_policy(options.reviser),
        load_policy(MODEL),
        options.items,
        solutions,
        options.out / f"drawn-{solutions}.jsonl",
    )
    scorer = RememberedScorer(verifier())
    others = run_beside(
        MODEL, scorer, drawn, solutions, options.out / f"searched-{solutions}.jsonl"
    )
    return [outcome(each, solutions, scorer) | own for each, own in zip(drawn, others, strict=True)]


if __name__ == "__main__":
    sys.exit(main())
