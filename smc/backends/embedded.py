"""Bundled models: the small language models that come with the package, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from smc.errors import ModelError

PREFIX = "embedded:"

EMBEDDED: Mapping[str, str] = {
    "arithmetic": "domains/arithmetic/model",
    "arithmetic-editor": "domains/arithmetic/editor",
    "arithmetic-inner-thinking": "domains/arithmetic/depth_inner_thinking",
    "arithmetic-judge": "domains/arithmetic/prm",
    "arithmetic-loop": "domains/arithmetic/depth_loop",
    "arithmetic-plain": "domains/arithmetic/depth_plain",
    "arithmetic-recurrent": "domains/arithmetic/depth_recurrent",
    "arithmetic-reviser": "domains/arithmetic/reviser",
    "arithmetic-robust": "domains/arithmetic/robust",
    "countdown": "domains/countdown/model",
    "countdown-improved": "domains/countdown/improved",
    "countdown-plain": "domains/countdown/plain",
    "goals": "domains/planetarium/model",
    "molecules": "domains/gdb17/model",
    "python": "domains/ds1000/model",
    "reasoning": "domains/reasoning/model",
    "sql": "domains/spider/model",
}
"""Folders by name, beside the package `smc`: in a checkout as in an installation."""

_BESIDE = Path(__file__).resolve().parents[2]


def embedded(name: str) -> str:
    """Return the folder of a bundled model, for libraries that take a folder.

    What loads models in this package takes the name itself, as `embedded:molecules`.

    Args:
        name: Of those in `EMBEDDED`: `arithmetic`, `goals`, `molecules`, `python`, `sql`, ….

    Raises:
        ModelError: There is none of that name, or the installation lacks its files.

    Example:
        >>> from pathlib import Path
        >>> (Path(embedded("molecules")) / "config.json").is_file()
        True
    """
    if name not in EMBEDDED:
        known = ", ".join(PREFIX + each for each in EMBEDDED)
        raise ModelError(
            f"model '{PREFIX}{name}': no bundled model is called so; expected one of {known}. "
            "Other models have a folder, or a name on the Hugging Face Hub."
        )
    folder = _BESIDE / EMBEDDED[name]
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"model '{PREFIX}{name}': expected its files in {folder}, and there are none. The "
            "installation is incomplete: install the wheel of smc-lm again."
        )
    return str(folder)


def place_of(name_or_path: str) -> str:
    """Return the folder where the name is that of a bundled model, else what was given.

    Raises:
        ModelError: See `embedded`.
    """
    if name_or_path.startswith(PREFIX):
        return embedded(name_or_path.removeprefix(PREFIX))
    return name_or_path
