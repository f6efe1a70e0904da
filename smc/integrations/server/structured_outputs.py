"""Structured outputs: what a request says of the form of its answer, as kinds and texts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class StructuredOutputs(BaseModel):
    """vLLM's `structured_outputs`; exactly one constraint.

    With `disable_any_whitespace` a JSON document has no white space between its parts: weak models
    write little else where they may.
    """

    model_config = ConfigDict(extra="forbid")

    grammar: str | None = None
    regex: str | None = None
    json_schema: str | dict[str, Any] | None = Field(default=None, alias="json")
    choice: Annotated[list[str], Field(fail_fast=True)] | None = None
    disable_any_whitespace: bool = False

    @model_validator(mode="after")
    def _some_constraint(self) -> StructuredOutputs:
        if not constraints_of(self):
            raise ValueError("expected one of grammar, regex, json, choice")
        return self


def schema_text(given: str | dict[str, Any]) -> str:
    """Return a JSON schema as text."""
    return given if isinstance(given, str) else json.dumps(given)


def choice_pattern(given: Sequence[str]) -> str:
    """Return the pattern of one of these texts.

    Raises:
        ValueError: There are none, or an empty one.
    """
    if not given or not all(given):
        raise ValueError("choice: expected texts, none of them empty")
    return "|".join(re.escape(c) for c in given)


def constraints_of(given: StructuredOutputs | None) -> list[tuple[str, str]]:
    """Return the kinds and texts of what `structured_outputs` holds."""
    if given is None:
        return []
    constraints = [("grammar", given.grammar), ("regex", given.regex)]
    if given.json_schema is not None:
        kind = "compact_json" if given.disable_any_whitespace else "json_schema"
        constraints.append((kind, schema_text(given.json_schema)))
    if given.choice is not None:
        constraints.append(("regex", choice_pattern(given.choice)))
    return [(kind, text) for kind, text in constraints if text is not None]


def constraints_of_format(given: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Return the kind and text of what `response_format` asks for, if it asks for anything.

    Raises:
        ValueError: It is none of OpenAI's.
    """
    kind = "text" if given is None else given.get("type")
    if kind == "text":
        return []
    if kind == "json_object":
        return [("json_schema", '{"type": "object"}')]
    assert given is not None
    wrapped = given.get("json_schema")
    schema = wrapped.get("schema") if isinstance(wrapped, dict) else None
    if kind != "json_schema" or not isinstance(schema, dict):
        raise ValueError(
            'response_format: expected {"type": "json_schema", "json_schema": {"schema": …}}, '
            '{"type": "json_object"} or {"type": "text"}'
        )
    return [("json_schema", schema_text(schema))]
