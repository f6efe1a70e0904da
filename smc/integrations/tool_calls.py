"""Tool calls as text: what a model may write, and how it is read.

The form is that of Hermes 2 Pro and Qwen (`<tool_call>`, a JSON object, `</tool_call>`). Models
whose chat template has another are told of this one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smc.potential import AnyPotential

if TYPE_CHECKING:
    from potentials import MaskLimits

BEGIN = "<tool_call>"
END = "</tool_call>"
_CALL_BEGINS = re.compile(r'\s*\{"name": ?"([^"\\]*)", ?"arguments": ?(?=\{)')
_OPENS = frozenset("$ref $dynamicRef additionalProperties allOf anyOf if oneOf".split())
"""Beside these what a schema does not name is the schema's own affair."""
_SIGNS = re.compile(r'["{}]')
_STRING_ENDS = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True)
class CallRules:
    """Which calls a text may have.

    Attributes:
        functions: From the name of each to the JSON schema of its arguments.
        required: Whether the text is calls and nothing else; if not, it is free up to the first.
        several: Whether there may be more than one.
        alone: What a text without a call must be, as kind and text for `constraints`:
            `json_schema` or `compact_json`. None: anything.
    """

    functions: Mapping[str, Mapping[str, Any]]
    required: bool = False
    several: bool = True
    alone: tuple[str, str] | None = None

    def as_text(self) -> str:
        """Return them as JSON."""
        return json.dumps(vars(self))

    @classmethod
    def of_text(cls, text: str) -> CallRules:
        """Read what `as_text` wrote."""
        return cls(**json.loads(text))


def call_constraint(rules: CallRules, limits: MaskLimits | None = None) -> AnyPotential:
    """Return the potential of texts whose calls are valid by the schemas of their functions.

    Raises:
        GrammarError: A schema is malformed, or cannot be carried exactly.
    """
    from potentials import JSONSchema, after_mark
    from potentials.grammar.framed_json import FramedJSON

    schema = {"anyOf": [_call(name, given) for name, given in rules.functions.items()]}
    between = f"\n{BEGIN}\n" if rules.several else None
    if rules.required or rules.alone is not None:
        alone = None
        if rules.alone is not None and not rules.required:
            space = False if rules.alone[0] == "compact_json" else None
            alone = JSONSchema(rules.alone[1], whitespace=space, limits=limits)
        return FramedJSON(
            schema, f"{BEGIN}\n", f"\n{END}", between=between, alone=alone, limits=limits
        )
    calls = FramedJSON(schema, "\n", f"\n{END}", between=between, limits=limits)
    return after_mark(calls, BEGIN, required=False)


def _call(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {**parameters, "$id": f"function-{name}"}  # references within mean this schema
    if not _OPENS & parameters.keys():
        arguments["additionalProperties"] = False
    return {
        "type": "object",
        "properties": {"name": {"const": name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Call:
    """A call that a text makes.

    Attributes:
        name: Of the function.
        arguments: A JSON object as text; the beginning of one where the text goes on.
    """

    name: str
    arguments: str


@dataclass(frozen=True)
class CallingText:
    """A text, taken apart.

    Attributes:
        content: Before the first call.
        calls: In order.
    """

    content: str
    calls: tuple[Call, ...] = ()

    @classmethod
    def of(cls, text: str, *, ended: bool) -> CallingText:
        """Take a text apart.

        Args:
            text: All of it, or a beginning.
            ended: Which of these. Of a beginning, what may still turn out to belong to a mark is
                held back, so that the parts of a longer one begin with those of a shorter one.
        """
        content, mark, rest = text.partition(BEGIN)
        if not mark and ended:
            return cls(text)
        if not mark:
            return cls(_without_begun(text).rstrip())
        calls: list[Call] = []
        while mark:
            begins = _CALL_BEGINS.match(rest)
            if begins is None:
                break
            end = _object_end(rest, begins.end())
            calls.append(Call(begins[1], rest[begins.end() : end]))
            _, mark, rest = rest[end:].partition(BEGIN)
        if ended and not calls:  # a mark, and no call behind it
            return cls(text)
        return cls(content.rstrip(), tuple(calls))


def call_text(calls: Sequence[tuple[str, Any]]) -> str:
    """Return the text of calls.

    Args:
        calls: Names, and arguments as objects.
    """
    objects = ({"name": name, "arguments": arguments} for name, arguments in calls)
    return "\n".join(f"{BEGIN}\n{json.dumps(o, ensure_ascii=False)}\n{END}" for o in objects)


def _without_begun(text: str) -> str:
    """Return a text without what may be the beginning of a mark."""
    sizes = (n for n in range(len(BEGIN) - 1, 0, -1) if text.endswith(BEGIN[:n]))
    return text[: len(text) - next(sizes, 0)]


def _object_end(text: str, at: int) -> int:
    """Return where the JSON object that begins at a character ends; the end where it goes on."""
    depth = 0
    while (sign := _SIGNS.search(text, at)) is not None:
        at = sign.end()
        if sign[0] == '"':
            string = _STRING_ENDS.match(text, at)
            if string is None:
                break
            at = string.end()
        else:
            depth += 1 if sign[0] == "{" else -1
            if not depth:
                return at
    return len(text)
