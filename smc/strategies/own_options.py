"""Options of strategies by name: what each takes besides the budget, from text and checked."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smc.errors import SettingsError
from smc.strategies.catalogue import STRATEGIES
from smc.strategies.options import Options

_GIVEN = frozenset({"model", "prompt", "scorer", "num_solutions", "options"})
_SHARED = ("aggregate", "selection", "max_steps", "max_step_tokens", "depth")
"""Of `Options`; the others have arguments of their own at `solve`."""
_IDLE: Mapping[str, tuple[str, ...]] = {
    "majority_vote": ("aggregate", "selection", "max_steps"),
    "best_of_n": ("max_steps",),
    "weighted_best_of_n": ("max_steps",),
    "revisions": ("aggregate", "max_steps", "max_step_tokens", "depth"),
    "tpo": ("aggregate", "max_steps", "max_step_tokens", "depth"),
    "feedback_edit": ("aggregate", "max_steps", "max_step_tokens", "depth"),
    "feedback_trials": ("aggregate", "max_steps", "max_step_tokens", "depth"),
    "backtracking": ("max_steps",),
}
"""Those of `Options` that change nothing: whole texts are drawn or judged, at one depth."""
_PLAIN = (bool, int, float, str)


@dataclass(frozen=True)
class OwnOption:
    """An option of a strategy.

    Attributes:
        name: In Python and on the command line.
        default: Where it is not given.
        choices: What it may be, if that is a list.
        kinds: Types of plain values that it takes; () for an object that only Python can give.
        optional: Whether it may be None.
    """

    name: str
    default: Any
    choices: tuple[Any, ...]
    kinds: tuple[type, ...]
    optional: bool

    @property
    def said(self) -> str:
        """How a list of options shows it."""
        if self.choices:
            return f"{self.name}={'|'.join(map(str, self.choices))}"
        kinds = "|".join(kind.__name__ for kind in self.kinds)
        return f"{self.name}={kinds or 'OBJECT'}"

    def read(self, text: str) -> Any:
        """Return the value that a text stands for.

        Raises:
            SettingsError: It stands for none.
        """
        if self.optional and text.lower() in ("none", "null"):
            return None
        for choice in self.choices:
            if text == str(choice):
                return choice
        for kind in self.kinds:
            value = _as(kind, text)
            if value is not None:
                return value
        if not (self.choices or self.kinds):
            raise SettingsError(
                f"option {self.name}: it is an object, and cannot be given as text; got {text!r}. "
                f"Give it in Python: smc.solve(…, settings={{{self.name!r}: …}})."
            )
        raise SettingsError(f"option {self.name}: got {text!r}; expected {self.said}.")


def own_options(strategy: str) -> dict[str, OwnOption]:
    """Return the options of a strategy of `STRATEGIES`, those that all share last."""
    function = STRATEGIES[strategy]
    hints = typing.get_type_hints(function)
    own = {
        name: _option(name, hints[name], parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in _GIVEN
    }
    shared_hints = typing.get_type_hints(Options)
    defaults = {f.name: f.default for f in dataclasses.fields(Options)}
    shared = [name for name in _SHARED if name not in _IDLE.get(strategy, ())]
    return own | {name: _option(name, shared_hints[name], defaults[name]) for name in shared}


def read_options(strategy: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return settings of a strategy that were given as text.

    Raises:
        SettingsError: One is not the strategy's, or is no value of it.
    """
    check_options(strategy, given)
    known = own_options(strategy)
    return {name: known[name].read(text) for name, text in given.items()}


def check_options(strategy: str, given: Mapping[str, Any]) -> None:
    """Raise unless a strategy takes options of these names.

    Raises:
        SettingsError: It does not; the message lists those that it takes.
    """
    known = own_options(strategy)
    for name in given:
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        taken = "budget" if name == "num_solutions" else near[0] if near else None
        raise SettingsError(
            f"option {name}: {strategy} takes none of this name; expected some of "
            f"{', '.join(o.said for o in known.values())}." + (f" Is it {taken}?" if taken else "")
        )


def split_options(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is a field of `Options`, and what is the strategy's own argument."""
    shared = {n: v for n, v in given.items() if n in _SHARED}
    return shared, {n: v for n, v in given.items() if n not in _SHARED}


def _option(name: str, hint: Any, default: Any) -> OwnOption:
    parts = _parts(hint)
    choices = tuple(c for p in parts if typing.get_origin(p) is typing.Literal for c in p.__args__)
    kinds = tuple(kind for kind in _PLAIN if kind in parts)
    return OwnOption(name, default, choices, kinds, type(None) in parts)


def _parts(hint: Any) -> tuple[Any, ...]:
    """The members of a union; the hint itself of any other."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def _as(kind: type, text: str) -> Any:
    if kind is str:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if kind is float and type(value) is int:
        return float(value)
    return value if type(value) is kind else None
