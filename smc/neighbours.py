"""Neighbouring packages: `potentials` and `domains`, which stand beside `smc` under plain names.

Another distribution, or a folder of the user's, may have one of these names. The engine imports
neither, so `import smc` and `smc.sample` go on working; what needs the other one is told here.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path

_MARK = b"smc-lm"
"""Stands in the first line of each package of the distribution: the folder alone would not tell
one whose `__init__.py` another distribution has overwritten."""


def foreign(name: str) -> str | None:
    """Return what is wrong with a neighbour, and the remedy; None if it is ours.

    Nothing is imported.

    Args:
        name: `potentials` or `domains`.
    """
    ours = Path(__file__).resolve().parents[1] / name / "__init__.py"
    try:
        spec = find_spec(name)
    except ValueError:  # a module that was put there by hand
        spec = None
    found = spec.origin if spec is not None else None
    places = spec.submodule_search_locations if spec is not None else None
    if found is not None and Path(found).resolve() == ours and _MARK in _first_line(ours):
        return None
    shown = found or next(iter(places or ()), "nothing")
    return (
        f"expected `{name}` to be the package of smc-lm ({ours}); Python finds {shown}. What "
        f"stands in `{name}` of smc-lm cannot be used here; all else can. Give the other one "
        "another name, or import it from within a package; of two distributions that have the "
        "name, install one in an environment of its own."
    )


def warn_if_foreign(name: str) -> None:
    """Warn where a neighbour is another's: without it an import of it fails later, and says less.

    Args:
        name: `potentials` or `domains`.
    """
    clash = foreign(name)
    if clash is not None:
        warnings.warn(f"smc: {clash}", UserWarning, stacklevel=3)


def _first_line(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.readline()
    except OSError:
        return b""
