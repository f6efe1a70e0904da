"""Grammars, regular expressions and JSON schemas as token masks, with rules as boundaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.lazy import lazy_names

if TYPE_CHECKING:
    from potentials.grammar.grammar import Grammar
    from potentials.grammar.json_schema import JSONSchema
    from potentials.grammar.regex import Regex

_HOMES = {
    "Grammar": "potentials.grammar.grammar",
    "JSONSchema": "potentials.grammar.json_schema",
    "Regex": "potentials.grammar.regex",
}

__all__ = ["Grammar", "JSONSchema", "Regex"]

__getattr__ = lazy_names(__name__, _HOMES)
