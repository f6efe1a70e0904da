"""The command: `python -m benchmarks.inference_time --model NAME --items K --out DIR`.

Records are in ``DIR/records.jsonl``, the page in ``DIR/report.md`` with a plot beside it. Pages of
several runs are put together from their records:

    python -m benchmarks.inference_time --report A.jsonl B.jsonl --words words.md --out DIR
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.argument_types import count as whole
from benchmarks.argument_types import minutes, some_of
from benchmarks.command import explained
from benchmarks.inference_time.report import plot, render
from benchmarks.inference_time.runs import Key, plan_of, read, run_all
from benchmarks.inference_time.subjects import JUDGES, SHOTS, TEMPERATURE, Subject, crew
from benchmarks.inference_time.techniques import TECHNIQUES, Outcome
from benchmarks.lockstep import Lockstep
from benchmarks.provenance import commit, machine, model_digest, now, shown_model
from domains.reasoning.puzzles import KINDS

HEADING = "# Techniques of inference-time computation on eleven kinds of reasoning"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.inference_time", description=__doc__)
    add = top.add_argument
    add("--model", default="embedded:reasoning", help="embedded, a folder, or a name on the Hub")
    add("--tasks", type=some_of(KINDS), default=[*KINDS], help="some of the kinds, in order")
    add("--techniques", type=some_of(TECHNIQUES), default=[*TECHNIQUES])
    add("--items", type=whole, default=40, help="puzzles a task")
    add("--judge", choices=JUDGES, default="own", help="oracle: the checker's own rules")
    add("--out", type=Path, required=True, help="folder; what is there is gone on with")
    add("--at-once", type=whole, default=8, help="puzzles in one batch")
    add(
        "--minutes",
        type=minutes,
        default=float("inf"),
        help="of this process; then it reports what there is",
    )
    add("--backend", choices=("transformers", "vllm"), help="of a published model")
    add("--engine-args", type=json.loads, help="JSON, see smc.load")
    add("--report", nargs="+", type=Path, default=[], help="records to make a page of; runs none")
    add("--words", nargs="*", type=Path, default=[], help="Markdown before the tables of each")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    options = parser().parse_args(arguments)
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    files = options.report
    if not files:
        files = [options.out / "records.jsonl"]
        _run(options, files[0])
    print(write_page(files, options.words, options.out))


def _run(options: argparse.Namespace, file: Path) -> None:
    import torch

    torch.set_num_threads(1)
    loading = {"backend": options.backend, "engine_args": options.engine_args}
    desk = Lockstep()
    subjects = crew(options.model, options.judge, loading, desk, options.at_once)
    ends = time.monotonic() + 60 * options.minutes
    done = count(1)

    def told(key: Key, outcome: Outcome) -> bool:
        if (number := next(done)) % 100 == 1:
            print(f"{number}: {key[2]} {key[0]} {key[1]}: {outcome}", flush=True)
        return time.monotonic() < ends

    plan = plan_of(options.tasks, options.techniques, options.items)
    run_all(subjects, plan, head_of(options, subjects[0]), file, desk, told)


def head_of(options: argparse.Namespace, who: Subject) -> dict[str, Any]:
    """Return where the records come from."""
    told = ["--model", shown_model(options.model), "--judge", options.judge]
    told += ["--items", str(options.items)]
    if options.tasks != [*KINDS]:
        told += ["--tasks", ",".join(options.tasks)]
    if options.techniques != [*TECHNIQUES]:
        told += ["--techniques", ",".join(options.techniques)]
    if options.backend:
        told += ["--backend", options.backend]
    threads = os.environ.get("OMP_NUM_THREADS")
    begins = f"OMP_NUM_THREADS={threads} " if threads else ""
    shots = 0 if who.trained else SHOTS
    return {
        "settings": {
            "model": shown_model(options.model),
            "digest": model_digest(options.model),
            "judge": options.judge,
            "judged_by": who.judged_by,
            "temperature": TEMPERATURE,
            "shots": shots,
        },
        "command": f"{begins}python -m benchmarks.inference_time {shlex.join(told)} --out DIR",
        "commit": commit(),
        "machine": machine(),
        "date": now()[:10],
    }


def write_page(files: Sequence[Path], words: Sequence[Path], out: Path) -> str:
    """Write `report.md` and `report.png` of some records, and return the page."""
    records = [read(file) for file in files]
    named = [f", {r.head['settings']['model']}" if len(files) > 1 else "" for r in records]
    plot(list(zip(named, records, strict=True))[:1], out / "report.png")
    texts = [path.read_text(encoding="utf-8") for path in words]
    texts += [""] * (len(records) - len(texts))
    sections = [
        render(own, text, "report.png" if k == 0 else "")
        for k, (own, text) in enumerate(zip(records, texts, strict=True))
    ]
    page = f"{HEADING}\n\n{NOTE}\n\n" + "\n".join(sections)
    (out / "report.md").write_text(page, encoding="utf-8")
    return page


NOTE = (
    "Eleven kinds of generated puzzles with exact checkers (`domains/reasoning`), after Sys2Bench "
    "([2502.12521](https://arxiv.org/abs/2502.12521)). Shares of right answers with 95% intervals "
    "by puzzle (Wilson's; of means of tasks the bootstrap's); the largest in bold. *Ahead*: by the "
    "exact sign test on the same puzzles, two-sided, at 5%. *tokens*: generated for an answer, "
    "dropped ones included; *judged*: read by the judge."
)


if __name__ == "__main__":
    sys.exit(main())
