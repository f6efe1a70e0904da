"""Reading a schema: its draft, and every keyword known and well formed before any is enforced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from potentials.grammar.schema import formats
from potentials.grammar.schema.resources import LISTS, MAPS, SINGLES, Schema, subschemas
from smc.errors import GrammarError

_REMARKS = frozenset(
    "title description default examples deprecated readOnly writeOnly contentEncoding "
    "contentMediaType contentSchema discriminator $comment $schema $id id $anchor $dynamicAnchor "
    "$defs definitions".split()
)
_TYPES = frozenset("null boolean integer number string array object".split())
_DRAFTS = {
    "http://json-schema.org/draft-04/schema": 4,
    "http://json-schema.org/draft-06/schema": 6,
    "http://json-schema.org/draft-07/schema": 7,
    "https://json-schema.org/draft/2019-09/schema": 2019,
    "https://json-schema.org/draft/2020-12/schema": 2020,
}


def _natural(value: Any) -> bool:
    return _number(value) and value >= 0 and value == int(value)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


_WANTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(
        "minLength maxLength minItems maxItems minProperties maxProperties minContains "
        "maxContains".split(),
        (_natural, "a whole number that is not negative"),
    ),
    **dict.fromkeys(
        "minimum maximum exclusiveMinimum exclusiveMaximum".split(), (_number, "a number")
    ),
    "multipleOf": (lambda v: _number(v) and v > 0, "a number above 0"),
    **dict.fromkeys(
        "pattern format $ref $dynamicRef".split(), (lambda v: isinstance(v, str), "text")
    ),
    "required": (_names, "a list of names"),
    "uniqueItems": (lambda v: isinstance(v, bool), "a boolean"),
    "enum": (lambda v: isinstance(v, list) and bool(v), "a list that is not empty"),
    "const": (lambda v: True, "a value"),
    "dependentRequired": (
        lambda v: isinstance(v, Mapping) and all(_names(n) for n in v.values()),
        "lists of names by name",
    ),
    "type": (
        lambda v: (
            (isinstance(v, str) and v in _TYPES)
            or (
                isinstance(v, list)
                and bool(v)
                and all(isinstance(t, str) and t in _TYPES for t in v)
            )
        ),
        f"one or several of {', '.join(sorted(_TYPES))}",
    ),
}


def parsed(given: Schema | str) -> Schema:
    """Return a schema as draft 2020-12 has it, from a dict or its JSON text.

    Raises:
        GrammarError: It is no schema, or has a keyword that nobody knows; none is ignored.
    """
    try:
        # The copy gives every subschema an identity of its own.
        schema = json.loads(given if isinstance(given, str) else json.dumps(given))
    except (ValueError, TypeError) as error:
        raise GrammarError(f"JSONSchema: the schema is not JSON: {error}.") from error
    except RecursionError as error:
        raise GrammarError("JSONSchema: the schema is nested too deeply to be read.") from error
    if not isinstance(schema, (bool, Mapping)):
        raise GrammarError(
            f"JSONSchema: got {schema!r}, expected a schema: a dict, its JSON text, or True."
        )
    schema = _upgraded(schema, _draft(schema, 2020))
    for complaint in _complaints(schema):
        raise GrammarError(f"JSONSchema: {complaint}")
    return schema


def unknown_formats(schema: Schema) -> list[str]:
    """Return the formats that no standard defines, which demand nothing."""
    names: dict[str, None] = {}
    for _, inner in _walk(schema):
        if isinstance(inner, Mapping) and "format" in inner:
            name = inner["format"]
            if name not in formats.CHECKED and name not in formats.NOT_CHECKED:
                names[name] = None
    return list(names)


def _draft(schema: Any, otherwise: int) -> int:
    uri = schema.get("$schema") if isinstance(schema, Mapping) else None
    if uri is None:
        return otherwise
    draft = _DRAFTS.get(str(uri).rstrip("#"))
    if draft is None:
        raise GrammarError(
            f"JSONSchema: `$schema` is {uri!r}; expected that of draft 4, 6, 7, 2019-09 or 2020-12."
        )
    return draft


def _walk(schema: Schema) -> Iterator[tuple[str, Any]]:
    stack: list[tuple[str, Any]] = [("#", schema)]
    while stack:
        place, here = stack.pop()
        yield place, here
        if isinstance(here, Mapping):
            inside = [(f"{place}/{path}", inner) for path, inner in subschemas(here)]
            stack += reversed(inside)


def _upgraded(schema: Any, draft: int) -> Any:
    """Put what earlier drafts write otherwise as draft 2020-12 has it."""
    todo = [(schema, draft)]
    while todo:
        here, draft = todo.pop()
        if not isinstance(here, dict):
            continue
        draft = _draft(here, draft)
        _upgrade(here, draft)
        todo += [(inner, draft) for _, inner in subschemas(here)]
    return schema


def _upgrade(schema: dict[str, Any], draft: int) -> None:
    if draft <= 7 and "$ref" in schema:
        # What stands beside a reference means nothing there, but for what others refer to.
        for key in schema.keys() - {"$ref", "definitions", "$defs", "$schema", "$id", "id"}:
            del schema[key]
    if draft == 4:
        if "id" in schema:
            schema["$id"] = schema.pop("id")
        for end in ("Minimum", "Maximum"):
            if isinstance(schema.get(f"exclusive{end}"), bool):
                inclusive = end.lower()
                if schema.pop(f"exclusive{end}") and inclusive in schema:
                    schema[f"exclusive{end}"] = schema.pop(inclusive)
    if draft < 2020 and isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema["additionalItems"]
    if draft < 2020:
        schema.pop("additionalItems", None)
    if not isinstance(schema.get("dependencies", {}), dict):
        return
    for name, demand in schema.pop("dependencies", {}).items():
        kind = "dependentRequired" if isinstance(demand, list) else "dependentSchemas"
        schema.setdefault(kind, {})[name] = demand


def _complaints(schema: Schema) -> Iterator[str]:
    for place, here in _walk(schema):
        if isinstance(here, bool):
            continue
        if not isinstance(here, Mapping):
            yield f"{place} is {here!r}, expected a schema (an object or a boolean)."
            return
        for key, value in here.items():
            at = f"{place}/{key}"
            if key in MAPS or key in LISTS:
                wanted = Mapping if key in MAPS else list
                if not isinstance(value, wanted) or (key in LISTS and not value):
                    yield f"{at} is {value!r}, expected schemas."
            elif key in _WANTED:
                right, expected = _WANTED[key]
                if not right(value):
                    empty = "an empty list" if value == [] else repr(value)
                    yield f"{at} is {empty}, expected {expected}."
                elif key == "format" and value in formats.NOT_CHECKED:
                    yield (
                        f"{at}: the format {value!r} is not enforced. Remove it, or check the "
                        "document in a `Potential` of your own."
                    )
            elif key not in SINGLES and key not in _REMARKS:
                yield (
                    f"{at}: the keyword {key!r} is not enforced. Remove it, or check the document "
                    "in a `Potential` of your own."
                )


def shown(schema: Schema, most: int = 200) -> str:
    """Return a schema's text, cut short."""
    text = repr(schema) if isinstance(schema, bool) else json.dumps(schema)
    return text if len(text) <= most else re.sub(r"\s*\S*$", " …", text[:most])
