"""Model cards of the countdown models, with their measures.

    python -m domains.countdown.training.card

Every figure comes from the stored weights, on problems of the test part.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import cache
from itertools import combinations_with_replacement, islice
from pathlib import Path
from typing import Any

from domains.arithmetic.training.measure import draw, load_policy
from domains.countdown.improve import IMPROVED
from domains.countdown.problems import BOUND, LARGEST, LEVELS, TARGETS, sensible
from domains.countdown.splits import problems
from domains.countdown.steps import BACKTRACK, is_right
from domains.countdown.train import MODEL, PLAIN
from domains.training.card import model_facts, write_card
from smc.intervals import mean_interval

TEMPLATE = Path(__file__).parent / "card.md"
_LEARNT = """\
| | |
|---|---|
| command | `{command}` |
| steps | {step:,} of about {rows} × {length} tokens, {tokens_read:,} in all, padding included |
| optimiser | Muon (matrices of the blocks) and AdamW (the rest) |
| rate | linear to zero over the tokens after a short warm-up |
| precision | products of matrices in bfloat16, weights in float32 |
| time | {spent:.0f} minutes by the clock, on one thread of a machine with much other work |

The schedule follows the tokens, so a repetition on the same machine gives the same weights."""
_PURPOSE = {
    "model": (
        "A small model that backtracks",
        "The language model of the `countdown` domain, which says where it went wrong: it joins "
        "numbers until the target is left, and after a mistake it writes `<backtrack>`, for "
        "`smc.strategies.backtracking` to go a line back. After Yang et al. (2025), "
        "“Step back to leap forward”.",
        "Half of the examples are optimal paths; half are the beginning of one, a mistake and "
        "`<backtrack>`. The mistake is an operation after which the target cannot be reached, "
        "or (one in five) a wrong result. Prompt and mistake do not count in the "
        "loss.",
    ),
    "plain": (
        "The same small model without backtracking",
        "What the model of the `countdown` domain is compared with: trained on as many tokens, "
        "with optimal paths alone.",
        "All examples are optimal paths; the prompt does not count in the loss.",
    ),
    "improved": (
        "A small model that has learnt from its own search",
        "The model of the `countdown` domain after {rounds} rounds of self-improvement: it "
        "searched problems of the training part, and was trained on the answers that were right.",
        "The answers are its own, those of all rounds so far.",
    ),
}


def measure(folder: Path, count: int) -> str:
    """Return the rows of the table of a stored model."""
    model, tokenizer = load_policy(folder)
    chosen = list(islice(problems("test", 1), count))
    texts = draw(model, tokenizer, [p.text for p in chosen], seed=0, temperature=0.0)
    rows = []
    for level in LEVELS:
        own = [(p, t) for p, t in zip(chosen, texts, strict=True) if len(p.numbers) == level]
        right = mean_interval([float(is_right(p, t)) for p, t in own])
        back = sum(t.endswith(BACKTRACK) for _, t in own) / len(own)
        shown = f"{right.mean:.3f} ({right.low:.3f}, {right.high:.3f})"
        rows.append(f"| {level} | {shown} | {back:.3f} |")
    return "\n".join(rows)


def number_of_problems(level: int) -> int:
    """Return how many problems `generate` can make with so many numbers."""

    @cache
    def left(numbers: tuple[int, ...]) -> frozenset[int]:
        if len(numbers) == 1:
            return frozenset(numbers)
        return frozenset().union(*map(left, sensible(numbers).values()))

    hands = combinations_with_replacement(range(1, LARGEST + 1), level)
    return sum(len(left(hand) & set(TARGETS)) for hand in hands)


def learnt(facts: dict[str, Any], kind: str) -> str:
    """Return the section on the training of a model."""
    command = "python -m domains.countdown.train --work DIR --threads 1"
    if kind == "plain":
        command += " --kind plain --out domains/countdown/plain"
    return _LEARNT.format(**{**facts, "command": command, "tokens_read": facts["tokens"]})


def improved(rounds: Sequence[dict[str, Any]]) -> str:
    """Return the section on the rounds of self-improvement."""
    first = rounds[0]
    lines = [
        "`python -m domains.countdown.improve --work DIR --threads 1`. Every round: "
        f"{first['problems']:,} new problems, searched with k = {first['width']} and "
        f"b = {first['searched']} at temperature 0.7; the best candidate of each by its mean log "
        f"probability, if it is right; {first['epochs']} epochs over all of these so far.",
        "",
        "| round | solved by search, before its training | steps | greedy after it, calibration, "
        "3 numbers | 4 numbers |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['round']} | {r['solved']:.3f} | {r['steps']} | {r['right_3']:.3f} | "
        f"{r['right_4']:.3f} |"
        for r in rounds
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.countdown.training.card")
    parser.add_argument("--count", type=int, default=600, help="test problems")
    parser.add_argument("--note", default="", help="how the training went, if not as usual")
    options = parser.parse_args(arguments)
    rounds = json.loads((IMPROVED / "training.json").read_text())["rounds"]
    base = model_facts(MODEL)
    sizes = {"three": number_of_problems(3), "four": number_of_problems(4)}
    for folder, kind in ((MODEL, "model"), (PLAIN, "plain"), (IMPROVED, "improved")):
        title, purpose, data = _PURPOSE[kind]
        facts = base if kind == "improved" else model_facts(folder)
        told = {
            **facts,
            **sizes,
            "title": title,
            "purpose": purpose.format(rounds=len(rounds)),
            "data": data,
            "training": improved(rounds) if kind == "improved" else learnt(facts, kind),
            "largest": LARGEST,
            "lowest": TARGETS[0],
            "highest": TARGETS[-1],
            "bound": BOUND,
            "count": f"{options.count:,}",
            "table": measure(folder, options.count),
            "note": options.note,
        }
        write_card(folder, TEMPLATE.read_text(encoding="utf-8"), told)


if __name__ == "__main__":
    main()
