"""Schema resources: where every subschema stands, and what a reference refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from smc.errors import GrammarError

Schema = Mapping[str, Any] | bool

MAPS = ("$defs", "definitions", "properties", "patternProperties", "dependentSchemas")
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
SINGLES = (
    "additionalProperties contains else if items not propertyNames then unevaluatedItems "
    "unevaluatedProperties contentSchema".split()
)


@dataclass(frozen=True, slots=True, eq=False)
class SchemaNode:
    """A subschema.

    Attributes:
        number: In the order of the document.
        schema: Its keywords, or a boolean.
        base: The URI that its references are relative to.
        place: A JSON pointer, for messages.
    """

    number: int
    schema: Schema
    base: str
    place: str


class Resources:
    """All subschemas of a document, by number and by URI.

    Args:
        root: The document; references may lead only to what stands in it.
    """

    def __init__(self, root: Schema) -> None:
        self.nodes: list[SchemaNode] = []
        self._by_uri: dict[str, SchemaNode] = {}
        self._by_identity: dict[int, SchemaNode] = {}
        self._dynamic: dict[str, list[SchemaNode]] = {}
        self._resource_roots: dict[str, tuple[Any, str]] = {"": (root, "#")}
        self.root = self.add(root, "", "#")

    def add(self, schema: Schema, base: str, place: str) -> SchemaNode:
        """Return the node of a schema and make those of all that it holds."""
        if isinstance(schema, Mapping) and isinstance(schema.get("$id"), str):
            base = urljoin(base, schema["$id"]).rstrip("#")
            self._resource_roots.setdefault(base, (schema, place))
        node = SchemaNode(len(self.nodes), schema, base, place)
        self.nodes.append(node)
        if isinstance(schema, Mapping):
            self._by_identity[id(schema)] = node
            for key in ("$anchor", "$dynamicAnchor"):
                if isinstance(schema.get(key), str):
                    self._by_uri[f"{base}#{schema[key]}"] = node
            if "$dynamicAnchor" in schema:
                self._dynamic.setdefault(schema["$dynamicAnchor"], []).append(node)
            for path, inner in subschemas(schema):
                self.add(inner, base, f"{place}/{path}")
        return node

    def inner(self, node: SchemaNode, path: str, schema: Schema) -> SchemaNode:
        """Return the node of a subschema; booleans, which have no identity, get a new one."""
        if isinstance(schema, Mapping) and id(schema) in self._by_identity:
            return self._by_identity[id(schema)]
        return self.add(schema, node.base, f"{node.place}/{path}")

    def refer(self, node: SchemaNode, reference: str, *, dynamic: bool = False) -> SchemaNode:
        """Return the node that a reference leads to.

        Raises:
            GrammarError: It leads out of the document, or nowhere.
        """
        uri = urljoin(node.base, reference) if node.base or "#" not in reference[:1] else reference
        base, fragment = urldefrag(uri)
        if dynamic and len(self._dynamic.get(fragment, ())) > 1:
            raise GrammarError(
                f"JSONSchema: {node.place}: `$dynamicRef` {reference!r} may lead to several "
                "anchors, depending on the way; that is not enforced. Use `$ref`."
            )
        if f"{base}#{fragment}" in self._by_uri:
            return self._by_uri[f"{base}#{fragment}"]
        if base in self._resource_roots and (not fragment or fragment.startswith("/")):
            return self._point(node, reference, base, unquote(fragment))
        raise GrammarError(
            f"JSONSchema: {node.place}: the reference {reference!r} leads to nothing in this "
            "schema. Put what it names under `$defs`; nothing is fetched."
        )

    def _point(self, node: SchemaNode, reference: str, base: str, pointer: str) -> SchemaNode:
        here, place = self._resource_roots[base]
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            place += f"/{part}"
            try:
                here = here[int(key)] if isinstance(here, list) else here[key]
            except (KeyError, IndexError, ValueError, TypeError):
                raise GrammarError(
                    f"JSONSchema: {node.place}: the reference {reference!r} leads to nothing in "
                    "this schema. Put what it names under `$defs`."
                ) from None
            if isinstance(here, Mapping) and isinstance(here.get("$id"), str):
                base = urljoin(base, here["$id"]).rstrip("#")
        if isinstance(here, Mapping) and id(here) in self._by_identity:
            return self._by_identity[id(here)]
        if f"{place}@" not in self._by_uri:
            if not isinstance(here, (bool, Mapping)):
                raise GrammarError(
                    f"JSONSchema: {node.place}: the reference {reference!r} leads to {here!r}, "
                    "expected a schema (an object or a boolean)."
                )
            self._by_uri[f"{place}@"] = self.add(here, base, place)
        return self._by_uri[f"{place}@"]


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, Schema]]:
    """Yield the subschemas right inside a schema, each with its path."""
    for key in schema:
        value = schema[key]
        if key in MAPS and isinstance(value, Mapping):
            for name, inner in value.items():
                yield f"{key}/{name}", inner
        elif key in LISTS and isinstance(value, list):
            for i, inner in enumerate(value):
                yield f"{key}/{i}", inner
        elif key in SINGLES:
            yield key, value
