"""The body of a request for token ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smc.integrations.server.messages import Message
from smc.integrations.server.neutral_fields import without_neutral_fields
from smc.model import Chat


class TokenizeRequest(BaseModel):
    """Of /tokenize, as vLLM has it."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = None
    prompt: str | None = None
    messages: list[Message] | None = Field(default=None, max_length=10_000, fail_fast=True)

    @model_validator(mode="before")
    @classmethod
    def _that_say_something(cls, given: Any) -> Any:
        return without_neutral_fields(given) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _one(self) -> TokenizeRequest:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("expected either prompt or messages")
        return self

    @property
    def prompts(self) -> Sequence[Any]:
        """The one text or conversation."""
        if self.messages is not None:
            return [Chat([m.for_template() for m in self.messages])]
        return [self.prompt]

    @property
    def prompt_size(self) -> int:
        """Characters of it."""
        if self.messages is not None:
            return sum(m.size for m in self.messages)
        return len(self.prompt or "")
