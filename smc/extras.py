"""Optional dependencies: which extra of the distribution brings a package that is missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from types import TracebackType

from smc.errors import MissingExtraError

EXTRAS: Mapping[str, str] = {
    "fastapi": "serve",
    "gguf": "gguf",
    "lm_eval": "lm-eval",
    "math_verify": "math",
    "matplotlib": "bench",
    "partialsmiles": "molecules",
    "prometheus_client": "serve",
    "rdkit": "molecules",
    "sqlalchemy": "sql",
    "sqlglot": "sql",
    "uvicorn": "serve",
}
"""Extras by the package that is imported."""


class Needed:
    """Says which extra brings a package, where the imports inside it fail for want of one.

    Args:
        user: What needs them, for the message.

    Raises:
        MissingExtraError: At the end of the block, in the place of a `ModuleNotFoundError` for one
            of the packages in `EXTRAS`. Other errors pass.

    Example:
        >>> with Needed("SQLScope"):
        ...     import sqlglot
    """

    def __init__(self, user: str) -> None:
        self._user = user

    def __enter__(self) -> None:
        """Begin the imports."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise with the name of the extra, if that is what is missing."""
        package = (getattr(error, "name", None) or "").split(".")[0]
        if isinstance(error, ModuleNotFoundError) and package in EXTRAS:
            raise _missing(package, self._user) from error


def require(user: str, *packages: str) -> None:
    """Raise unless packages are installed; nothing is imported.

    Args:
        user: What needs them, for the message.
        packages: Names in `EXTRAS`.

    Raises:
        MissingExtraError: One is not installed.
    """
    for package in packages:
        if find_spec(package) is None:
            raise _missing(package, user)


def _missing(package: str, user: str) -> MissingExtraError:
    return MissingExtraError(
        f"{user}: the package {package} is not installed; expected it with the extra "
        f"{EXTRAS[package]!r}. Run: pip install 'smc-lm[{EXTRAS[package]}]' (or 'smc-lm[all]').",
        package,
    )
