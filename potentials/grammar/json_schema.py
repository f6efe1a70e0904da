"""A JSON schema as an exact token mask."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from potentials.grammar.llguidance import NO_FORCING, MaskLimits
from potentials.grammar.mask_potential import MaskPotential
from potentials.grammar.matchers import GrammarState
from potentials.grammar.scheduling import GrammarVerdict
from smc.errors import GrammarError

Schema = Mapping[str, Any] | bool

_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SCHEMAS = frozenset({"items", "additionalProperties"})
_VALUES = frozenset(
    "type const enum required minimum maximum exclusiveMinimum exclusiveMaximum multipleOf "
    "minLength maxLength pattern format minItems maxItems minProperties maxProperties $ref".split()
)
_REMARKS = frozenset(
    "title description default examples deprecated readOnly writeOnly "
    "contentEncoding contentMediaType $comment $schema $id".split()
)


class JSONSchema(MaskPotential):
    """The JSON documents that a schema allows, in one spelling, as a constraint on every token.

    The schema is one of draft 2020-12. The spelling: properties come in the schema's order, those
    that it does not name last; integers have no fraction or exponent, nor has a number with bounds
    an exponent; characters that need no escape are not escaped where the schema
    says what a string looks like; names in an object are unique. So every sentence is a valid
    document, but a valid document may have a spelling that is not a sentence. Nothing stands
    before or after the document. Formats are checked as far as a pattern can.

    Args:
        schema: As a dict, or its JSON text.
        whitespace: Whether any JSON whitespace may stand between the parts of the document. If
            not, the separators below are the only spelling.
        item_separator: Between items; `", "` is how `json.dumps` writes.
        key_separator: Between a name and its value; `": "` is how `json.dumps` writes.
        max_threads: How many threads fill the masks of distinct texts; None: all cores, at most 8.
        limits: How much work one mask may cost before a `PotentialError`.

    Raises:
        GrammarError: The schema is malformed, allows nothing, or has a keyword that the engine
            does not enforce or nobody knows; none is ignored.
    """

    def __init__(
        self,
        schema: Schema | str,
        *,
        whitespace: bool = True,
        item_separator: str = ",",
        key_separator: str = ":",
        max_threads: int | None = None,
        limits: MaskLimits | None = None,
    ) -> None:
        self.schema = _parsed(schema)
        for complaint in _complaints(self.schema, "#"):
            raise GrammarError(complaint)
        options = {
            "lenient": False,
            "coerce_one_of": False,
            "whitespace_flexible": whitespace,
            "item_separator": item_separator,
            "key_separator": key_separator,
        }
        text = json.dumps({**self.schema, "x-guidance": options})
        super().__init__(
            f"{NO_FORCING}start: %json {text}\n", limits=limits, max_threads=max_threads
        )

    def _judge(self, states: Sequence[GrammarState], *, rows: bool) -> list[GrammarVerdict]:
        r"""Judge texts; a document that names a property twice is no sentence.

        The engine compares names as they are written, so that an escape would slip a second value
        past the schema: `{"a": 1, "\u0061": "not a number"}`.
        """
        verdicts = super()._judge(states, rows=rows)
        return [
            GrammarVerdict(v.text, v.viable, False, v.row)
            if v.accepting and not _unique_names(s.text)
            else v
            for s, v in zip(states, verdicts, strict=True)
        ]


def _parsed(schema: Schema | str) -> Mapping[str, Any]:
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except ValueError as error:
            raise GrammarError(f"JSONSchema: the schema is not JSON: {error}.") from error
    if schema is True:
        return {}
    if not isinstance(schema, Mapping):
        raise GrammarError(
            f"JSONSchema: got {schema!r}, expected a schema: a dict, its JSON text, or True."
        )
    return schema


def _complaints(schema: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a schema's keywords: an unknown one would be ignored in silence."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        yield f"JSONSchema: {where} is {schema!r}, expected a schema (an object or a boolean)."
        return
    for key, value in schema.items():
        at = f"{where}/{key}"
        if key in _MAPS and isinstance(value, Mapping):
            for name, inner in value.items():
                yield from _complaints(inner, f"{at}/{name}")
        elif key in _LISTS and isinstance(value, list):
            for i, inner in enumerate(value):
                yield from _complaints(inner, f"{at}/{i}")
        elif key in _SCHEMAS:
            yield from _complaints(value, at)
        elif key in _MAPS or key in _LISTS:
            yield f"JSONSchema: {at} is {value!r}, expected schemas."
        elif key not in _VALUES and key not in _REMARKS:
            yield (
                f"JSONSchema: {at}: the keyword {key!r} is not enforced. Remove it, or check the "
                "document in a `Potential` of your own."
            )


def _unique_names(text: bytes) -> bool:
    """Whether no object of a JSON document has a name twice."""
    unique = True

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal unique
        unique = unique and len({name for name, _ in pairs}) == len(pairs)

    if b"{" in text:
        # Numbers stay text: Python limits how long a number it reads.
        json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)
    return unique
