"""The study of thought switching on word problems: does a price on new thoughts help? It resumes.

    python -m benchmarks.switching --model FOLDER --backend vllm --out DIR --items 100

Models that think long switch by themselves (Wang et al. 2025, "Thoughts are all over the place");
one that does not is asked to, so that there is something to price. Records are kept in ``--out``,
one line a problem and arm; ``report.md`` there holds the table.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.command import explained
from benchmarks.drafts.prompts import SYSTEMS
from benchmarks.markdown import interval_text, table
from benchmarks.methods import generator
from benchmarks.one_answer import add_arguments, by_arm, judged, run, write_page
from domains.math_word.task import MathItem
from potentials.thinking import SWITCHES, ThoughtSwitchPenalty
from smc.intervals import bootstrap, mean_interval
from smc.model import LanguageModel
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; return the exit status: 0, 2 for an error explained, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.switching")
    add_arguments(parser, max_tokens=600)
    options = parser.parse_args(arguments)
    return explained(lambda: _work(options))


def _work(options: argparse.Namespace) -> None:
    def writer_of(model: LanguageModel, name: str) -> TokenWriter:
        arm = ARMS[name]
        price = ThoughtSwitchPenalty(penalty=arm.penalty, duration=arm.duration)
        return TokenWriter(
            model,
            [price] if arm.penalty else [],
            max_tokens=options.max_tokens,
            batch=options.at_once,
        )

    records = run(options, list(ARMS), _arm, writer_of, answered)
    write_page(options, report(records))


def answered(writer: Writer, arm: str, items: Sequence[MathItem]) -> list[dict[str, Any]]:
    """Return a record for each problem, answered once."""
    prompts = [
        [
            {"role": "system", "content": ARMS[arm].system},
            {"role": "user", "content": item.question},
        ]
        for item in items
    ]
    texts = writer.write(
        prompts, rngs=[generator(0, item) for item in items], temperature=TEMPERATURE
    )
    return [
        {"arm": arm, "switches": switches(text.text), **record}
        for text, record in zip(texts, judged(items, texts), strict=True)
    ]


def _arm(record: Mapping[str, Any]) -> str:
    return record["arm"]


def switches(text: str) -> int:
    """Return how often a text opens another line of thought.

    Example:
        >>> switches("3 + 4 = 8. Alternatively, 3 + 4 = 7. ALTERNATIVELY"), switches("Alternative")
        (2, 0)
    """
    return len(_SWITCH.findall(text))


def report(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the table: what each arm solves, how often it switches, beside switching unpriced."""
    arms = by_arm(records, list(ARMS), _arm)
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


if __name__ == "__main__":
    sys.exit(main())
