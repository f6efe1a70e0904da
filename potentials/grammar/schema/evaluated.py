"""Annotations: the properties and items that a schema evaluates by all that it surely applies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from potentials.grammar.schema.resources import Resources, SchemaNode
from smc.errors import GrammarError

_SOMETIMES = ("anyOf", "oneOf", "if", "then", "else", "dependentSchemas")


@dataclass(frozen=True)
class Evaluated:
    """What is evaluated.

    Attributes:
        names: Properties.
        patterns: Of properties.
        items: How many of the first items.
        rest: Whether all that is left is, too.
    """

    names: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    items: int = 0
    rest: bool = False


def evaluated(resources: Resources, node: SchemaNode, keyword: str) -> Evaluated:
    """Return what the keywords beside `unevaluatedProperties` or `unevaluatedItems` evaluate.

    Raises:
        GrammarError: It depends on the document.
    """
    names: set[str] = set()
    patterns: set[str] = set()
    items, rest = 0, False
    objects = keyword == "unevaluatedProperties"
    for here, surely in _in_place(resources, node, keyword):
        schema = here.schema
        assert isinstance(schema, Mapping)
        if objects:
            own = set(schema.get("properties", ())) | set(schema.get("patternProperties", ()))
            all_of_them = "additionalProperties" in schema
        else:
            own = set(schema.get("prefixItems", ()) and ["prefixItems"])
            all_of_them = "items" in schema
            surely = surely and "contains" not in schema
            own |= {"contains"} & schema.keys()
        all_of_them = all_of_them or (here is not node and keyword in schema)
        if not surely and (own or all_of_them):
            raise GrammarError(
                f"JSONSchema: {node.place}/{keyword}: what is evaluated depends on the document "
                f"({here.place}); that is not enforced. `additionalProperties` or `items` in each "
                "branch say it without."
            )
        names |= set(schema.get("properties", ()))
        patterns |= set(schema.get("patternProperties", ()))
        items = max(items, len(schema.get("prefixItems", ())))
        rest = rest or all_of_them
    return Evaluated(frozenset(names), frozenset(patterns), items, rest)


def _in_place(
    resources: Resources, node: SchemaNode, keyword: str
) -> Iterator[tuple[SchemaNode, bool]]:
    """Yield the schemas that apply to the same value, and whether they surely do."""
    stack, seen = [(node, True)], set[tuple[int, bool]]()
    while stack:
        here, surely = stack.pop()
        if not isinstance(here.schema, Mapping) or (here.number, surely) in seen:
            continue
        seen.add((here.number, surely))
        yield here, surely
        for path, inner in _applied(here.schema):
            key = path.partition("/")[0]
            at = resources.inner(here, path, inner)
            stack.append((at, surely and key not in _SOMETIMES))
        for key in ("$ref", "$dynamicRef"):
            if key in here.schema:
                target = resources.refer(here, here.schema[key], dynamic=key == "$dynamicRef")
                stack.append((target, surely))


def _applied(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in ("allOf", "anyOf", "oneOf"):
        yield from ((f"{key}/{i}", s) for i, s in enumerate(schema.get(key, ())))
    for key in ("if", "then", "else"):
        if key in schema:
            yield key, schema[key]
    for name, inner in schema.get("dependentSchemas", {}).items():
        yield f"dependentSchemas/{name}", inner
