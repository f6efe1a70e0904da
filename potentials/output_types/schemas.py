"""The JSON schema of a type: what pydantic says it reads, with its gaps closed.

pydantic's own schemas describe some types loosely (an `IPv4Network` is any text). What can be said
exactly as a pattern is; of what cannot, the rest is up to `Reads`, which asks pydantic at the end
of a text; and what hardly any text would meet is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from potentials.grammar.schema import formats

_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_INTEGER = "-?(?:0|[1-9][0-9]{0,18})"
_BASE64 = "(?:[A-Za-z0-9{0}]{{4}})*(?:[A-Za-z0-9{0}]{{2}}==|[A-Za-z0-9{0}]{{3}}=)?"
_HEX = "[0-9a-f]"
_PATTERNS = {
    "base64": _BASE64.format("+/"),
    "base64url": _BASE64.format("_-"),
    # Of a network the bits of the host must be zero; these are the classes, and single hosts.
    "ipv4network": rf"(?:{_BYTE}\.0\.0\.0/8|(?:{_BYTE}\.){{2}}0\.0/16|(?:{_BYTE}\.){{3}}0/24"
    rf"|{_IPV4}/32)",
    "ipv4interface": rf"{_IPV4}/(?:3[0-2]|[12]?[0-9])",
    "ipvanyaddress": _IPV4,
    **{
        f"uuid{n}": rf"{_HEX}{{8}}-{_HEX}{{4}}-{n}{_HEX}{{3}}-[89ab]{_HEX}{{3}}-{_HEX}{{12}}"
        for n in range(1, 9)
    },
}
_DAY = formats.CHECKED["date"][0]
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_OFFSET = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_DECIMAL = r"[0-9]+(?:\.[0-9]+)?"
# Of `ByteSize`: it has no end, and anything could follow.
_BYTE_SIZE = r"^\s*(\d*\.?\d+)\s*(\w+)?"
_COMPLEX = rf"(?:-?{_DECIMAL}|-?{_DECIMAL}j|-?{_DECIMAL}[+-]{_DECIMAL}j)"
# What pydantic writes into a schema. Further words are remarks of the class's author, which
# pydantic does not enforce either.
_KEYWORDS = frozenset(
    "$defs $ref additionalProperties allOf anyOf const contentMediaType contentSchema default "
    "deprecated description discriminator enum examples exclusiveMaximum exclusiveMinimum format "
    "items maxItems maxLength maxProperties maximum minItems minLength minProperties minimum "
    "multipleOf oneOf pattern patternProperties prefixItems properties propertyNames readOnly "
    "required title type uniqueItems writeOnly".split()
)
_HOPELESS = {
    "file-path": "it is the path of a file that there is. Use `Path`, or a Literal.",
    "directory-path": "it is the path of a folder that there is. Use `Path`, or a Literal.",
}


class ClosedSchema(GenerateJsonSchema):
    """pydantic's schema generator, for what a model shall write.

    An object has the fields of its class and no others, where the class does not say
    `extra="allow"`: pydantic would drop them unread.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return an object without further names."""
        return _closed(super().model_schema(schema))

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Return an object without further names."""
        return _closed(super().dataclass_schema(schema))

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        """Return an object without further names."""
        return _closed(super().typed_dict_schema(schema))

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Return an object whose names are what its keys are read from."""
        made = super().dict_schema(schema)
        keys = self.resolve_ref_schema(
            self.generate_inner(schema.get("keys_schema") or core_schema.str_schema())
        )
        if keys.get("type") == "integer":
            made["propertyNames"] = {"pattern": f"^{_INTEGER}$"}
        elif keys.get("type") in ("number", "boolean", "array", "object", "null"):
            raise PydanticInvalidForJsonSchema(
                f"its keys are read from JSON of type {keys['type']}, and names are texts."
            )
        return made

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Return a number: as a text, which pydantic takes too, its bounds could not be kept."""
        digits, places = schema.get("max_digits"), schema.get("decimal_places")
        number: dict[str, Any] = {"type": "number"}
        for ours, theirs in (
            ("minimum", "ge"),
            ("exclusiveMinimum", "gt"),
            ("maximum", "le"),
            ("exclusiveMaximum", "lt"),
            ("multipleOf", "multiple_of"),
        ):
            if (bound := schema.get(theirs)) is not None:
                number[ours] = int(bound) if bound == int(bound) else float(bound)
        if places is not None and 0 <= places <= 6 and "multipleOf" not in number:
            number["multipleOf"] = 1 if places == 0 else float(f"1e-{places}")
        if digits is not None and digits <= 15:
            most = 10 ** (digits - min(places or 0, digits))
            if "maximum" not in number and "exclusiveMaximum" not in number:
                number["exclusiveMaximum"] = most
            if "minimum" not in number and "exclusiveMinimum" not in number:
                number["exclusiveMinimum"] = -most
        return number

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        """Return what pydantic reads: JSON Schema's `date-time` has no time without an offset."""
        return _dated(f"{_DAY}T{_CLOCK}", schema.get("tz_constraint"))

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        """Return likewise a time of day."""
        return _dated(_CLOCK, schema.get("tz_constraint"))

    def complex_schema(self, schema: core_schema.ComplexSchema) -> JsonSchemaValue:
        """Return a text such as `1.5-2j`."""
        return {"type": "string", "pattern": f"^{_COMPLEX}$"}

    def url_schema(self, schema: core_schema.UrlSchema) -> JsonSchemaValue:
        """Return a URI of the schemes that are allowed, with a host."""
        made = super().url_schema(schema)
        if schemes := schema.get("allowed_schemes"):
            made["pattern"] = f"^(?:{'|'.join(schemes)})://[A-Za-z0-9]"
        return made

    def is_subclass_schema(self, schema: core_schema.IsSubclassSchema) -> JsonSchemaValue:
        """Refuse classes, which JSON has not."""
        return self.handle_invalid_for_json_schema(schema, "a class")

    def model_field_schema(self, schema: core_schema.ModelField) -> JsonSchemaValue:
        """Return a field's schema; one that is read from inside of another cannot be written."""
        alias = schema.get("validation_alias")
        if isinstance(alias, list):
            paths = alias if isinstance(alias[0], list) else [alias]
            if all(len(path) > 1 for path in paths):  # type: ignore[arg-type]
                raise PydanticInvalidForJsonSchema(
                    f"a field is read from the path {paths[0]}. Give it a name for its alias, too."
                )
        return super().model_field_schema(schema)


