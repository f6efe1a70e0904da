"""The study of thought switching on word problems: does a price on new thoughts help? It resumes.

    python -m benchmarks.switching --model FOLDER --backend vllm --out DIR --items 100

Models that think long switch by themselves (Wang et al. 2025, "Thoughts are all over the place");
one that does not is asked to, so that there is something to price. Records are kept in ``--out``,
one line a problem and arm; ``report.md`` there holds the table.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from benchmarks import journal, provenance
from benchmarks.argument_types import add_model_and_out, count
from benchmarks.drafts.prompts import SYSTEMS, answer_of
from benchmarks.markdown import interval_text, table
from domains.math_word.data import DataSet
from domains.math_word.task import MathItem, MathWordTask
from potentials.mathematics import equal_many
from potentials.thinking import SWITCHES, ThoughtSwitchPenalty
from smc import load
from smc.backends.load_options import Backend
from smc.intervals import bootstrap, mean_interval
from smc.strategies.seeds import generators
from smc.strategies.writing import TokenWriter, Writer

TEMPERATURE = 0.7
THOUGHT = SYSTEMS["chain of thought"]
THOUGHTS = (
    "Think step by step to answer the following question. Whenever an approach looks doubtful, "
    'leave it and begin another one, with the word "Alternatively". Return the answer at the end '
    "of the response after a separator ####."
)


@dataclass(frozen=True)
class Arm:
    """A way of thinking.

    Attributes:
        system: The system message.
        penalty: α in nats; 0: no price.
        duration: β, the tokens of a thought for which it is asked.
    """

    system: str
    penalty: float = 0.0
    duration: int = 600


ARMS: Mapping[str, Arm] = {
    "one thought": Arm(THOUGHT),
    "asked to switch": Arm(THOUGHTS),
    "asked to switch, α = 3": Arm(THOUGHTS, 3.0),
    "asked to switch, α = 10": Arm(THOUGHTS, 10.0),
    "asked to switch, α = 10 for 100 tokens": Arm(THOUGHTS, 10.0, 100),
}
"""The third has the paper's α and β."""
BASE = "asked to switch"
_SWITCH = re.compile(rf"\b({'|'.join(SWITCHES)})\b", re.IGNORECASE)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.switching")
    add_model_and_out(parser)
    parser.add_argument("--dataset", default="gsm8k", choices=get_args(DataSet))
    parser.add_argument("--data", type=Path, help="root of the data sets")
    parser.add_argument("--items", type=count, default=100)
    parser.add_argument("--at-once", type=count, default=20, help="problems in one batch")
    parser.add_argument("--max-tokens", type=count, default=600)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "records.jsonl"
    done: list[dict[str, Any]] = journal.read(file)
    known = {(r["item"], r["arm"]) for r in done}
    items = MathWordTask(dataset=options.dataset).items(options.items, options.data)
    left = {arm: [i for i in items if (i.id, arm) not in known] for arm in ARMS}
    if any(left.values()):
        model = load(
            options.model, backend=cast(Backend, options.backend), engine_args=options.engine_args
        )
        for name, asked in left.items():
            arm = ARMS[name]
            price = ThoughtSwitchPenalty(penalty=arm.penalty, duration=arm.duration)
            writer = TokenWriter(
                model,
                [price] if arm.penalty else [],
                max_tokens=options.max_tokens,
                batch=options.at_once,
            )
            for first in range(0, len(asked), options.at_once):
                new = answered(writer, name, asked[first : first + options.at_once], first)
                journal.append(file, new)
                done += new
            print(f"{name}: {len(items)} problems", flush=True)
    page = report(done) + _facts(options)
    (options.out / "report.md").write_text(page, encoding="utf-8")
    print(page)


def answered(
    writer: Writer, arm: str, items: Sequence[MathItem], seed: int
) -> list[dict[str, Any]]:
    """Return a record for each problem, answered once."""
    prompts = [
        [
            {"role": "system", "content": ARMS[arm].system},
            {"role": "user", "content": item.question},
        ]
        for item in items
    ]
    texts = writer.write(prompts, rngs=generators(seed, len(items)), temperature=TEMPERATURE)
    said = [answer_of(t.text) for t in texts]
    rights = equal_many([(item.answer, s) for item, s in zip(items, said, strict=True)])
    return [
        {
            "item": item.id,
            "arm": arm,
            "right": int(right),
            "switches": switches(text.text),
            "tokens": text.num_tokens,
            "cut": int(text.truncated),
        }
        for item, text, right in zip(items, texts, rights, strict=True)
    ]


def switches(text: str) -> int:
    """Return how often a text opens another line of thought.

    Example:
        >>> switches("3 + 4 = 8. Alternatively, 3 + 4 = 7. ALTERNATIVELY"), switches("Alternative")
        (2, 0)
    """
    return len(_SWITCH.findall(text))


def report(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the table: what each arm solves, how often it switches, beside switching unpriced."""
    arms: dict[str, dict[str, Mapping[str, Any]]] = {arm: {} for arm in ARMS}
    for record in records:
        arms[record["arm"]][record["item"]] = record
    head = ["arm", "right", f"less {BASE}", "switches", "answers with one", "tokens", "cut"]
    body = []
    for arm, own in arms.items():
        if not own:
            continue
        pairs = [(own[i], arms[BASE][i]) for i in own if i in arms[BASE]]
        apart = [float(a["right"] - b["right"]) for a, b in pairs]
        found = [float(r["switches"]) for r in own.values()]
        body.append(
            [
                arm,
                interval_text(mean_interval([float(r["right"]) for r in own.values()])),
                "–" if arm == BASE or not pairs else interval_text(bootstrap(apart), "+"),
                interval_text(bootstrap(found), places=2),
                interval_text(mean_interval([float(f > 0) for f in found]), places=2),
                f"{sum(float(r['tokens']) for r in own.values()) / len(own):.0f}",
                f"{sum(r['cut'] for r in own.values())}",
            ]
        )
    title = (
        f"# A price on switching thoughts\n\n{len({r['item'] for r in records})} word problems, "
        f"one answer each at temperature {TEMPERATURE:g}. *Switches*: words that open another line "
        "of thought, in an answer.\n"
    )
    return "\n".join([title, *table(head, body)]) + "\n"


def _facts(options: argparse.Namespace) -> str:
    settings = f"{options.dataset}, {options.max_tokens} tokens at most"
    return provenance.study_facts(options.model, options.backend, settings)


if __name__ == "__main__":
    main()
