"""Opposites: the ways in which a schema does not hold of a value of one type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from potentials.grammar.schema.apart import kind_of
from potentials.grammar.schema.atoms import Atom, Literal
from potentials.grammar.schema.ecma import without_lookahead
from potentials.grammar.schema.keywords import KIND_OF, Constants, Option, scalars
from potentials.grammar.schema.resources import Resources, SchemaNode
from smc.errors import GrammarError

_OPPOSITE_BOUNDS = {
    "minimum": "exclusiveMaximum",
    "exclusiveMaximum": "minimum",
    "maximum": "exclusiveMinimum",
    "exclusiveMinimum": "maximum",
}
_SIZES = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")


class Opposites:
    """Takes the opposites of schemas apart.

    Args:
        resources: The subschemas.
        constants: Schemas of one value each.
        checked_formats: Formats that are demanded; others are remarks.
    """

    def __init__(
        self, resources: Resources, constants: Constants, checked_formats: frozenset[str]
    ) -> None:
        self.resources, self._constants = resources, constants
        self._formats = checked_formats

    def of(self, node: SchemaNode, schema: Mapping[str, Any], kind: str) -> Iterator[Option]:
        """Yield the options of the one clause that the opposite of a schema is."""
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
        elif key == "pattern":
            yield from ((Atom(key, p, not found),) for p, found in without_lookahead(value))
        elif key == "multipleOf":
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

    def _other_values(self, values: list[Any], kind: str) -> Iterator[Literal | Atom]:
        of_kind = [v for v in values if kind_of(v) == kind]
        if kind in ("array", "object"):
            for value in of_kind:
                yield self._constants.literal(value).negated
        elif of_kind:
            yield Atom("in", scalars(of_kind), False)
