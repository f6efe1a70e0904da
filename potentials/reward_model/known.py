"""Formats of published reward models, told by their names and configs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from potentials.reward_model.formats import (
    Classifier,
    Format,
    MathShepherd,
    QwenPRM,
    RLHFlow,
    Skywork,
)
from smc.backends.embedded import place_of
from smc.errors import ModelError

_NAMES: tuple[tuple[str, type[Format]], ...] = (
    (r"^embedded:arithmetic-judge$", MathShepherd),
    (r"math-shepherd", MathShepherd),
    (r"rlhflow|llama3\.1-8b-prm", RLHFlow),
    (r"skywork.*prm", Skywork),
    (r"qwen2\.5-math.*prm", QwenPRM),
)


def known_format(name_or_path: str, revision: str | None = None) -> Format:
    """Return the format that a reward model was trained on.

    Args:
        name_or_path: Of a Hub repository, a local folder, or a bundled model.
        revision: Of the repository.

    Raises:
        ModelError: Neither its name nor its config tells.
    """
    name = Path(name_or_path).name if Path(name_or_path).is_dir() else name_or_path
    for pattern, kind in _NAMES:
        if re.search(pattern, name, re.IGNORECASE):
            return kind()
    architectures = _config(name_or_path, revision).get("architectures") or []
    for architecture in map(str, architectures):
        if architecture.endswith("ForProcessRewardModel"):
            return QwenPRM()
        if architecture.endswith("ForSequenceClassification"):
            return Classifier()
    raise ModelError(
        f"reward model {name_or_path!r}: neither its name nor its architectures {architectures} "
        "tell how it is shown a solution; expected a published one. Say the format: math-shepherd, "
        "rlhflow, skywork, qwen or classifier. A plain language model can be a judge instead: "
        "judge='likelihood' or 'prompted'."
    )


def _config(name_or_path: str, revision: str | None) -> dict[str, Any]:
    from transformers.utils.hub import cached_file

    try:
        path = cached_file(
            place_of(name_or_path),
            "config.json",
            revision=revision or "main",
            _raise_exceptions_for_missing_entries=False,
        )
        config = {} if path is None else json.loads(Path(path).read_text("utf-8"))
    except Exception as error:  # hubs that are down raise anything
        reason = str(error).strip().splitlines()
        raise ModelError(
            f"reward model {name_or_path!r}: its config cannot be read: "
            f"{reason[0] if reason else error!r}. Expected a folder with config.json, or a model's "
            "name on the Hub."
        ) from error
    return config if isinstance(config, dict) else {}
