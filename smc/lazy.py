"""Lazy imports: public names of a package whose modules load when a name is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package that loads heavy modules late.

    Args:
        package: Its name, for the error.
        homes: For each public name, the module that defines it.

    Example:
        >>> find = lazy_names("numbers", {"sqrt": "math"})
        >>> find("sqrt")(9.0)
        3.0
        >>> find("root")
        Traceback (most recent call last):
        AttributeError: module 'numbers' has no attribute 'root'
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return find
