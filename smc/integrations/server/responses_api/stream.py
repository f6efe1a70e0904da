"""The stream of a response: typed events, numbered, each item from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smc.integrations.server.jobs import TextUpdate
from smc.integrations.server.logprobs import LogProbs
from smc.integrations.server.responses_api.builder import ResponsesBuilder, new_id, part
from smc.integrations.server.streams import event
from smc.integrations.tool_calls import Call
from smc.posterior import Posterior


@dataclass
class _Item:
    """An item that was begun.

    Attributes:
        name: Its id.
        call_name: Of a call: the id that its answer names.
        told: Characters of its text or arguments so far.
        done: Of a call: whether its end was told.
    """

    name: str
    call_name: str = ""
    told: int = 0
    done: bool = False


class ResponsesStream:
    """Tells a response as its text comes.

    Args:
        builder: Of the response.
    """

    def __init__(self, builder: ResponsesBuilder) -> None:
        self._builder = builder
        self._text = ""
        self._number = -1
        self._message: _Item | None = None
        self._calls: list[_Item] = []

    def first(self) -> str:
        """Return the events that begin a stream."""
        begun = {"response": self._builder.begun()}
        return self._event("created", begun) + self._event("in_progress", begun)

    def piece(self, text: str) -> str:
        """Return the events of a further piece of settled text, if there are any."""
        self._text += text
        return self._told(ended=False)

    def update(self, update: TextUpdate) -> str:
        """Leading texts are refused on this route.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError

    def last(
        self,
        posterior: Posterior,
        prompt_tokens: int,
        *,
        seed: int,
        logprobs: LogProbs | None = None,
    ) -> str:
        """Return what is left to tell, and the whole response; see `ChoiceStream.last`."""
        self._text = text = posterior.best or ""
        scores = [] if logprobs is None else logprobs.of_message(text)["content"]
        left = self._told(ended=True)
        said = self._builder.read(text, ended=True)
        if self._message is None and not said.calls:  # a text of nothing is one
            left += self._begin_message()
        items = []
        if self._message is not None:
            left += self._end_message(self._message, said.content, scores)
            items.append(self._builder.message(self._message.name, said.content, scores))
        for item, call in zip(self._calls, said.calls, strict=True):
            left += self._end_call(item, call)
            items.append(self._builder.call(item.name, item.call_name, call))
        body = self._builder.body(items, posterior, text, prompt_tokens, seed)
        return left + self._event(body["status"], {"response": body})

    def failed(self, body: dict[str, Any]) -> str:
        """Return an error as the end of a stream that has begun."""
        error = body["error"]
        self._number += 1
        told = {"type": "error", "sequence_number": self._number, "param": None}
        told |= {"code": error["type"], "message": error["message"]}
        return event(told, "error")

    def _told(self, *, ended: bool) -> str:
        said, events = self._builder.read(self._text, ended=ended), ""
        if said.content and self._message is None:
            events += self._begin_message()
        message = self._message
        if message is not None and len(said.content) > message.told:
            told = {"delta": said.content[message.told :], "logprobs": []}
            events += self._event("output_text.delta", told, message)
            message.told = len(said.content)
        for place, call in enumerate(said.calls):
            if place == len(self._calls):
                for item, earlier in zip(self._calls, said.calls, strict=False):
                    events += self._end_call(item, earlier)
                events += self._begin_call(call)
            item = self._calls[place]
            if len(call.arguments) > item.told:
                told = {"delta": call.arguments[item.told :]}
                events += self._event("function_call_arguments.delta", told, item)
                item.told = len(call.arguments)
        return events

    def _begin_message(self) -> str:
        self._message = _Item(new_id("msg"))
        added = {"item": self._builder.message(self._message.name, None)}
        return self._event("output_item.added", added, self._message) + self._event(
            "content_part.added", {"part": part("")}, self._message
        )

    def _end_message(self, message: _Item, text: str, logprobs: list[dict[str, Any]]) -> str:
        whole = self._builder.message(message.name, text, logprobs)
        return (
            self._event("output_text.done", {"text": text, "logprobs": logprobs}, message)
            + self._event("content_part.done", {"part": part(text, logprobs)}, message)
            + self._event("output_item.done", {"item": whole}, message)
        )

    def _begin_call(self, call: Call) -> str:
        item = _Item(new_id("fc"), new_id("call"))
        self._calls.append(item)
        added = {"item": self._builder.call(item.name, item.call_name, call, done=False)}
        return self._event("output_item.added", added, item)

    def _end_call(self, item: _Item, call: Call) -> str:
        if item.done:
            return ""
        item.done = True
        told = {"name": call.name, "arguments": call.arguments}
        whole = {"item": self._builder.call(item.name, item.call_name, call)}
        return self._event("function_call_arguments.done", told, item) + self._event(
            "output_item.done", whole, item
        )

    def _event(self, kind: str, body: dict[str, Any], of: _Item | None = None) -> str:
        """Return an event; one that is of an item says of which."""
        self._number += 1
        told = {"type": f"response.{kind}", "sequence_number": self._number, **body}
        if of is not None:
            before = self._message is not None and of is not self._message
            told["output_index"] = before + (self._calls.index(of) if of in self._calls else 0)
            if "item" not in body:
                told["item_id"] = of.name
            if kind.startswith(("output_text", "content_part")):
                told["content_index"] = 0
        return event(told, told["type"])
