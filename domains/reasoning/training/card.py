"""The model card of the reasoning model, with its measures.

    python -m domains.reasoning.training.card

Every figure comes from the stored weights, on puzzles of the test part.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.training.quality import auc
from domains.reasoning.judge import MODEL
from domains.reasoning.puzzles import KINDS
from domains.reasoning.training.measure import greedy_right, verdicts
from domains.training.card import model_facts, write_card
from smc.intervals import mean_interval

TEMPLATE = Path(__file__).parent / "card.md"


def table(folder: Path, count: int) -> str:
    """Return the rows of the table of a stored model.

    Args:
        folder: Of the model.
        count: Puzzles of each kind.
    """
    model, tokenizer = load_policy(folder)
    total = count * len(KINDS)
    steps, direct = (
        greedy_right(model, tokenizer, "test", total, seed=1, mode=mode)
        for mode in ("steps", "direct")
    )
    judged = verdicts(model, tokenizer, "test", total, seed=1)
    rows = []
    for kind in KINDS:
        cells = []
        for right in (steps[kind], direct[kind]):
            own = mean_interval([float(r) for r in right])
            cells.append(f"{own.mean:.3f} ({own.low:.3f}, {own.high:.3f})")
        scores, labels = judged[kind]
        cells.append(f"{auc(np.array(scores), np.array(labels, dtype=bool)):.3f}")
        rows.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.reasoning.training.card")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--count", type=int, default=60, help="test puzzles of each kind")
    parser.add_argument("--note", default="", help="how the training went, if not as usual")
    options = parser.parse_args(arguments)
    facts = model_facts(options.model)
    told = {
        **facts,
        "tokens_read": facts["tokens"],
        "kinds": ", ".join(KINDS),
        "count": options.count,
        "table": table(options.model, options.count),
        "note": options.note,
    }
    write_card(options.model, TEMPLATE.read_text(encoding="utf-8"), told)


if __name__ == "__main__":
    main()
