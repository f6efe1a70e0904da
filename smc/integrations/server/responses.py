"""Response bodies, in OpenAI's shapes, with weights and evidence beside them."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from smc.integrations.server.choices import chosen, sequence_of
from smc.integrations.server.logprobs import LogProbs
from smc.integrations.tool_calls import END, Call, CallingText
from smc.posterior import Posterior, TextSequence


@dataclass(frozen=True)
class ResponseBuilder:
    """Shapes of one answer.

    Attributes:
        model: Name.
        chat: Whether the route is that of conversations.
        calls: Whether texts are read for the tools that they call.
        id: Of the answer.
        created: Seconds since 1970.
    """

    model: str
    chat: bool
    calls: bool = False
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
        """Return the body of an answer that is not streamed.

        Args:
            posteriors: One for each prompt, none extinct.
            prompt_tokens: Of all prompts.
            n: Choices for each prompt.
            draw: Draw them by weight; else the n most probable texts, the last repeated where
                there are fewer.
            seed: Of the draws, and of the first prompt; the next one's is one more.
            logprobs: Of the texts of each posterior, where they are told.
            echoes: What stands before each prompt's texts, where that is told.
        """
        choices, completion_tokens = [], 0
        for place, posterior in enumerate(posteriors):
            weight_of = posterior.probabilities()
            for text in chosen(posterior, n, draw=draw, seed=seed + place):
                sequence = sequence_of(posterior, text)
                completion_tokens += len(sequence.tokens)
                choices.append(
                    {
                        "index": len(choices),
                        **self._content(text, "" if echoes is None else echoes[place]),
                        "logprobs": logprobs and self.logprobs(logprobs[place], text),
                        "finish_reason": self.reason(sequence),
                        "weight": weight_of[text],
                    }
                )
        return {
            **self._head("chat.completion" if self.chat else "text_completion"),
            "choices": choices,
            "usage": usage_of(prompt_tokens, completion_tokens),
            "smc": [facts_of(p, seed + i) for i, p in enumerate(posteriors)],
        }

    def read(self, text: str, *, ended: bool) -> CallingText:
        """Return what a text says and what it calls; of all but conversations with tools nothing.

        Args:
            text: All of it, or a beginning.
            ended: Which of these.
        """
        return CallingText.of(text, ended=ended) if self.calls else CallingText(text)

    def reason(self, sequence: TextSequence) -> str:
        """Return why a text ended: OpenAI's `finish_reason`."""
        calls = self.read(sequence.text, ended=True).calls
        if calls and (not sequence.truncated or sequence.text.endswith(END)):
            return "tool_calls"
        return "length" if sequence.truncated else "stop"

    def logprobs(self, known: LogProbs, text: str) -> dict[str, Any]:
        """Return the `logprobs` of a choice."""
        return known.of_message(text) if self.chat else known.of_completion(text)

    def _content(self, text: str, echo: str) -> dict[str, Any]:
        if not self.chat:
            return {"text": echo + text}
        said = self.read(text, ended=True)
        message: dict[str, Any] = {"role": "assistant", "content": said.content}
        if said.calls:
            message["content"] = said.content or None
            message["tool_calls"] = [new_call(call) for call in said.calls]
        return {"message": message}

    def chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """Return an event of a stream."""
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return {**self._head(kind), "choices": choices}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def error_body(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """Return an error as OpenAI's clients expect it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def new_call(call: Call) -> dict[str, Any]:
    """Return a call, with an id of its own."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}


def usage_of(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Return counts of tokens."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def facts_of(posterior: Posterior, seed: int) -> dict[str, Any]:
    """Return what an answer tells of a posterior, in `smc`."""
    return {
        "seed": seed,
        "log_evidence": posterior.log_evidence,
        "ess": posterior.ess,
        "status": posterior.status.value,
        "truncated_share": posterior.truncated_share,
        "texts": [s.text for s in posterior.sequences],
        "truncated": [s.truncated for s in posterior.sequences],
        "log_weights": [w if math.isfinite(w) else None for w in posterior.log_weights.tolist()],
        "particle_tokens": posterior.num_tokens,
    }
