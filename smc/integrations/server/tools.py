"""Tools: the functions that a request offers, and which of them the answer may or must call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from smc.integrations.tool_calls import CallRules

_MOST_TOOLS = 128
_NOTHING = {"type": "object", "properties": {}}

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]


class Function(BaseModel):
    """A function that the model may call.

    Attributes:
        parameters: The JSON schema of its arguments, an object; names that it does not name are
            none, unless it says so. Without one there are no arguments.
        strict: Of no account: arguments are always valid by the schema.
    """

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    @field_validator("parameters")
    @classmethod
    def _of_an_object(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value and value.get("type", "object") != "object":
            raise ValueError('expected a schema with "type": "object"')
        return value

    @property
    def schema_of_arguments(self) -> dict[str, Any]:
        """Of its arguments."""
        return {"type": "object", **(self.parameters or _NOTHING)}


class Tool(BaseModel):
    """A tool; there are functions alone."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["function"]
    function: Function

    def for_template(self) -> dict[str, Any]:
        """Return what the chat template is told."""
        told = {
            "name": self.function.name,
            "description": self.function.description or "",
            "parameters": self.function.schema_of_arguments,
        }
        return {"type": "function", "function": told}


class _Named(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str


class NamedChoice(BaseModel):
    """The one function that must be called."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["function"] = "function"
    function: _Named


Tools = Annotated[list[Tool], Field(max_length=_MOST_TOOLS, fail_fast=True)]
ToolChoice = Literal["none", "auto", "required"] | NamedChoice


def call_rules(
    tools: Sequence[Tool],
    choice: ToolChoice | None,
    *,
    several: bool,
    alone: tuple[str, str] | None,
) -> CallRules | None:
    """Return which calls an answer may have; None where it can have none.

    Args:
        tools: What is offered.
        choice: None: as the model likes.
        several: Whether there may be more than one.
        alone: The constraint on an answer without calls.

    Raises:
        ValueError: The choice is of what is not offered, or there is a constraint that calls
            cannot stand beside.
    """
    functions = {tool.function.name: tool.function.schema_of_arguments for tool in tools}
    if len(functions) < len(tools):
        raise ValueError("tools: two have the same name")
    if isinstance(choice, NamedChoice):
        name = choice.function.name
        if name not in functions:
            known = ", ".join(functions) or "none"
            raise ValueError(f"tool_choice: {name[:100]!r} is none of the tools: {known}")
        functions = {name: functions[name]}
    if choice == "required" and not functions:
        raise ValueError("tool_choice: required, and there are no tools")
    if not functions or choice == "none":
        return None
    required = choice is not None and choice != "auto"
    if required:
        alone = None
    elif alone is not None and alone[0] not in ("json_schema", "compact_json"):
        raise ValueError(
            f"tools: beside a {alone[0]} there is no room for calls; expected a JSON schema, or "
            'tool_choice="none" or "required"'
        )
    several = several and not isinstance(choice, NamedChoice)
    return CallRules(functions, required=required, several=several, alone=alone)


def tools_size(tools: Sequence[Tool]) -> int:
    """Return the characters that they have in a prompt."""
    return sum(len(json.dumps(tool.for_template())) for tool in tools)
