"""Model cards of the networks of chosen depth, with their measures.

    python -m domains.arithmetic.training.depth_card

Every figure comes from the stored weights, on problems of the test part.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from domains.arithmetic.problems import LEVELS as ALL_LEVELS
from domains.arithmetic.splits import problems
from domains.arithmetic.train_depth import folder_of
from domains.arithmetic.training.depth import KINDS, LEVELS, Kind
from domains.arithmetic.training.measure import draw, is_right
from domains.training.card import write_card
from smc.backends.hf.loading import load_pretrained
from smc.intervals import wilson

TEMPLATE = Path(__file__).parent / "depth_card.md"
WHAT: dict[Kind, str] = {
    "plain": "It is the plain one, a Llama: what the others are compared with.",
    "recurrent": "Recurrent depth (2502.05171): two layers, a core of two that is repeated, two "
    "layers; r is drawn around 8 in training, with gradients through the last 4.",
    "inner-thinking": "Inner thinking (2502.13842): every second layer runs up to 4 times, on the "
    "tokens that a router picks; 70% at each step in training.",
    "loop": "A loop: every second layer runs 4 times, on all tokens, and has no router.",
}


def facts_of(kind: Kind, count: int) -> dict[str, Any]:
    """Return what a card reports.

    Args:
        kind: Of network.
        count: Test problems, all levels alike.
    """
    folder = folder_of(kind)
    network, tokenizer = load_pretrained(str(folder), device="cpu")
    network.eval()
    chosen = sorted(islice(problems("test", 1, LEVELS), count), key=lambda pair: pair[0])
    prompts = [problem.text for _, problem in chosen]
    texts = [draw(network, tokenizer, prompts, seed=1, temperature=t, rows=150) for t in (1.0, 0.0)]
    rows = []
    for level in LEVELS:
        own = [k for k, (at, _) in enumerate(chosen) if at == level]
        shares = [wilson(sum(is_right(chosen[k][1], t[k]) for k in own), len(own)) for t in texts]
        shown = " | ".join(f"{s.mean:.3f} ({s.low:.3f}, {s.high:.3f})" for s in shares)
        known = ALL_LEVELS[level]
        rows.append(f"| {level} | {known.steps} | {known.literal} | {known.bound} | {shown} |")
    facts = json.loads((folder / "training.json").read_text())
    depth = getattr(network, "depth", None)
    return {
        **facts,
        "what": WHAT[kind],
        "shared": _compared(facts),
        "architecture": type(network).__name__,
        "parameters": sum(p.numel() for p in network.parameters()),
        "megabytes": (folder / "model.safetensors").stat().st_size / 1e6,
        "depth": "fixed" if depth is None else f"{depth} as trained; any with `smc.with_depth`",
        "at": "each as it is" if depth is None else f"at depth {depth}",
        "spent": facts["seconds"] / 60,
        "count": count,
        "each": count // len(LEVELS),
        "table": "\n".join(rows),
    }


def _compared(facts: dict[str, Any]) -> str:
    """What the recurrent network got, for those that it is compared with."""
    if facts["kind"] == "recurrent":
        return "The others are compared with this one by what it read."
    read = json.loads((folder_of("recurrent") / "training.json").read_text())["tokens"]
    return f"It read {facts['tokens'] / read:.0%} of the tokens that the recurrent one did."


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.arithmetic.training.depth_card")
    parser.add_argument("--count", type=int, default=300, help="test problems")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    options = parser.parse_args(arguments)
    for kind in options.kinds:
        facts = facts_of(kind, options.count)
        write_card(folder_of(kind), TEMPLATE.read_text(encoding="utf-8"), facts)


if __name__ == "__main__":
    main()
