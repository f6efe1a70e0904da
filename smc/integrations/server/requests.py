"""Request bodies of completions and of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, field_validator, model_validator

from smc.integrations.server.generation_request import GenerationRequest, checked
from smc.integrations.server.messages import Message
from smc.integrations.server.prompts import checked_prompt
from smc.integrations.server.tools import ToolChoice, Tools, call_rules, tools_size
from smc.integrations.tool_calls import CallRules
from smc.model import Chat

MOST_TOP_LOGPROBS = 20


class CompletionRequest(GenerationRequest):
    """Of /v1/completions."""

    prompt: Annotated[str | list[str] | list[int] | list[list[int]], PlainValidator(checked_prompt)]
    echo: bool = False
    logprobs: int | None = Field(default=None, ge=0, le=MOST_TOP_LOGPROBS)
    best_of: Literal[1] | None = None
    suffix: None = None

    @model_validator(mode="after")
    def _one_stream(self) -> CompletionRequest:
        if self.stream and len(self.prompts) > 1:
            raise ValueError("stream goes with one prompt")
        if self.stream and self.echo:
            raise ValueError("stream goes without echo")
        return self

    @field_validator("logprobs", mode="before")
    @classmethod
    def _how_many(cls, value: Any) -> Any:
        return (1 if value else None) if isinstance(value, bool) else value

    @property
    def top_of_logprobs(self) -> int | None:
        """How many of the most probable tokens are told; None: no log probabilities are."""
        return self.logprobs

    @property
    def echoes(self) -> bool:
        """Whether the answer repeats the prompt."""
        return self.echo

    @property
    def prompts(self) -> Sequence[Any]:
        """One or more texts, or lists of token ids."""
        if isinstance(self.prompt, str) or isinstance(self.prompt[0], int):
            return [self.prompt]
        return self.prompt

    @property
    def prompt_size(self) -> int:
        """Characters, or token ids, of all prompts."""
        return sum(map(len, self.prompts))


class ChatRequest(GenerationRequest):
    """Of /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1, max_length=10_000, fail_fast=True)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool = False
    top_logprobs: int = Field(default=0, ge=0, le=MOST_TOP_LOGPROBS)
    tools: Tools = Field(default=[])
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool = True
    continue_final_message: bool = False
    add_generation_prompt: bool | None = None
    chat_template_kwargs: dict[str, Any] = Field(default={})

    @model_validator(mode="after")
    def _texts(self) -> ChatRequest:
        if self.max_completion_tokens is not None:
            self.max_tokens = self.max_completion_tokens
        for message in self.messages:
            _ = message.text
        if self.top_logprobs and not self.logprobs:
            raise ValueError("top_logprobs goes with logprobs=true")
        if self.stream_leading and self.call_rules() is not None:
            raise ValueError("stream_leading goes without tools: calls are told once they settle")
        if self.add_generation_prompt not in (None, not self.continue_final_message):
            raise ValueError("add_generation_prompt goes with continue_final_message=false")
        return self

    @property
    def top_of_logprobs(self) -> int | None:
        """How many of the most probable tokens are told; None: no log probabilities are."""
        return self.top_logprobs if self.logprobs else None

    @property
    def echoes(self) -> bool:
        """Whether the answer repeats the prompt."""
        return False

    def call_rules(self) -> CallRules | None:
        """Return which tools the answer may call, and how; None where it calls none.

        Raises:
            ValueError: They are not as they should be, or stand beside another constraint.
        """
        return call_rules(
            self.tools,
            self.tool_choice,
            several=self.parallel_tool_calls,
            alone=super().constraint(),
        )

    def constraint(self) -> tuple[str, str] | None:
        """Return the one constraint; with tools it is on the calls too."""
        rules = self.call_rules()
        return super().constraint() if rules is None else checked("tool_calls", rules.as_text())

    @property
    def prompts(self) -> Sequence[Any]:
        """The one conversation."""
        offered = self.tools if self.tool_choice != "none" else ()
        return [
            Chat(
                [m.for_template() for m in self.messages],
                self.continue_final_message,
                self.chat_template_kwargs,
                [tool.for_template() for tool in offered] or None,
            )
        ]

    @property
    def prompt_size(self) -> int:
        """Characters of the messages, and of what is said of tools."""
        return sum(m.size for m in self.messages) + tools_size(self.tools)
