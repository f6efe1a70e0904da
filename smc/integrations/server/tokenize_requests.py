"""The bodies of requests for token ids, and for their text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

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
    def is_chat(self) -> bool:
        """Whether it needs a chat template."""
        return self.messages is not None

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


class DetokenizeRequest(BaseModel):
    """Of /detokenize, as vLLM has it."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = None
    tokens: Annotated[
        list[Annotated[int, Field(ge=0, lt=1 << 31)]], Field(max_length=1 << 20, fail_fast=True)
    ]
    is_chat: ClassVar[bool] = False
