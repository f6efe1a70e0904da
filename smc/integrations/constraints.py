"""Constraints that arrive as plain values: in a request, or as keyword arguments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from smc.errors import GrammarError, SettingsError
from smc.potential import AnyPotential, IncrementalPotential, Potential


def constraints(
    *,
    grammar: str | None = None,
    regex: str | None = None,
    json_schema: str | Mapping[str, Any] | None = None,
    potentials: str | Sequence[AnyPotential | str] = (),
) -> list[AnyPotential]:
    """Return potentials in the order of the arguments.

    Args:
        grammar: Lark source.
        regex: For the whole text.
        json_schema: As text, or as what the text says.
        potentials: Potentials, or `module:Name`; a text may part several by commas.

    Raises:
        GrammarError: A grammar, pattern or schema is malformed, or cannot be carried exactly.
        SettingsError: A potential cannot be found or made, or an argument is of the wrong kind.

    Example:
        >>> found = constraints(regex="a+", potentials="potentials.molecule:SMILESValidity")
        >>> [p.name for p in found]
        ['Regex', 'SMILESValidity']
    """
    from potentials import Grammar, JSONSchema, Regex

    found: list[AnyPotential] = []
    if grammar is not None:
        source = _text("grammar", grammar)
        found.append(_made("grammar", lambda: Grammar(source)))
    if regex is not None:
        pattern = _text("regex", regex)
        found.append(_made("regex", lambda: Regex(pattern)))
    if json_schema is not None:
        schema = json_schema if isinstance(json_schema, str) else json.dumps(json_schema)
        found.append(_made("json_schema", lambda: JSONSchema(schema)))
    named = potentials.split(",") if isinstance(potentials, str) else potentials
    return found + [_potential(p) for p in named if p]


def _potential(given: AnyPotential | str) -> AnyPotential:
    from smc.cli.loading import potential

    if isinstance(given, str):
        return potential(given.strip(), option="potentials:")
    if not isinstance(given, Potential | IncrementalPotential):
        raise SettingsError(
            f"potentials: got {given!r}; expected potentials, or text such as "
            "'potentials.molecule:SMILESValidity'."
        )
    return given


def _made(name: str, make: Callable[[], AnyPotential]) -> AnyPotential:
    try:
        return make()
    except GrammarError as error:
        raise GrammarError(f"{name}: {error}") from error


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{name}: got {value!r}; expected text that is not empty.")
    return value
