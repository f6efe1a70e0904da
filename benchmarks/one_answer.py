"""Word problems answered once in each of several ways: what such studies have in common.

Records go to a journal, one line a problem and way, so a study goes on where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from benchmarks import journal, provenance
from benchmarks.argument_types import add_model_and_out, count
from benchmarks.drafts.prompts import answer_of
from benchmarks.selection import Selection
from benchmarks.tasks import find_data, load_items
from domains.math_word.data import DataSet
from domains.math_word.task import MathItem, MathWordTask
from potentials.mathematics import equal_many
from smc import load
from smc.backends.load_options import Backend
from smc.model import LanguageModel
from smc.strategies.writing import Writer, WrittenText

Arm = TypeVar("Arm")
Record = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser, *, max_tokens: int) -> None:
    """Declare the arguments of such a study.

    Args:
        parser: Of its command.
        max_tokens: Of an answer, by default.
    """
    add_model_and_out(parser)
    parser.add_argument("--dataset", default="gsm8k", choices=get_args(DataSet))
    parser.add_argument("--data", type=Path, help="root of the data sets")
    parser.add_argument("--items", type=count, default=100)
    parser.add_argument("--at-once", type=count, default=20, help="problems in one batch")
    parser.add_argument("--max-tokens", type=count, default=max_tokens)


def run(
    options: argparse.Namespace,
    arms: Sequence[Arm],
    arm_of: Callable[[Record], Arm],
    writer_of: Callable[[LanguageModel, Arm], Writer],
    answered: Callable[[Writer, Arm, Sequence[MathItem]], list[Record]],
) -> list[Record]:
    """Return the records of all problems in all ways; what the journal holds is not asked again.

    Args:
        options: What `add_arguments` declared.
        arms: The ways.
        arm_of: The way that a record is of.
        writer_of: From the model and a way to what writes.
        answered: From a writer, a way and a batch of problems to their records.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "records.jsonl"
    done: list[Record] = journal.read(file)
    known = {(r["item"], arm_of(r)) for r in done}
    items = problems_of(options)
    left = [(arm, [i for i in items if (i.id, arm) not in known]) for arm in arms]
    if not any(asked for _, asked in left):
        return done
    model = load(
        options.model, backend=cast(Backend, options.backend), engine_args=options.engine_args
    )
    for arm, asked in left:
        writer = writer_of(model, arm)
        for first in range(0, len(asked), options.at_once):
            new = answered(writer, arm, asked[first : first + options.at_once])
            journal.append(file, new)
            done += new
        print(f"{arm}: {len(items)} problems", flush=True)
    return done


def problems_of(options: argparse.Namespace) -> list[MathItem]:
    """Return the problems that the arguments `--dataset`, `--items` and `--data` ask for.

    Raises:
        SettingsError: The data set is not there, or holds nothing.
    """
    task = MathWordTask(dataset=options.dataset)
    items = load_items(task, Selection(limit=options.items), find_data(options.data))
    return [item for item in items if isinstance(item, MathItem)]


def judged(items: Sequence[MathItem], texts: Sequence[WrittenText]) -> list[Record]:
    """Return what each answer is: right, answered at all, cut, and its tokens."""
    said = [answer_of(t.text) for t in texts]
    rights = equal_many([(item.answer, s) for item, s in zip(items, said, strict=True)])
    return [
        {
            "item": item.id,
            "right": int(right),
            "answered": int(answer is not None),
            "tokens": text.num_tokens,
            "cut": int(text.truncated),
        }
        for item, text, answer, right in zip(items, texts, said, rights, strict=True)
    ]


def write_page(options: argparse.Namespace, page: str) -> None:
    """Write a study's page with the line of its facts to ``report.md``, and print it."""
    settings = f"{options.dataset}, {options.max_tokens} tokens at most"
    page += provenance.study_facts(options.model, options.backend, settings)
    (options.out / "report.md").write_text(page, encoding="utf-8")
    print(page)


def by_arm(
    records: Sequence[Mapping[str, Any]], arms: Sequence[Arm], arm_of: Callable[[Any], Arm]
) -> dict[Arm, dict[str, Mapping[str, Any]]]:
    """Return the records by way, then by problem; ways in order."""
    found: dict[Arm, dict[str, Mapping[str, Any]]] = {arm: {} for arm in arms}
    for record in records:
        found[arm_of(record)][record["item"]] = record
    return found
