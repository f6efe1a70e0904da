"""The environment that the tests of DS-1000 run in: old versions, beside those of this project."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from potentials.sandbox import Limits, Sandbox
from smc.errors import SettingsError

FOLDER = Path(__file__).resolve().parents[2] / ".venv-ds1000"
"""Beside the package, in the checkout."""
READY = ".ready"

_IMPORTS = ("numpy", "pandas", "scipy", "matplotlib.pyplot", "sklearn")
_SNAPSHOTS = 64
LIMITS = Limits(wall_seconds=15.0, cpu_seconds=15.0, memory_bytes=4 << 30)
"""For one program; the time is that of Loula et al. 2025 (arXiv:2504.13139)."""


def interpreter(folder: Path | None = None) -> Path:
    """Return the interpreter of the environment.

    Args:
        folder: Of the environment; None: where `make ds1000-env` puts it.

    Raises:
        SettingsError: It is not there, or was not finished.
    """
    folder = FOLDER if folder is None else folder
    python = folder / "bin" / "python"
    if not python.exists() or (folder == FOLDER and not (folder / READY).exists()):
        raise SettingsError(
            f"ds1000: no finished environment in {folder}; its problems run on the versions of "
            "domains/ds1000/environment.txt. Make it: make ds1000-env"
        )
    return python


@lru_cache(maxsize=2)
def sandbox(python: Path) -> Sandbox:
    """Return the sandbox that runs in the environment; one for all problems."""
    return Sandbox(python=python, imports=_IMPORTS, limits=LIMITS, snapshots=_SNAPSHOTS)
