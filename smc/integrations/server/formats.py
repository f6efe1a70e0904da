"""Formats of answers: which builder, and which stream, a request has."""

from __future__ import annotations

from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.integrations.server.responses import ResponseBuilder
from smc.integrations.server.responses_api.builder import ResponsesBuilder
from smc.integrations.server.responses_api.request import ResponsesRequest
from smc.integrations.server.responses_api.stream import ResponsesStream
from smc.integrations.server.streams import ChoiceStream

Builder = ResponseBuilder | ResponsesBuilder


def builder_of(
    given: CompletionRequest | ChatRequest | ResponsesRequest,
    body: CompletionRequest | ChatRequest,
    reference: str,
) -> Builder:
    """Return the builder of an answer.

    Args:
        given: The request.
        body: What it comes to.
        reference: The id of the answer.
    """
    calls = isinstance(body, ChatRequest) and body.call_rules() is not None
    if isinstance(given, ResponsesRequest):
        return ResponsesBuilder(given, calls, id=reference)
    return ResponseBuilder(body.model, isinstance(body, ChatRequest), calls, id=reference)


def stream_of(builder: Builder, *, usage: bool) -> ChoiceStream | ResponsesStream:
    """Return the stream of an answer.

    Args:
        builder: Of the answer.
        usage: Whether the end has an event with the counts of tokens, where that is a choice.
    """
    if isinstance(builder, ResponsesBuilder):
        return ResponsesStream(builder)
    return ChoiceStream(builder, usage=usage)
