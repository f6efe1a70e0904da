"""Clauses: what each keyword of JSON Schema demands of a value of one type, and its opposite.

A clause is a choice among options, an option a conjunction of schemas and atoms: `()` is false,
`((),)` is true. A schema is the conjunction of the clauses of its keywords; its opposite is one
clause, whose options are the opposites of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from potentials.grammar.schema import numbers
from potentials.grammar.schema.apart import Apart, kind_of
from potentials.grammar.schema.atoms import Atom, Literal
from potentials.grammar.schema.evaluated import evaluated
from potentials.grammar.schema.resources import Resources, SchemaNode
from smc.errors import GrammarError

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
_OPPOSITE_BOUNDS = {
    "minimum": "exclusiveMaximum",
    "exclusiveMaximum": "minimum",
    "maximum": "exclusiveMinimum",
    "exclusiveMinimum": "maximum",
}
_SIZES = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")


class Clauses:
    """Takes schemas apart.

    Args:
        resources: The subschemas.
        checked_formats: Formats that are demanded; others are remarks.
    """

    def __init__(self, resources: Resources, checked_formats: frozenset[str]) -> None:
        self.resources = resources
        self._formats = checked_formats
        self._known: dict[tuple[Literal, str], list[Clause]] = {}
        self._constants: dict[str, SchemaNode] = {}

    def of(self, literal: Literal, kind: str) -> list[Clause]:
        """Return the clauses of a schema, or of its opposite, for values of a type."""
        key = literal, kind
        if key not in self._known:
            node = self.resources.nodes[literal.node]
            if isinstance(node.schema, bool):
                clauses = [] if node.schema == literal.positive else [()]
            elif literal.positive:
                clauses = list(self._demands(node, node.schema, kind))
            else:
                clauses = [tuple(self._opposites(node, node.schema, kind))]
            self._known[key] = clauses
        return self._known[key]

    def _demands(self, node: SchemaNode, schema: Mapping[str, Any], kind: str) -> Iterator[Clause]:
        for key, value in schema.items():
            if KIND_OF.get(key, kind) == kind:
                yield from self._demand(node, schema, kind, key, value)

    def _demand(
        self, node: SchemaNode, schema: Mapping[str, Any], kind: str, key: str, value: Any
    ) -> Iterator[Clause]:
        def inner(path: str, of: Any, positive: bool = True) -> Literal:
            return Literal(self.resources.inner(node, path, of).number, positive)

        if key == "type":
            types = [value] if isinstance(value, str) else value
            if kind in types:
                return
            if kind == "number" and "integer" in types:
                yield ((Atom("integral", None),),)
            else:
                yield ()
        elif key in ("const", "enum"):
            yield tuple(self._values([value] if key == "const" else value, kind))
        elif key == "allOf":
            yield (tuple(inner(f"allOf/{i}", s) for i, s in enumerate(value)),)
        elif key == "anyOf":
            yield tuple((inner(f"anyOf/{i}", s),) for i, s in enumerate(value))
        elif key == "oneOf":
            branches = [inner(f"oneOf/{i}", s) for i, s in enumerate(value)]
            apart = Apart(self.resources)
            yield tuple(
                (
                    b,
                    *(
                        o.negated
                        for o in branches
                        if o is not b and not apart(b.node, o.node, kind)
                    ),
                )
                for b in branches
            )
        elif key == "not":
            yield ((inner("not", value, False),),)
        elif key == "if" and ("then" in schema or "else" in schema):
            condition = inner("if", value)
            then = (inner("then", schema["then"]),) if "then" in schema else ()
            other = (inner("else", schema["else"]),) if "else" in schema else ()
            yield ((condition, *then), (condition.negated, *other))
        elif key in ("$ref", "$dynamicRef"):
            target = self.resources.refer(node, value, dynamic=key == "$dynamicRef")
            yield ((Literal(target.number),),)
        elif key == "format":
            if value in self._formats:
                yield ((Atom("format", value),),)
        elif key in ("prefixItems",):
            yield (tuple(Atom("at", (i, inner(f"{key}/{i}", s))) for i, s in enumerate(value)),)
        elif key == "items":
            start = len(schema.get("prefixItems", ()))
            yield ((Atom("from", (start, inner(key, value))),),)
        elif key == "contains":
            least, most = schema.get("minContains", 1), schema.get("maxContains")
            yield ((Atom("count", (inner(key, value), least, most, 0)),),)
        elif key == "uniqueItems":
            if value:
                yield ((Atom("unique", None),),)
        elif key == "properties":
            for i, (name, s) in enumerate(value.items()):
                at = (node.number, i)
                yield ((Atom("property", (name, inner(f"{key}/{name}", s), at)),),)
        elif key == "patternProperties":
            for regex, s in value.items():
                yield ((Atom("matching", (regex, inner(f"{key}/{regex}", s))),),)
        elif key == "additionalProperties":
            names = frozenset(schema.get("properties", ()))
            patterns = frozenset(schema.get("patternProperties", ()))
            yield ((Atom("other", (names, patterns, inner(key, value))),),)
        elif key == "required":
            for i, name in enumerate(value):
                yield (
                    (Atom("present", name, True), Atom("order", (name, (node.number, 1000 + i)))),
                )
        elif key == "dependentRequired":
            for name, others in value.items():
                if others:
                    there = [Atom("present", o) for o in (name, *others)]
                    order = [
                        Atom("order", (o, (node.number, 2000 + i))) for i, o in enumerate(others)
                    ]
                    yield ((Atom("present", name, False),), (*there, *order))
        elif key == "dependentSchemas":
            for name, s in value.items():
                there = (Atom("present", name), inner(f"{key}/{name}", s))
                yield ((Atom("present", name, False),), there)
        elif key == "propertyNames":
            yield ((Atom("names", inner(key, value)),),)
        elif key in ("unevaluatedItems", "unevaluatedProperties") and value is not True:
            so_far = evaluated(self.resources, node, key)
            if not so_far.rest and kind == "array":
                yield ((Atom("from", (so_far.items, inner(key, value))),),)
            elif not so_far.rest:
                yield ((Atom("other", (so_far.names, so_far.patterns, inner(key, value))),),)
        elif key in KIND_OF and value is not True:
            yield ((Atom(key, value),),)

    def _opposites(
        self, node: SchemaNode, schema: Mapping[str, Any], kind: str
    ) -> Iterator[Option]:
        for key, value in schema.items():
            if KIND_OF.get(key, kind) == kind:
                yield from self._opposite(node, schema, kind, key, value)

    def _opposite(
        self, node: SchemaNode, schema: Mapping[str, Any], kind: str, key: str, value: Any
    ) -> Iterator[Option]:
        def inner(path: str, of: Any, positive: bool = True) -> Literal:
            return Literal(self.resources.inner(node, path, of).number, positive)

        if key == "type":
            types = [value] if isinstance(value, str) else value
            if kind == "number" and "integer" in types and kind not in types:
                yield (Atom("integral", None, False),)
            elif kind not in types:
                yield ()
        elif key in ("const", "enum"):
            yield tuple(self._other_values([value] if key == "const" else value, kind))
        elif key == "allOf":
            yield from ((inner(f"allOf/{i}", s, False),) for i, s in enumerate(value))
        elif key == "anyOf":
            yield tuple(inner(f"anyOf/{i}", s, False) for i, s in enumerate(value))
        elif key == "oneOf":
            branches = [inner(f"oneOf/{i}", s) for i, s in enumerate(value)]
            yield tuple(b.negated for b in branches)
            yield from combinations(branches, 2)
        elif key == "not":
            yield (inner("not", value),)
        elif key == "if":
            condition = inner("if", value)
            if "then" in schema:
                yield (condition, inner("then", schema["then"], False))
            if "else" in schema:
                yield (condition.negated, inner("else", schema["else"], False))
        elif key in ("$ref", "$dynamicRef"):
            target = self.resources.refer(node, value, dynamic=key == "$dynamicRef")
            yield (Literal(target.number, False),)
        elif key in _OPPOSITE_BOUNDS:
            yield (Atom(_OPPOSITE_BOUNDS[key], value),)
        elif key in _SIZES:
            if key.startswith("max"):
                yield (Atom("min" + key[3:], value + 1),)
            elif value > 0:
                yield (Atom("max" + key[3:], value - 1),)
        elif key in ("pattern", "multipleOf"):
            yield (Atom(key, value, False),)
        elif key == "format":
            if value in self._formats:
                yield (Atom(key, value, False),)
        elif key == "prefixItems":
            for i, s in enumerate(value):
                yield (Atom("minItems", i + 1), Atom("at", (i, inner(f"{key}/{i}", s, False))))
        elif key == "items":
            start = len(schema.get("prefixItems", ()))
            yield (Atom("count", (inner(key, value, False), 1, None, start)),)
        elif key == "contains":
            least, most = schema.get("minContains", 1), schema.get("maxContains")
            if least > 0:
                yield (Atom("count", (inner(key, value), 0, least - 1, 0)),)
            if most is not None:
                yield (Atom("count", (inner(key, value), most + 1, None, 0)),)
        elif key == "properties":
            for i, (name, s) in enumerate(value.items()):
                wrong = (name, inner(f"{key}/{name}", s, False), (node.number, i))
                yield (Atom("present", name), Atom("property", wrong))
        elif key == "required":
            yield from ((Atom("present", name, False),) for name in value)
        elif key == "dependentRequired":
            for name, others in value.items():
                yield from ((Atom("present", name), Atom("present", o, False)) for o in others)
        elif key == "dependentSchemas":
            for name, s in value.items():
                yield (Atom("present", name), inner(f"{key}/{name}", s, False))
        elif (key == "uniqueItems" and not value) or (
            value is True and (kind == "object" or key == "unevaluatedItems")
        ):
            return
        elif key in KIND_OF:
            raise GrammarError(
                f"JSONSchema: {node.place}/{key}: the opposite of {key!r} is not enforced, and "
                "`not`, `oneOf`, `if` or `contains` around it asks for it. Tell the branches apart "
                "by a `const` or a type, or check the document in a `Potential` of your own."
            )

    def _values(self, values: list[Any], kind: str) -> Iterator[Option]:
        """Yield the options of a list of values: scalars together, others one by one."""
        of_kind = [v for v in values if kind_of(v) == kind]
        if kind in ("array", "object"):
            for value in of_kind:
                yield (Literal(self._constant(value).number),)
        elif of_kind:
            yield (Atom("in", _scalars(of_kind)),)

    def _other_values(self, values: list[Any], kind: str) -> Iterator[Literal | Atom]:
        of_kind = [v for v in values if kind_of(v) == kind]
        if kind in ("array", "object"):
            for value in of_kind:
                yield Literal(self._constant(value).number, False)
        elif of_kind:
            yield Atom("in", _scalars(of_kind), False)

    def constant(self, value: Any) -> Literal:
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
            self._constants[key] = self.resources.add(schema, "", f"const {key[:80]}")
        return self._constants[key]


def _scalars(values: list[Any]) -> tuple[Any, ...]:
    exact = [numbers.exact(v) if kind_of(v) == "number" else v for v in values]
    return tuple(dict.fromkeys(exact))
