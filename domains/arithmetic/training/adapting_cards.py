"""Cards of the update network and of the model for the study of robustness.

python -m domains.arithmetic.training.adapting_cards
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from domains.arithmetic.train_optune import OPTUNE
from domains.arithmetic.train_robust import ROBUST
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.training.robust import obedience
from domains.arithmetic.training.updates import RIGHT, WRONG
from domains.training.card import model_facts, write_card
from smc.backends.adapting.predicted import load_updates

TEMPLATES = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.arithmetic.training.adapting_cards")
    parser.add_argument("--count", type=int, default=600, help="problems")
    for name in ("robust", "optune"):
        parser.add_argument(f"--{name}-note", default="", help="how it went, if not as usual")
    options = parser.parse_args(arguments)
    if (ROBUST / "training.json").exists():
        facts = model_facts(ROBUST) | obedience(*load_policy(ROBUST), options.count)
        template = (TEMPLATES / "robust_card.md").read_text(encoding="utf-8")
        write_card(ROBUST, template, facts | {"count": options.count, "note": options.robust_note})
    if (OPTUNE / "update_network.json").exists():
        facts = json.loads((OPTUNE / "update_network.json").read_text(encoding="utf-8"))
        facts |= facts["held_out"]
        facts |= {
            "note": options.optune_note,
            "wrong": WRONG,
            "right": RIGHT,
            "spent": facts["seconds"] / 60,
            "parameters": sum(p.numel() for p in load_updates(OPTUNE).parameters()),
            "kilobytes": (OPTUNE / "update_network.safetensors").stat().st_size / 1e3,
            "shown_rates": ", ".join(f"{r:.2g}" for r in facts["rates"]),
        }
        template = (TEMPLATES / "optune_card.md").read_text(encoding="utf-8")
        write_card(OPTUNE, template, facts)


if __name__ == "__main__":
    main()
