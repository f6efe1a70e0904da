"""Constraints that arrive as plain values: in a request, or as keyword arguments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from smc.errors import GrammarError, SettingsError
from smc.integrations.tool_calls import CallRules, call_constraint
from smc.potential import AnyPotential, IncrementalPotential, Potential
from smc.references import find_potential

if TYPE_CHECKING:
    from potentials import MaskLimits


def constraints(
    *,
    grammar: str | None = None,
    regex: str | None = None,
    json_schema: str | Mapping[str, Any] | None = None,
    compact_json: str | Mapping[str, Any] | None = None,
    choice: Sequence[str] | None = None,
    output_type: Any = None,
    tool_calls: str | None = None,
    potentials: str | Sequence[AnyPotential | str] = (),
    limits: MaskLimits | None = None,
) -> list[AnyPotential]:
    """Return potentials in the order of the arguments.

    Args:
        grammar: Lark source.
        regex: For the whole text.
        json_schema: As text, or as what the text says; documents as `json.dumps` spaces them.
        compact_json: Likewise, of documents without white space between their parts.
        choice: Exact strings, one of which the whole text is.
        output_type: What the text stands for: a type, or a function; see `OutputType`.
        tool_calls: `CallRules` as text.
        potentials: Potentials, or `module:Name`; a text may part several by commas.
        limits: How much work one mask may cost.

    Raises:
        GrammarError: A grammar, pattern or schema is malformed, or cannot be carried exactly.
        SettingsError: A potential cannot be found or made, or an argument is of the wrong kind.

    Example:
        >>> chosen = constraints(regex="a+", potentials="potentials.molecule:SMILESValidity")
        >>> [p.name for p in chosen]
        ['Regex', 'SMILESValidity']
    """
    from potentials import Grammar, JSONSchema, Regex

    made: list[AnyPotential] = []
    if grammar is not None:
        source = _text("grammar", grammar)
        made.append(_made("grammar", lambda: Grammar(source, limits=limits)))
    if regex is not None:
        pattern = _text("regex", regex)
        made.append(_made("regex", lambda: Regex(pattern, limits=limits)))
    for name, given in (("json_schema", json_schema), ("compact_json", compact_json)):
        if given is not None:
            schema = given if isinstance(given, str) else json.dumps(given)
            space = None if name == "json_schema" else False
            make = partial(JSONSchema, schema, whitespace=space, limits=limits)
            made.append(_made("json_schema", make))
    if choice is not None:
        from potentials import Choice

        made.append(_made("choice", partial(Choice, choice, limits=limits)))
    if output_type is not None:
        from potentials import OutputType

        made.append(OutputType(output_type, limits=limits))
    if tool_calls is not None:
        rules = CallRules.of_text(tool_calls)
        made.append(_made("tools", partial(call_constraint, rules, limits)))
    named = potentials.split(",") if isinstance(potentials, str) else potentials
    return made + [_potential(p) for p in named if p]


def request_limits() -> MaskLimits:
    """Return how much work a mask may cost where the grammar comes from a stranger.

    Less than what one's own may cost: some 20,000 items, and 15,000 of fuel, take a millisecond.
    What makes masks slow is ambiguity; grammars of programming languages stay below.
    """
    from potentials import MaskLimits

    return MaskLimits(
        max_items_in_row=5_000,
        step_max_items=500_000,
        step_lexer_fuel=3_000_000,
        initial_lexer_fuel=20_000_000,
        max_lexer_states=250_000,
    )


def _potential(given: AnyPotential | str) -> AnyPotential:
    if isinstance(given, str):
        return find_potential(given.strip(), option="potentials:")
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
