"""Object references: potentials and types by name, `module:Name` or `path/to/file.py:Name`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from smc.errors import SettingsError
from smc.potential import AnyPotential, IncrementalPotential, Potential


def find_potential(reference: str, option: str = "--potential") -> AnyPotential:
    """Return the potential that `module:Name` or `path/to/file.py:Name` means.

    Args:
        reference: Where it is, and its name there.
        option: What messages say it was given as.

    Raises:
        SettingsError: It cannot be found, imported or made, or is no potential.
    """
    return _instance(find_object(reference, option, _potentials_hint), f"{option} {reference}")


def find_object(
    reference: str, option: str, hint: Callable[[ModuleType], str] | None = None
) -> Any:
    """Return what `module:Name` or `path/to/file.py:Name` means.

    Args:
        reference: Where it is, and its name there.
        option: What messages say it was given as.
        hint: What a message adds where the module has no such name.

    Raises:
        SettingsError: It cannot be found or imported.
    """
    shown = f"{option} {reference}"
    where, colon, name = reference.rpartition(":")
    if not (colon and where and name):
        raise SettingsError(
            f"{shown}: expected module:Name or path/to/file.py:Name, such as "
            "potentials.molecule:SMILESValidity."
        )
    module = _from_file(where, shown) if where.endswith(".py") else _from_path(where, shown)
    named: Any = module
    for part in name.split("."):
        if not hasattr(named, part):
            more = "" if hint is None else hint(module)
            raise SettingsError(f"{shown}: {where} has no {name!r}{more}.")
        named = getattr(named, part)
    return named


def _from_file(where: str, shown: str) -> ModuleType:
    path = Path(where)
    if not path.is_file():
        raise SettingsError(f"{shown}: no file at {path}.")
    name = f"_smc_potential_{path.stem}_{abs(hash(path.resolve())):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "the name ends in .py"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _failed(shown, "importing the file", error) from error
    return module


def _from_path(where: str, shown: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` would
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name and (where == error.name or where.startswith(error.name + ".")):
            raise SettingsError(
                f"{shown}: no module named {error.name!r}; expected one that "
                "Python finds from this folder, or a path that ends in .py."
            ) from error
        raise _failed(shown, f"importing {where}", error) from error
    except Exception as error:
        raise _failed(shown, f"importing {where}", error) from error


def _instance(named: Any, shown: str) -> AnyPotential:
    if isinstance(named, type):
        if not issubclass(named, Potential | IncrementalPotential):
            raise SettingsError(
                f"{shown}: {named.__name__} is a class, but no potential; "
                "expected a subclass of smc.Potential or smc.IncrementalPotential."
            )
        try:
            return named()
        except Exception as error:
            raise _failed(
                shown,
                f"making {named.__name__}{inspect.signature(named)} without arguments",
                error,
                remedy=" Name an instance instead, made in a file of yours.",
            ) from error
    if not isinstance(named, Potential | IncrementalPotential):
        raise SettingsError(
            f"{shown}: expected a potential, got {named!r}. Name a class that "
            "takes no arguments, or an instance, made in a file of yours."
        )
    return named


def _failed(shown: str, doing: str, error: Exception, remedy: str = "") -> SettingsError:
    return SettingsError(f"{shown}: {doing} raised {type(error).__name__}: {error}.{remedy}")


def _potentials_hint(module: ModuleType) -> str:
    kinds = Potential | IncrementalPotential
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (isinstance(value, kinds) or (isinstance(value, type) and issubclass(value, kinds)))
        and value not in (Potential, IncrementalPotential)
    ]
    return f"; its potentials are {', '.join(sorted(names))}" if names else ""
