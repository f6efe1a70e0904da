"""Model cards: the facts of an exported model that every domain reports."""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path
from typing import Any


def card_options(prog: str, model: Path) -> argparse.ArgumentParser:
    """Return the options that every card's command line has, to be added to.

    Args:
        prog: The command.
        model: The folder of the exported model, if no other is named.
    """
    parser = argparse.ArgumentParser(prog=prog)
    root = Path(os.environ.get("SMC_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=root, help="root of the data sets")
    parser.add_argument("--model", type=Path, default=model)
    parser.add_argument("--machine", default=f"{os.cpu_count()} CPU cores")
    return parser


def write_card(folder: Path, template: str, facts: dict[str, Any]) -> None:
    """Write ``README.md`` beside a model: a template with its fields filled in."""
    (folder / "README.md").write_text(template.format(**facts), encoding="utf-8")


def model_facts(folder: Path) -> dict[str, Any]:
    """Return the facts of an exported model, by name.

    Those of ``training.json`` and ``passes``, ``spent`` (minutes), ``heads``, ``dtype``,
    ``parameters``, ``megabytes``, ``vocabulary``, ``context``.
    """
    from safetensors import safe_open

    facts = json.loads((folder / "training.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    with safe_open(folder / "model.safetensors", "pt") as weights:
        sizes = [weights.get_slice(name).get_shape() for name in weights.keys()]  # noqa: SIM118
    return {
        **facts,
        "passes": facts["epoch"] + 1,
        "spent": facts["seconds"] / 60,
        "heads": config["num_attention_heads"],
        "dtype": config["dtype"],
        "parameters": sum(math.prod(size) for size in sizes),
        "megabytes": (folder / "model.safetensors").stat().st_size / 1e6,
        "vocabulary": config["vocab_size"],
        "context": config["max_position_embeddings"],
    }
