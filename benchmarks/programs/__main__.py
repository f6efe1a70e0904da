"""The study of S* on `domains/functions`; it resumes.

    python -m benchmarks.programs --model FOLDER --backend vllm --out DIR --items 60

Records are kept in ``--out``, one line a problem; ``report.md`` there holds the table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from benchmarks import journal, provenance
from benchmarks.argument_types import add_model_and_out, count, minutes
from benchmarks.command import explained
from benchmarks.lockstep import Lockstep, LockstepWriter
from benchmarks.markdown import interval_text
from benchmarks.programs.trial import trial
from domains.functions.judging import runner
from domains.functions.task import FunctionsTask
from smc import load
from smc.backends.load_options import Backend
from smc.intervals import bootstrap, mean_interval
from smc.strategies.writing import TokenWriter

ROWS: Mapping[str, str] = {
    "first": "one sample",
    "pass_rate": "a sample, mean over all",
    "best_of_n": "best of the samples by public tests",
    "votes": "votes by outputs among these",
    "star": "S*",
    "coverage_samples": "coverage of the samples",
    "coverage_star": "coverage of S*",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.programs")
    add_model_and_out(parser)
    parser.add_argument("--items", type=count, default=60)
    parser.add_argument("--solutions", type=count, default=4, help="N of S*")
    parser.add_argument("--repairs", type=int, default=2)
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--max-tokens", type=count, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=count, default=12, help="problems in one batch")
    parser.add_argument("--minutes", type=minutes, default=float("inf"), help="then stop, whole")
    options = parser.parse_args(arguments)
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "records.jsonl"
    done = journal.read(file)
    known = {record["item"] for record in done}
    left = [i for i in FunctionsTask(style="chat").items(options.items) if i.id not in known]
    if left:
        done += _run(options, left, file)
    page = report(done) + _facts(options)
    (options.out / "report.md").write_text(page, encoding="utf-8")
    print(page)


def _run(options: argparse.Namespace, items: Sequence[Any], file: Path) -> list[dict[str, Any]]:
    model = load(
        options.model, backend=cast(Backend, options.backend), engine_args=options.engine_args
    )
    desk, programs = Lockstep(), runner()
    writer = LockstepWriter(desk, TokenWriter(model, max_tokens=options.max_tokens))

    def run(item: Any) -> dict[str, Any]:
        return trial(
            item,
            writer,
            programs,
            solutions=options.solutions,
            repairs=options.repairs,
            seed=options.seed,
            temperature=options.temperature,
        )

    ends, records = time.monotonic() + 60 * options.minutes, []
    for first in range(0, len(items), options.at_once):
        batch = items[first : first + options.at_once]
        jobs = [partial(run, item) for item in batch]
        records += desk.run(jobs, lambda record: journal.append(file, [record]))
        print(f"{len(records)} of {len(items)} problems", flush=True)
        if time.monotonic() > ends:
            break
    return records


def report(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of a study: what each way of choosing solves, with paired differences."""
    tokens = [sum(r[n] for r in records) / len(records) for n in ("star_tokens", "sample_tokens")]
    lines = [
        "# S* on sixty functions\n",
        f"{len(records)} problems; tokens a problem: S* {tokens[0]:.0f}, samples {tokens[1]:.0f} "
        f"({sum(r['samples'] for r in records) / len(records):.1f} samples).\n",
        "| | solved | less than S* by |",
        "| --- | ---: | ---: |",
    ]
    for key, label in ROWS.items():
        values = [float(r[key]) for r in records]
        apart = bootstrap([float(r["star"]) - x for r, x in zip(records, values, strict=True)])
        behind = "–" if key.startswith(("star", "coverage")) else interval_text(apart)
        lines.append(f"| {label} | {interval_text(mean_interval(values))} | {behind} |")
    return "\n".join(lines) + "\n"


def _facts(options: argparse.Namespace) -> str:
    return provenance.study_facts(
        options.model,
        options.backend,
        f"N = {options.solutions}, {options.repairs} repairs, temperature {options.temperature:g}, "
        f"{options.max_tokens} tokens a text, seed {options.seed}",
    )


if __name__ == "__main__":
    sys.exit(main())
