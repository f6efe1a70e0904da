"""Messages of a conversation, as clients send them and as the chat template is told them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MESSAGE_CHARS = 16


class CalledFunction(BaseModel):
    """What an earlier answer called."""

    model_config = ConfigDict(extra="ignore")

    name: str
    arguments: str = "{}"


class MadeCall(BaseModel):
    """A call that an earlier answer made."""

    model_config = ConfigDict(extra="ignore")

    id: str | None = None
    type: Literal["function"] = "function"
    function: CalledFunction


class Message(BaseModel):
    """Of a conversation; content as text, or as parts of text."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[dict[str, Any]], Field(fail_fast=True)] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: Annotated[list[MadeCall], Field(fail_fast=True)] | None = None

    @model_validator(mode="after")
    def _nothing_else(self) -> Message:
        if self.content is None and self.role != "assistant":
            raise ValueError("content: expected text")
        if self.tool_calls and self.role != "assistant":
            raise ValueError("tool_calls: expected in the assistant's messages alone")
        # Clients send back the messages that they got, with fields that say nothing.
        for name, value in (self.model_extra or {}).items():
            if value:
                raise ValueError(f"{name} is not supported; leave it out")
        return self

    @property
    def text(self) -> str:
        """The content.

        Raises:
            ValueError: A part is not text.
        """
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        if not all(
            p.get("type") == "text" and isinstance(p.get("text"), str) for p in self.content
        ):
            raise ValueError("messages: expected parts of text alone")
        return "".join(p["text"] for p in self.content)

    def for_template(self) -> dict[str, Any]:
        """Return what the chat template is told."""
        told: dict[str, Any] = {"role": self.role, "content": self.text}
        if self.tool_calls:
            told["tool_calls"] = [call.model_dump(exclude_none=True) for call in self.tool_calls]
        told |= {"name": self.name} if self.name else {}
        return told | ({"tool_call_id": self.tool_call_id} if self.tool_call_id else {})

    @property
    def size(self) -> int:
        """Characters, and some for what the template puts between messages."""
        calls = (call.function for call in self.tool_calls or ())
        called = sum(_MESSAGE_CHARS + len(c.name) + len(c.arguments) for c in calls)
        return _MESSAGE_CHARS + len(self.text) + called
