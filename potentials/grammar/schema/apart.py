"""Schemas that a type or a constant tells apart, so that `oneOf` of them means `anyOf`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potentials.grammar.schema.atoms import KINDS
from potentials.grammar.schema.resources import Resources, SchemaNode

_DEEPEST = 6


def kind_of(value: Any) -> str:
    """Return the type of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


@dataclass(frozen=True)
class Apart:
    """Answers whether no value of a type can meet two schemas at once; False if in doubt."""

    resources: Resources

    def __call__(self, one: int, other: int, kind: str, depth: int = 0) -> bool:
        """Return whether two schemas, by number, are apart."""
        a, b = self._resolved(one), self._resolved(other)
        if a is None or b is None or depth > _DEEPEST:
            return False
        for schema in (a.schema, b.schema):
            if schema is False or (isinstance(schema, Mapping) and not _may_be(schema, kind)):
                return True
        if not isinstance(a.schema, Mapping) or not isinstance(b.schema, Mapping):
            return False
        listed = [_listed(s, kind) for s in (a.schema, b.schema)]
        if listed[0] is not None and listed[1] is not None:
            return not any(v in listed[1] for v in listed[0])
        return kind == "object" and self._by_property(a, b, depth)

    def _by_property(self, a: SchemaNode, b: SchemaNode, depth: int) -> bool:
        assert isinstance(a.schema, Mapping) and isinstance(b.schema, Mapping)
        ours, theirs = a.schema.get("properties", {}), b.schema.get("properties", {})
        needed = {*a.schema.get("required", ()), *b.schema.get("required", ())}
        for name in ours:
            if name in theirs and name in needed:
                one = self.resources.inner(a, f"properties/{name}", ours[name]).number
                other = self.resources.inner(b, f"properties/{name}", theirs[name]).number
                if all(self(one, other, kind, depth + 1) for kind in KINDS):
                    return True
        return False

    def _resolved(self, number: int) -> SchemaNode | None:
        node, left = self.resources.nodes[number], 20
        while isinstance(node.schema, Mapping) and "$ref" in node.schema:
            if not left or len(node.schema.keys() & {"type", "const", "enum", "properties"}):
                return None
            node, left = self.resources.refer(node, node.schema["$ref"]), left - 1
        return node


def _may_be(schema: Mapping[str, Any], kind: str) -> bool:
    if "type" in schema:
        types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        if kind not in types and not (kind == "number" and "integer" in types):
            return False
    listed = _listed(schema, kind)
    return listed is None or bool(listed)


def _listed(schema: Mapping[str, Any], kind: str) -> list[Any] | None:
    if "const" in schema:
        values = [schema["const"]]
    elif "enum" in schema:
        values = schema["enum"]
    else:
        return None
    return [v for v in values if kind_of(v) == kind]
