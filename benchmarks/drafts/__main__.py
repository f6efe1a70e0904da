"""The study of drafts on word problems; it resumes.

    python -m benchmarks.drafts --model FOLDER --backend vllm --out DIR --items 100

Records are kept in ``--out``, one line a problem and way of asking; ``report.md`` there holds the
table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.command import explained
from benchmarks.drafts.prompts import EXAMPLES, SYSTEMS, ask
from benchmarks.markdown import interval_text, table
from benchmarks.methods import generator
from benchmarks.one_answer import add_arguments, by_arm, judged, run, write_page
from domains.math_word.task import MathItem
from smc.intervals import bootstrap, mean_interval
from smc.strategies.writing import TokenWriter, Writer

Arm = tuple[str, int]
"""The way of asking, and how many solved problems are shown."""
ARMS: tuple[Arm, ...] = tuple((way, shown) for shown in (0, len(EXAMPLES)) for way in SYSTEMS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drafts")
    add_arguments(parser, max_tokens=400)
    options = parser.parse_args(arguments)
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    records = run(
        options,
        ARMS,
        _arm,
        lambda model, _: TokenWriter(model, max_tokens=options.max_tokens, batch=options.at_once),
        answered,
    )
    write_page(options, report(records))


def answered(writer: Writer, arm: Arm, items: Sequence[MathItem]) -> list[dict[str, Any]]:
    """Return a record for each problem, asked in one way and answered greedily."""
    way, shown = arm
    prompts = [ask(way, item.question, shown) for item in items]
    texts = writer.write(prompts, rngs=[generator(0, item) for item in items], temperature=0.0)
    return [{"way": way, "shown": shown, **record} for record in judged(items, texts)]


def _arm(record: Mapping[str, Any]) -> Arm:
    return record["way"], record["shown"]


def report(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the table: what each way solves, for how many tokens, beside a chain of thought."""
    arms = by_arm(records, ARMS, _arm)
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


if __name__ == "__main__":
    sys.exit(main())
