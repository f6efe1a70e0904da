"""What the card of an exported model says of it, whatever the domain."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any


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
