"""What the modules of the clauses share: the type that a keyword is about, and constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potentials.grammar.schema import numbers
from potentials.grammar.schema.apart import kind_of
from potentials.grammar.schema.atoms import Atom, Literal
from potentials.grammar.schema.resources import Resources, SchemaNode

Option = tuple["Literal | Atom", ...]
Clause = tuple[Option, ...]

KIND_OF = {
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
    "multipleOf": "number",
    "minLength": "string",
    "maxLength": "string",
    "pattern": "string",
    "format": "string",
    "prefixItems": "array",
    "items": "array",
    "minItems": "array",
    "maxItems": "array",
    "contains": "array",
    "uniqueItems": "array",
    "properties": "object",
    "patternProperties": "object",
    "additionalProperties": "object",
    "required": "object",
    "dependentRequired": "object",
    "dependentSchemas": "object",
    "minProperties": "object",
    "maxProperties": "object",
    "propertyNames": "object",
    "unevaluatedItems": "array",
    "unevaluatedProperties": "object",
}


class Constants:
    """Schemas of one value each, made when they are first needed.

    Args:
        resources: Takes them up.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._constants: dict[str, SchemaNode] = {}

    def literal(self, value: Any) -> Literal:
        """Return a schema that one value alone meets."""
        return Literal(self._constant(value).number)

    def _constant(self, value: Any) -> SchemaNode:
        key = repr(value)
        if key not in self._constants:
            schema: dict[str, Any]
            if isinstance(value, list):
                schema = {
                    "type": "array",
                    "prefixItems": [{"const": v} for v in value],
                    "minItems": len(value),
                    "maxItems": len(value),
                }
            elif isinstance(value, Mapping):
                schema = {
                    "type": "object",
                    "properties": {name: {"const": v} for name, v in value.items()},
                    "required": list(value),
                    "maxProperties": len(value),
                }
            else:
                schema = {"const": value}
            self._constants[key] = self._resources.add(schema, "", f"const {key[:80]}")
        return self._constants[key]


def scalars(values: list[Any]) -> tuple[Any, ...]:
    """Return scalars as atoms hold them: numbers exact, each once."""
    exact = [numbers.exact(v) if kind_of(v) == "number" else v for v in values]
    return tuple(dict.fromkeys(exact))
