"""The door: whether what was given for a model is one, said before anything is computed."""

from __future__ import annotations

import os
from typing import Any

from smc.errors import SettingsError
from smc.model import AdjustableModel, LanguageModel


def check_model(model: Any) -> None:
    """Raise where something else stands in a language model's place.

    Raises:
        SettingsError: The message says what it is taken for, and how to make a model of it.
    """
    if not isinstance(model, type) and hasattr(model, "start") and hasattr(model, "vocabulary"):
        return
    if isinstance(model, str | os.PathLike):
        remedy = f"Load it first: smc.load({os.fspath(model)!r})."
    elif isinstance(model, type):
        remedy = f"That is a class; make or load one of it: {model.__name__}.load(…)."
    elif hasattr(model, "extend") or hasattr(model, "write"):
        remedy = "It writes whole steps: give it to a strategy (smc.strategies) instead."
    elif hasattr(model, "forward") and hasattr(model, "config"):
        remedy = "Wrap it, with its tokenizer: smc.TransformersModel(model, tokenizer)."
    else:
        remedy = "smc.load gives one by its name or folder; smc.LanguageModel says what it has."
    raise SettingsError(f"model: got {_shown(model)}; expected a language model. {remedy}")


def adjusted(
    model: LanguageModel, temperature: float | None, top_p: float | None, top_k: int | None
) -> LanguageModel:
    """Return the model at a temperature, cut to some tokens; itself where nothing is asked.

    Args:
        model: Any.
        temperature: In the place of the model's own; None: its own. So are the others.
        top_p: See `AdjustableModel.with_sampling`.
        top_k: Likewise.

    Raises:
        SettingsError: It is none, cannot be had so, or a value is out of its range.
    """
    check_model(model)
    given = {"temperature": temperature, "top_p": top_p, "top_k": top_k}
    asked = [name for name, value in given.items() if value is not None]
    if not asked:
        return model
    if not isinstance(model, AdjustableModel):
        raise SettingsError(
            f"{asked[0]}: got {given[asked[0]]!r}, and {_shown(model)} has one distribution alone; "
            "expected a model with the method with_sampling (smc.model.AdjustableModel). Leave it "
            "out, or give the model that method."
        )
    return model.with_sampling(temperature=temperature, top_p=top_p, top_k=top_k)


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:77]}…"
