"""The record of a run: prompt, model, seed and settings, as a posterior keeps them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smc.checked_json import JSONContentError, plain
from smc.model import LanguageModel, Prompt
from smc.posterior import Posterior
from smc.potential import AnyPotential, flatten
from smc.retries import Retries
from smc.settings import METHODS, Settings

_ALWAYS = (
    "num_particles",
    "max_tokens",
    "at_max_tokens",
    "ess_threshold",
    "resampling",
    "proposal",
)


def with_record(
    posterior: Posterior,
    *,
    model: LanguageModel,
    prompt: Prompt,
    seed: Any,
    settings: Mapping[str, Any],
) -> Posterior:
    """Return a posterior that says how it was made.

    Args:
        posterior: Of the run.
        model: Its `name` is kept, of a folder the last part, and where it has none its class's.
        prompt: Kept where JSON can write it.
        seed: Kept where it is a number; a generator cannot be told.
        settings: See `settings_record`.
    """
    kept: Any = None
    with contextlib.suppress(JSONContentError):
        kept = plain(prompt, "prompt")
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    return dataclasses.replace(
        posterior,
        model=_text(_name(model)),
        prompt=kept,
        seed=int(seed) if whole and seed < 2**128 else None,
        settings=settings,
    )


def settings_record(
    method: str,
    settings: Settings,
    potentials: Sequence[AnyPotential],
    stop: Sequence[str],
    retries: Retries,
) -> dict[str, Any]:
    """Return what a run was asked for, as plain JSON.

    The first fields are always there, the others where they are not as usual; what the method
    fixes is in its name.
    """
    record: dict[str, Any] = {"method": method}
    fixed = METHODS[method].keys()
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name not in _ALWAYS and (field.name in fixed or value == field.default):
            continue
        scalar = isinstance(value, bool | int | float | str | np.generic)
        record[field.name] = plain(value, field.name) if scalar else _described(value)
    record["potentials"] = [_text(p.name) for p in flatten(potentials)]
    if stop:
        record["stop"] = list(stop)
    if retries.most:
        record |= {"retries": int(retries.most), "retry_factor": float(retries.factor)}
    return record


def _name(model: LanguageModel) -> str:
    name = getattr(model, "name", None)
    if not isinstance(name, str) or not name:
        return type(model).__name__
    return Path(name).resolve().name if Path(name).is_dir() else name


def _described(what: Any) -> str:
    """The name of an object's class, and those of its fields that are plain and not as usual."""
    told = []
    for field in dataclasses.fields(what) if dataclasses.is_dataclass(what) else ():
        value = getattr(what, field.name)
        if isinstance(value, bool | int | float | str) and value != field.default:
            told.append(f"{field.name}={value!r}")
    return _text(f"{type(what).__name__}({', '.join(told)})" if told else type(what).__name__)


def _text(text: str) -> str:
    """The text as a file can hold it."""
    return text.encode("utf-8", "replace").decode()
