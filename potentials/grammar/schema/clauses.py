"""Clauses: what each keyword of JSON Schema demands of a value of one type, and its opposite.

A clause is a choice among options, an option a conjunction of schemas and atoms: `()` is false,
`((),)` is true. A schema is the conjunction of the clauses of its keywords; its opposite is one
clause, whose options are the opposites of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from potentials.grammar.schema.apart import Apart, kind_of
from potentials.grammar.schema.atoms import Atom, Literal
from potentials.grammar.schema.ecma import without_lookahead
from potentials.grammar.schema.evaluated import evaluated
from potentials.grammar.schema.keywords import KIND_OF, Clause, Constants, Option, scalars
from potentials.grammar.schema.opposites import Opposites
from potentials.grammar.schema.resources import Resources, SchemaNode


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
        self.constants = Constants(resources)
        self._opposites = Opposites(resources, self.constants, checked_formats)

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
                clauses = [tuple(self._opposites.of(node, node.schema, kind))]
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
        elif key == "pattern":
            yield (tuple(Atom(key, part, found) for part, found in without_lookahead(value)),)
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

    def _values(self, values: list[Any], kind: str) -> Iterator[Option]:
        """Yield the options of a list of values: scalars together, others one by one."""
        of_kind = [v for v in values if kind_of(v) == kind]
        if kind in ("array", "object"):
            for value in of_kind:
                yield (self.constants.literal(value),)
        elif of_kind:
            yield (Atom("in", scalars(of_kind)),)
