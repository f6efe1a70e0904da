"""The model card of the exported revision model, with its measures.

    python -m domains.arithmetic.training.revision_card

Every figure comes from the stored weights, on problems of the test part.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from domains.arithmetic.problems import LEVELS
from domains.arithmetic.revising import REVISER
from domains.arithmetic.splits import problems
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.measure import draw, is_right, load_policy
from domains.arithmetic.training.revisions import along_chains
from domains.training.card import model_facts, write_card

TEMPLATE = Path(__file__).parent / "revision_card.md"
LENGTH = 8


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.arithmetic.training.revision_card")
    parser.add_argument("--count", type=int, default=200, help="test problems")
    count = parser.parse_args(arguments).count
    levels = tuple(level for level in LEVELS if level > 1)
    chosen = sorted(islice(problems("test", 1, levels), count), key=lambda pair: pair[0])
    texts = draw(*load_policy(MODEL), [p.text for _, p in chosen], seed=1)
    alone = sum(is_right(p, t) for (_, p), t in zip(chosen, texts, strict=True)) / count
    shares = along_chains(*load_policy(REVISER), "test", count, length=LENGTH, seed=1)
    table = "\n".join(
        f"| {place} | {share:.3f} | {math.sqrt(share * (1 - share) / count):.3f} |"
        for place, share in enumerate(shares, 1)
    )
    facts = {**model_facts(REVISER), "count": count, "policy": alone, "table": table}
    write_card(REVISER, TEMPLATE.read_text(encoding="utf-8"), facts)


if __name__ == "__main__":
    main()
