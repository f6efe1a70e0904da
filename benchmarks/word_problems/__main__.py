"""The study of word problems with a judge by likelihood; it resumes.

    python -m benchmarks.word_problems --model FOLDER --backend vllm --out DIR --items 100

Records are kept in ``--out``, one line a problem; ``report.md`` there holds the table. The model
judges its own solutions: how probable it finds "Yes" when it is asked whether one is right.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

from benchmarks import journal, provenance
from benchmarks.argument_types import add_model_and_out, count, counts, minutes
from benchmarks.command import explained
from benchmarks.lockstep import Lockstep, LockstepModel, LockstepScorer
from benchmarks.markdown import interval_text
from benchmarks.one_answer import problems_of
from benchmarks.word_problems.trial import trial
from domains.math_word.data import DataSet
from domains.math_word.task import MARK, MathItem
from potentials.boundaries import steps
from smc import load
from smc.backends.load_options import Backend
from smc.intervals import bootstrap, mean_interval
from smc.steps.token_steps import TokenSteps
from smc.strategies.likelihood_judge import LikelihoodJudge

Record = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.word_problems")
    add_model_and_out(parser)
    parser.add_argument("--dataset", default="gsm8k", choices=get_args(DataSet))
    parser.add_argument("--data", type=Path, help="root of the data sets")
    parser.add_argument("--items", type=count, default=100)
    parser.add_argument("--budgets", type=counts, default=[1, 2, 4, 8], metavar="N,N")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--max-tokens", type=count, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=count, default=6, help="problems in one batch")
    parser.add_argument("--minutes", type=minutes, default=float("inf"), help="then stop, whole")
    options = parser.parse_args(arguments)
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "records.jsonl"
    done: list[Record] = journal.read(file)
    known = {record["item"] for record in done}
    left = [item for item in problems_of(options) if item.id not in known]
    if left:
        done += _run(options, left, file)
    page = report(done) + _facts(options)
    (options.out / "report.md").write_text(page, encoding="utf-8")
    print(page)


def _run(options: argparse.Namespace, items: Sequence[MathItem], file: Path) -> list[Record]:
    model = load(
        options.model, backend=cast(Backend, options.backend), engine_args=options.engine_args
    )
    desk = Lockstep()
    shared = LockstepModel(desk, model)
    ends, records = time.monotonic() + 60 * options.minutes, []
    left = iter(items)

    def work() -> None:
        """Solve one problem after the other, while others solve theirs."""
        writer = TokenSteps(shared, steps(MARK), max_tokens=options.max_tokens)
        judge = LockstepScorer(desk, LikelihoodJudge(model))
        while time.monotonic() < ends and (item := next(left, None)) is not None:
            record = trial(
                item,
                writer,
                judge,
                budgets=options.budgets,
                seed=options.seed,
                temperature=options.temperature,
            )
            records.append(record)
            journal.append(file, [record])
            print(f"{len(records)} of {len(items)} problems", flush=True)

    desk.run([work] * min(options.at_once, len(items)))
    return records


def report(records: Sequence[Record]) -> str:
    """Return the table of a study: what each way solves at each budget, and its tokens."""
    keys = list(dict.fromkeys((r["strategy"], r["num_solutions"]) for r in records[0]["runs"]))
    runs = {
        key: [r for x in records for r in x["runs"] if (r["strategy"], r["num_solutions"]) == key]
        for key in sorted(keys, key=lambda key: key[1])
    }
    aucs = [r["told_apart"] for r in records if r["told_apart"] is not None]
    lines = [
        "# Word problems, judged by the likelihood of a yes\n",
        f"{len(records)} problems; a sample is right in {_mean(records, 'pass_rate'):.3f}, and "
        f"ends with an answer in {_mean(records, 'answered'):.3f}. {_preference(aucs)}\n",
        "| N | strategy | solved | more than votes of as many | tokens | tokens the judge reads |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for (name, n), own in runs.items():
        values = [float(r["correct"]) for r in own]
        votes = [float(r["correct"]) for r in runs["votes", n]]
        ahead = bootstrap([a - b for a, b in zip(values, votes, strict=True)])
        more = "–" if name == "votes" or n == 1 else interval_text(ahead)
        lines.append(
            f"| {n} | {name} | {interval_text(mean_interval(values))} | {more} | "
            f"{_mean(own, 'tokens'):.0f} | {_mean(own, 'judge_tokens'):.0f} |"
        )
    return "\n".join(lines) + "\n"


def _preference(aucs: Sequence[float]) -> str:
    """Say how often the judge prefers a right sample to a wrong one of the same problem."""
    if not aucs:
        return "No problem has both a right and a wrong sample."
    return (
        "Of a right and a wrong sample of one problem the judge prefers the right one in "
        f"{interval_text(bootstrap(aucs))} ({len(aucs)} problems have both)."
    )


def _facts(options: argparse.Namespace) -> str:
    return provenance.study_facts(
        options.model,
        options.backend,
        f"{options.dataset}, temperature {options.temperature:g}, {options.max_tokens} tokens a "
        f"solution at most, seed {options.seed}",
    )


def _mean(records: Sequence[Record], key: str) -> float:
    return sum(float(r[key]) for r in records) / len(records)


if __name__ == "__main__":
    sys.exit(main())
