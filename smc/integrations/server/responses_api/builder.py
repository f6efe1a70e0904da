"""The body of a response: its items, and the request that it answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from smc.integrations.server.choices import chosen, sequence_of
from smc.integrations.server.logprobs import LogProbs
from smc.integrations.server.responses import facts_of
from smc.integrations.server.responses_api.request import ResponsesRequest
from smc.integrations.tool_calls import Call, CallingText
from smc.posterior import Posterior


@dataclass(frozen=True)
class ResponsesBuilder:
    """Shapes of one response.

    Attributes:
        request: What is asked.
        calls: Whether texts are read for the tools that they call.
        id: Of the response.
        created: Seconds since 1970.
    """

    request: ResponsesRequest
    calls: bool
    id: str = field(default_factory=lambda: f"smc-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(
        self,
        posteriors: Sequence[Posterior],
        prompt_tokens: int,
        *,
        n: int,
        draw: bool,
        seed: int,
        logprobs: Sequence[LogProbs] | None = None,
        echoes: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Return the body of a response that is not streamed; see `ResponseBuilder.whole`."""
        (posterior,) = posteriors
        (text,) = chosen(posterior, 1, draw=draw, seed=seed)
        said = self.read(text, ended=True)
        told = [] if logprobs is None else logprobs[0].of_message(text)["content"]
        items = [self.message(new_id("msg"), said.content, told)] if said.content else []
        items += [self.call(new_id("fc"), new_id("call"), call) for call in said.calls]
        return self.body(
            items or [self.message(new_id("msg"), "")], posterior, text, prompt_tokens, seed
        )

    def read(self, text: str, *, ended: bool) -> CallingText:
        """Return what a text says, and what it calls; see `ResponseBuilder.read`."""
        return CallingText.of(text, ended=ended) if self.calls else CallingText(text)

    def body(
        self,
        items: Sequence[dict[str, Any]],
        posterior: Posterior,
        text: str,
        prompt_tokens: int,
        seed: int,
    ) -> dict[str, Any]:
        """Return the body of a response that is done."""
        sequence = sequence_of(posterior, text)
        cut = sequence.truncated and not self.read(text, ended=True).calls
        spent = len(sequence.tokens)
        return self.begun("incomplete" if cut else "completed") | {
            "output": list(items),
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "usage": {
                "input_tokens": prompt_tokens,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": spent,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": prompt_tokens + spent,
            },
            "smc": [facts_of(posterior, seed)],
        }

    def begun(self, status: str = "in_progress") -> dict[str, Any]:
        """Return the body of a response without output."""
        asked, more = self.request, self.request.model_extra or {}
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "metadata": {},
            "model": asked.model,
            "output": [],
            "parallel_tool_calls": more.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "store": False,
            "temperature": more.get("temperature", 1.0),
            "text": asked.text or {"format": {"type": "text"}},
            "tool_choice": asked.tool_choice or "auto",
            "tools": [{"strict": True, **tool} for tool in asked.tools],
            "top_p": more.get("top_p", 1.0),
            "truncation": "disabled",
            "usage": None,
        }

    def message(
        self, name: str, text: str | None, logprobs: Sequence[dict[str, Any]] = ()
    ) -> dict[str, Any]:
        """Return an item of text; None: one that is begun."""
        done = text is not None
        return {
            "id": name,
            "type": "message",
            "role": "assistant",
            "status": "completed" if done else "in_progress",
            "content": [part(text, logprobs)] if done else [],
        }

    def call(self, name: str, call_name: str, call: Call, *, done: bool = True) -> dict[str, Any]:
        """Return an item that calls a function."""
        return {
            "id": name,
            "type": "function_call",
            "call_id": call_name,
            "name": call.name,
            "arguments": call.arguments if done else "",
            "status": "completed" if done else "in_progress",
        }


def part(text: str, logprobs: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return the content of an item of text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(logprobs)}


def new_id(kind: str) -> str:
    """Return a fresh id."""
    return f"{kind}_{uuid.uuid4().hex[:24]}"
