"""Streams of server-sent events: a text as it comes, its calls, and how it ended."""

from __future__ import annotations

import json
from typing import Any

from smc.integrations.server.choices import sequence_of
from smc.integrations.server.jobs import TextUpdate
from smc.integrations.server.logprobs import LogProbs
from smc.integrations.server.responses import (
    ResponseBuilder,
    facts_of,
    new_call,
    usage_of,
)
from smc.posterior import Posterior

DONE = "data: [DONE]\n\n"
"""The mark at the end of a stream."""


class ChoiceStream:
    """The stream of an answer with one choice.

    Args:
        builder: Shapes of the answer.
        usage: Whether the end has an event with the counts of tokens.
    """

    def __init__(self, builder: ResponseBuilder, *, usage: bool) -> None:
        self._builder = builder
        self._usage = usage
        self._text = ""
        self._content = 0  # characters of it that were told
        self._arguments: list[int] = []  # likewise of each call

    def first(self) -> str:
        """Return the event that begins a stream: who speaks, and no text yet."""
        if not self._builder.chat:
            return ""
        return self._event({"role": "assistant", "content": ""})

    def piece(self, text: str) -> str:
        """Return the events of a further piece of settled text, if there are any."""
        self._text += text
        return self._told(ended=False)

    def update(self, update: TextUpdate) -> str:
        """Return the event of a leading text: `keep` characters of what was told, and then this."""
        known = {"settled": update.settled}
        if update.keep < self._content:
            known["keep"] = update.keep
        self._content = update.keep + len(update.text)
        return self._event({"content": update.text}, smc=[known])

    def last(
        self,
        posterior: Posterior,
        prompt_tokens: int,
        *,
        seed: int,
        logprobs: LogProbs | None = None,
    ) -> str:
        """Return what is left to tell, the event that ends a stream, and the mark.

        Args:
            posterior: Not extinct.
            prompt_tokens: How many.
            seed: Of the answer.
            logprobs: Of the whole text, where they are told.
        """
        sequence = sequence_of(posterior, posterior.best or "")
        left = self._told(ended=True) if self._text else ""
        reason = self._builder.reason(sequence)
        scores = logprobs and self._builder.logprobs(logprobs, sequence.text)
        facts = [facts_of(posterior, seed)]
        end = self._event({}, reason=reason, logprobs=scores, smc=facts)
        counted = self._builder.chunk([])
        counted["usage"] = usage_of(prompt_tokens, len(sequence.tokens))
        return left + end + (event(counted) if self._usage else "") + DONE

    def failed(self, body: dict[str, Any]) -> str:
        """Return an error as the end of a stream that has begun."""
        return event(body) + DONE

    def _told(self, *, ended: bool) -> str:
        """Return the events of what the text says by now and was not told."""
        said = self._builder.read(self._text, ended=ended)
        events = []
        if len(said.content) > self._content:
            events.append(self._event({"content": said.content[self._content :]}))
            self._content = len(said.content)
        for index, call in enumerate(said.calls):
            if index == len(self._arguments):
                delta = {"index": index, **new_call(call)}
                self._arguments.append(len(call.arguments))
            elif len(call.arguments) > self._arguments[index]:
                more = call.arguments[self._arguments[index] :]
                delta = {"index": index, "function": {"arguments": more}}
                self._arguments[index] = len(call.arguments)
            else:
                continue
            events.append(self._event({"tool_calls": [delta]}))
        return "".join(events)

    def _event(
        self,
        delta: dict[str, Any],
        *,
        reason: str | None = None,
        logprobs: dict[str, Any] | None = None,
        **more: Any,
    ) -> str:
        content = {"delta": delta} if self._builder.chat else {"text": delta.get("content", "")}
        choice = {"index": 0, **content, "logprobs": logprobs, "finish_reason": reason}
        return event(self._builder.chunk([choice]) | more)


def event(body: dict[str, Any], kind: str | None = None) -> str:
    """Return a server-sent event.

    Args:
        body: Of it.
        kind: Its name, where it has one.
    """
    named = "" if kind is None else f"event: {kind}\n"
    return f"{named}data: {json.dumps(body, ensure_ascii=False)}\n\n"
