"""Tasks by name, and the models and data that they are run with."""

from __future__ import annotations

import inspect
import os
import pkgutil
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import domains
import smc
from benchmarks.selection import Selection
from domains.base import Item, Task, Variants
from smc.backends.embedded import PREFIX
from smc.backends.load_options import LoadOptions
from smc.errors import SettingsError
from smc.model import LanguageModel

ROOT = Path(__file__).resolve().parent.parent
"""Of the checkout."""

_METHODS = ("items", "cheap", "expensive", "score", "population_scores")


def load_task(name: str) -> Task[Any]:
    """Return a task by its name.

    Args:
        name: `DOMAIN` or `DOMAIN:VARIANT`. The domain is a package in `domains`, or the dotted
            name of any module. The module (or its submodule `task`) holds `TASK`, or exactly one
            class with the methods of `Task`; variants stand in `VARIANTS`, in its submodule
            `variants` or in the module itself.

    Raises:
        SettingsError: There is no such domain or variant, or the domain holds no task.
    """
    domain, colon, variant = current_name(name).partition(":")
    if colon:
        return _variant(domain, variant)
    where = _module_of(domain)
    modules = [m for m in (_imported(f"{where}.task"), _imported(where)) if m is not None]
    for module in modules:
        task = _task_in(module)
        if task is not None:
            return task
    if not modules or "." not in domain:
        raise _unknown(name)
    raise SettingsError(
        f"domain: {where} holds no task; expected `TASK`, or one class that can be made without "
        f"arguments and has {', '.join(_METHODS)}, as domains.base.Task says."
    )


def current_name(name: str) -> str:
    """Return the present spelling of a task's name, with a warning if it is not the one given.

    Variants were modules once, so that `domains.spider.by_clause` meant `spider:by_clause`. Such
    names go on working for one release.
    """
    parts = name.removeprefix("domains.").split(".")
    if len(parts) != 2 or parts[0] not in domain_names():
        return name
    domain, variant = parts
    if variant not in _variants(_module_of(domain)):
        return name
    current = f"{domain}:{variant}"
    warnings.warn(
        f"the task {name!r} is now called {current!r}; the old name will not be known to the next "
        "release.",
        DeprecationWarning,
        stacklevel=3,
    )
    return current


def domain_names() -> list[str]:
    """Return the packages of `domains` that hold a task."""
    return sorted(
        module.name
        for root in domains.__path__
        for module in pkgutil.iter_modules([root])
        if module.ispkg and (Path(root) / module.name / "task.py").is_file()
    )


def task_names() -> list[str]:
    """Return what `load_task` knows without dots: each domain, followed by its variants."""
    return [
        name
        for domain in domain_names()
        for name in (domain, *(f"{domain}:{v}" for v in _variants(_module_of(domain))))
    ]


def default_model(task: Task[Any]) -> str:
    """Return the folder of the model that comes with a domain.

    Raises:
        SettingsError: The domain has none.
    """
    folder = Path(inspect.getfile(type(task))).parent / "model"
    if not (folder / "config.json").is_file():
        raise SettingsError(
            f"--model: {task.name} comes with no model of its own; give a folder, a name on the "
            "Hub, or module:function."
        )
    return str(folder)


def load_model(name: str, options: LoadOptions | None = None) -> LanguageModel:
    """Return a language model.

    Args:
        name: What `smc.load` takes, or `module:function`, called without arguments.
        options: What `smc.load` takes besides; of a function none.

    Raises:
        SettingsError: There is no such module or function, or it was to have options.
        ModelError: The model cannot be loaded.
    """
    if not names_function(name):
        return smc.load(name, **(options or LoadOptions()))
    if options:
        given = ", ".join(f"--{n.replace('_', '-')} {v}" for n, v in options.items())
        raise SettingsError(
            f"{given}: got for {name!r}; a function makes its own model, so give the model its "
            "options there."
        )
    module_name, _, function = name.partition(":")
    module = _imported(module_name)
    make = getattr(module, function, None)
    if make is None:
        raise SettingsError(
            f"--model: got {name!r}, but there is no {function!r} in a module {module_name!r}; "
            "expected module:function, importable from the working directory."
        )
    return make()


def find_data(given: Path | None) -> Path | None:
    """Return the root of the data sets; None: use what comes with the domain.

    Looked for in this order: the argument, the environment variable `SMC_DATA`, the folder
    `../shared/data` beside the checkout.

    Raises:
        SettingsError: The path given, or that of `SMC_DATA`, does not exist.
    """
    named = given or (Path(os.environ["SMC_DATA"]) if os.environ.get("SMC_DATA") else None)
    if named is None:
        beside = ROOT.parent / "shared" / "data"
        return beside if beside.is_dir() else None
    if not named.exists():
        raise SettingsError(
            f"--data: {named} does not exist; expected the folder that holds the data sets, one "
            "folder each. Without it (and SMC_DATA) the domain's own examples are used."
        )
    return named


def load_items(task: Task[Any], selection: Selection, data: Path | None) -> list[Item]:
    """Return the selected items of a task, checked to have distinct ids.

    Raises:
        SettingsError: Bad data, no items, or an id twice.
    """
    try:
        items = list(task.items(selection.limit, data))
    except (FileNotFoundError, ValueError) as error:
        raise SettingsError(f"--data: {error}") from error
    if not items:
        raise SettingsError(f"{task.name}: the data hold no items.")
    return selection.of(_distinct(task, items))


def _distinct(task: Task[Any], items: list[Item]) -> list[Item]:
    ids = [item.id for item in items]
    twice = next((i for i in ids if ids.count(i) > 1), None)
    if twice is not None:
        raise SettingsError(
            f"{task.name}: two items have the id {twice!r}; expected distinct ids, since results "
            "are filed by them."
        )
    return items


def _variant(domain: str, name: str) -> Task[Any]:
    where = _module_of(domain)
    if _imported(where) is None:
        raise _unknown(f"{domain}:{name}")
    variants = _variants(where)
    if name not in variants:
        listed = ", ".join(f"{domain}:{v}" for v in variants)
        raise SettingsError(
            f"domain: {domain} has no variant {name!r}; expected "
            f"{f'one of {listed}, or ' if listed else ''}{domain} alone."
        )
    return variants[name]


def _variants(where: str) -> Variants:
    """Return the table of a domain's variants; an empty one where there is none."""
    tables = (getattr(_imported(m), "VARIANTS", None) for m in (f"{where}.variants", where))
    return next((table for table in tables if table is not None), {})


def _module_of(domain: str) -> str:
    return domain if "." in domain else f"domains.{domain}"


def _unknown(name: str) -> SettingsError:
    return SettingsError(
        f"domain: {name!r} not found; expected one of {', '.join(task_names())}, or the dotted "
        "name of a module that holds a task."
    )


def _imported(name: str) -> ModuleType | None:
    """Return a module; None if there is none of this name. Other import errors are raised."""
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return None
        raise


def _task_in(module: ModuleType) -> Task[Any] | None:
    if hasattr(module, "TASK"):
        return module.TASK
    classes: list[Any] = [
        c
        for c in vars(module).values()
        if inspect.isclass(c)
        and c.__module__ == module.__name__
        and all(callable(getattr(c, m, None)) for m in _METHODS)
    ]
    return classes[0]() if len(classes) == 1 else None


def names_function(name: str) -> bool:
    """Whether a model is named by a function that makes it, `module:function`."""
    return ":" in name and not name.startswith(PREFIX) and not Path(name).exists()
