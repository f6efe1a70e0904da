"""The study of drafts on word problems; it resumes.

    python -m benchmarks.drafts --model FOLDER --backend vllm --out DIR --items 100

Records are kept in ``--out``, one line a problem and way of asking; ``report.md`` there holds the
table.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

from benchmarks import journal, provenance
from benchmarks.argument_types import add_model_and_out, count
from benchmarks.drafts.prompts import EXAMPLES, SYSTEMS, answer_of, ask
from benchmarks.markdown import interval_text, table
from domains.math_word.data import DataSet
from domains.math_word.task import MathItem, MathWordTask
from potentials.mathematics import equal_many
from smc import load
from smc.backends.load_options import Backend
from smc.intervals import bootstrap, mean_interval
from smc.strategies.seeds import generators
from smc.strategies.writing import TokenWriter, Writer

Arm = tuple[str, int]
"""The way of asking, and how many solved problems are shown."""
ARMS: tuple[Arm, ...] = tuple((way, shown) for shown in (0, len(EXAMPLES)) for way in SYSTEMS)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drafts")
    add_model_and_out(parser)
    parser.add_argument("--dataset", default="gsm8k", choices=get_args(DataSet))
    parser.add_argument("--data", type=Path, help="root of the data sets")
    parser.add_argument("--items", type=count, default=100)
    parser.add_argument("--at-once", type=count, default=20, help="problems in one batch")
    parser.add_argument("--max-tokens", type=count, default=400)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "records.jsonl"
    done: list[dict[str, Any]] = journal.read(file)
    known = {(r["item"], r["way"], r["shown"]) for r in done}
    items = MathWordTask(dataset=options.dataset).items(options.items, options.data)
    left = [(arm, [i for i in items if (i.id, *arm) not in known]) for arm in ARMS]
    if any(asked for _, asked in left):
        model = load(
            options.model, backend=cast(Backend, options.backend), engine_args=options.engine_args
        )
        writer = TokenWriter(model, max_tokens=options.max_tokens, batch=options.at_once)
        for arm, asked in left:
            for first in range(0, len(asked), options.at_once):
                new = answered(writer, arm, asked[first : first + options.at_once])
                journal.append(file, new)
                done += new
            print(f"{arm[0]}, {arm[1]} shown: {len(items)} problems", flush=True)
    page = report(done) + _facts(options)
    (options.out / "report.md").write_text(page, encoding="utf-8")
    print(page)


def answered(writer: Writer, arm: Arm, items: Sequence[MathItem]) -> list[dict[str, Any]]:
    """Return a record for each problem, asked in one way and answered greedily."""
    way, shown = arm
    prompts = [ask(way, item.question, shown) for item in items]
    texts = writer.write(prompts, rngs=generators(0, len(items)), temperature=0.0)
    said = [answer_of(t.text) for t in texts]
    rights = equal_many([(item.answer, s) for item, s in zip(items, said, strict=True)])
    return [
        {
            "item": item.id,
            "way": way,
            "shown": shown,
            "right": int(right),
            "answered": int(answer is not None),
            "tokens": text.num_tokens,
            "cut": int(text.truncated),
        }
        for item, text, answer, right in zip(items, texts, said, rights, strict=True)
    ]


def report(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the table: what each way solves, for how many tokens, beside a chain of thought."""
    arms: dict[Arm, dict[str, Mapping[str, Any]]] = {arm: {} for arm in ARMS}
    for record in records:
        arms[record["way"], record["shown"]][record["item"]] = record
    head = ["examples", "way", "right", "less a chain of thought", "tokens", "of its tokens", "cut"]
    body = []
    for (way, shown), own in ((arm, own) for arm, own in arms.items() if own):
        thought = arms["chain of thought", shown]
        items = [item for item in own if item in thought]
        apart = [float(own[i]["right"] - thought[i]["right"]) for i in items]
        tokens = [float(r["tokens"]) for r in own.values()]
        theirs = sum(thought[i]["tokens"] for i in items)
        share = f"{sum(own[i]['tokens'] for i in items) / theirs:.0%}" if theirs else "–"
        same = way == "chain of thought" or not items
        body.append(
            [
                str(shown),
                way,
                interval_text(mean_interval([float(r["right"]) for r in own.values()])),
                "–" if same else interval_text(bootstrap(apart), "+"),
                f"{sum(tokens) / len(tokens):.0f}",
                "–" if same else share,
                f"{sum(r['cut'] for r in own.values())}",
            ]
        )
    count_ = len({r["item"] for r in records})
    title = (
        f"# Drafts in the place of thoughts\n\n{count_} word problems, one greedy answer each.\n"
    )
    return "\n".join([title, *table(head, body)]) + "\n"


def _facts(options: argparse.Namespace) -> str:
    settings = f"{options.dataset}, {options.max_tokens} tokens at most"
    return provenance.study_facts(options.model, options.backend, settings)


if __name__ == "__main__":
    main()