def completed(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return a schema of `ClosedSchema` as `JSONSchema` takes it.

    Raises:
        PydanticInvalidForJsonSchema: It has a format that hardly any text would meet.
    """
    for place in list(_inside(schema)):
        for remark in place.keys() - _KEYWORDS:
            del place[remark]
        if "oneOf" in place:  # pydantic goes by tags; that no other branch fits is not asked
            place["anyOf"] = place.pop("oneOf")
        if place.get("contentMediaType") == "application/json":
            raise PydanticInvalidForJsonSchema(
                "it is a text that holds JSON once more. Use the type inside of `Json[…]` itself."
            )
        _complete_format(place)
        if place.get("uniqueItems") and not _few(place.get("items"), schema):
            del place["uniqueItems"]  # a set is read from items that are named twice, too
    return schema


def texts_of(schema: JsonSchemaValue) -> list[str] | None:
    """Return the texts that a schema lists, if it allows these strings and nothing else."""
    here = _resolved(schema, schema)
    if "const" in here:
        values = [here["const"]]
    elif "enum" in here:
        values = here["enum"]
    else:
        branches = here.get("anyOf")
        if not branches:
            return None
        values = []
        for branch in branches:
            inner = texts_of({**_resolved(branch, schema), "$defs": schema.get("$defs", {})})
            if inner is None:
                return None
            values += inner
    return values if values and all(isinstance(v, str) and v for v in values) else None


def is_any_text(schema: JsonSchemaValue) -> bool:
    """Whether a schema allows every string and nothing else."""
    remarks = {"title", "description", "default", "examples", "deprecated"}
    return {k: v for k, v in schema.items() if k not in remarks} == {"type": "string"}


def _closed(schema: JsonSchemaValue) -> JsonSchemaValue:
    if "properties" in schema or schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    return schema


def _dated(pattern: str, zone: Any) -> JsonSchemaValue:
    """Return a text with an offset, without one, or as it likes, as pydantic says it."""
    offset = {"naive": "", "aware": _OFFSET}.get(zone, f"{_OFFSET}?")
    return {"type": "string", "pattern": f"^(?:{pattern}){offset}$"}


def _complete_format(place: dict[str, Any]) -> None:
    if place.get("pattern") == _BYTE_SIZE:
        place["pattern"] = "^[0-9]{1,15}(?:[.][0-9]{1,3})? ?(?:[KMGTP]i?)?B$"
    kind = place.get("format")
    if not isinstance(kind, str):
        return
    if kind in _HOPELESS:
        raise PydanticInvalidForJsonSchema(_HOPELESS[kind])
    if kind not in formats.CHECKED:
        del place["format"]
        if kind in _PATTERNS:
            place["pattern"] = f"^{_PATTERNS[kind]}$"


def _few(items: Any, whole: JsonSchemaValue) -> bool:
    """Whether an item is one of a list of values, so that none need be named twice."""
    if not isinstance(items, dict):
        return False
    here = _resolved(items, whole)
    return "enum" in here or "const" in here or here.get("type") == "boolean"


def _resolved(place: dict[str, Any], whole: JsonSchemaValue) -> dict[str, Any]:
    reference = place.get("$ref", "")
    if not reference.startswith("#/$defs/"):
        return place
    return whole.get("$defs", {}).get(reference.removeprefix("#/$defs/"), place)


def _inside(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all schemas within one, but no values of `enum`, `const`, `default`, `examples`."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key in ("properties", "$defs", "patternProperties"):
                for inner in value.values():
                    yield from _inside(inner)
            elif key not in ("enum", "const", "default", "examples", "required", "discriminator"):
                yield from _inside(value)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _inside(inner)
