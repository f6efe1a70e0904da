"""The body of a request for a response, and the chat that it comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smc.integrations.server.neutral_fields import without_neutral_fields
from smc.integrations.server.requests import ChatRequest

_LOGPROBS = "message.output_text.logprobs"
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "background": (False,),
    "include": ([],),
    "reasoning": ({},),
    "truncation": ("disabled",),
    "top_logprobs": (0,),
}
_SAID = ("input_text", "output_text", "text")


class ResponsesRequest(BaseModel):
    """Of /v1/responses; fields that are not here are those of a chat.

    Nothing is stored: a conversation comes whole with each request.
    """

    model_config = ConfigDict(extra="allow")

    model: str
    input: str | Annotated[list[dict[str, Any]], Field(min_length=1, max_length=10_000)]
    instructions: str | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    tools: list[dict[str, Any]] = Field(default=[], max_length=128)
    tool_choice: str | dict[str, Any] | None = None
    text: dict[str, Any] = Field(default={})
    include: list[str] = Field(default=[], max_length=16)
    top_logprobs: int | None = Field(default=None, ge=0, le=20)

    @model_validator(mode="before")
    @classmethod
    def _that_say_something(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        told = without_neutral_fields(given)
        return {n: v for n, v in told.items() if v not in _NEUTRAL.get(n, ())}

    def as_chat(self) -> ChatRequest:
        """Return it as a request of the chat route.

        Raises:
            ValueError: It asks for what there is not, or is malformed.
        """
        more = dict(self.model_extra or {})
        refused = {"messages", "n", "stream_leading", "response_format"} & more.keys()
        if refused:
            raise ValueError(f"{min(refused)}: unknown, or not supported by this route")
        if self.max_output_tokens is not None:
            more["max_tokens"] = self.max_output_tokens
        if strange := set(self.include) - {_LOGPROBS}:
            raise ValueError(f"include: {min(strange)[:100]!r} is not supported; leave it out")
        if self.include or self.top_logprobs:
            more |= {"logprobs": True, "top_logprobs": self.top_logprobs or 0}
        if self.tools:
            more["tools"] = [_tool(tool) for tool in self.tools]
        choice = self.tool_choice
        if isinstance(choice, dict) and "function" not in choice:
            choice = {"type": choice.get("type"), "function": {"name": choice.get("name")}}
        return ChatRequest.model_validate(
            {
                **more,
                "model": self.model,
                "messages": list(self._messages()),
                "tool_choice": choice,
                "response_format": _format(self.text),
            }
        )

    def _messages(self) -> Iterator[dict[str, Any]]:
        if self.instructions:
            yield {"role": "system", "content": self.instructions}
        if isinstance(self.input, str):
            yield {"role": "user", "content": self.input}
            return
        said: dict[str, Any] | None = None  # the assistant's, whose calls may follow
        for place, item in enumerate(self.input):
            kind = item.get("type", "message")
            if kind == "function_call":
                said = said or {"role": "assistant", "content": ""}
                said.setdefault("tool_calls", []).append(_call(item))
                continue
            if kind == "reasoning":
                continue
            if said is not None:
                yield said
                said = None
            message = _message(item, kind, f"input.{place}")
            if message["role"] == "assistant":
                said = message
            else:
                yield message
        if said is not None:
            yield said


def _message(item: Mapping[str, Any], kind: Any, where: str) -> dict[str, Any]:
    if kind == "function_call_output":
        output = _text(item.get("output"), f"{where}.output")
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": output}
    if kind != "message" or "role" not in item:
        raise ValueError(
            f"{where}: got {kind!r:.100}; expected a message with a role, a function_call or a "
            "function_call_output"
        )
    return {"role": item["role"], "content": _text(item.get("content"), f"{where}.content")}


def _text(content: Any, where: str) -> str:
    if isinstance(content, str):
        return content
    parts: Sequence[Any] = content if isinstance(content, list) else [None]
    said = [p.get("text") for p in parts if isinstance(p, dict) and p.get("type") in _SAID]
    texts = [text for text in said if isinstance(text, str)]
    if len(texts) < len(parts):
        raise ValueError(f"{where}: expected text, or parts of text alone")
    return "".join(texts)


def _call(item: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": item.get("name"), "arguments": item.get("arguments", "{}")}
    return {"id": item.get("call_id"), "type": "function", "function": function}


def _tool(given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("type") != "function":
        raise ValueError(
            f"tools: got one of type {given.get('type')!r:.100}; there are functions alone"
        )
    return {"type": "function", "function": {n: v for n, v in given.items() if n != "type"}}


def _format(text: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what `text.format` asks for, in the chat route's words."""
    if strange := text.keys() - {"format", "verbosity"}:
        raise ValueError(f"text: {min(strange)[:100]!r} is not supported; leave it out")
    given = text.get("format")
    if not isinstance(given, dict) or given.get("type") != "json_schema":
        return given
    kind: Literal["json_schema"] = "json_schema"
    return {"type": kind, kind: {n: v for n, v in given.items() if n != "type"}}
