"""Replies of an OpenAI-compatible endpoint, read as extensions by a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smc.backends.http import Passing
from smc.errors import EndpointError
from smc.steps.protocol import Extension

_STOP_FIELDS = ("stop_reason", "matched_stop")
"""Where servers say which stop string they met: vLLM, SGLang."""
_MOST_TOKENS = 2**31


def read_reply(reply: Any, mark: str, *, cuts: bool) -> Extension:
    """Return the extension that an answer stands for.

    Args:
        reply: The JSON of a completion or a chat completion.
        mark: What a step ends with.
        cuts: Whether the server was asked to stop at the mark; a text that holds it all the same
            is cut here.

    Raises:
        Passing: The answer makes no sense.
    """
    choice = _choice(reply)
    text, reason = _text(choice), choice.get("finish_reason")
    tokens = _num_tokens(reply, text)
    if reason == "content_filter":
        error = EndpointError(
            "endpoint: a filter of the server withheld the rest of a text; expected the text. Use "
            "another prompt or model."
        )
        return Extension(text, False, tokens, error=error)
    if reason not in ("stop", "length"):
        raise Passing(f"finish_reason is {reason!r}, expected 'stop' or 'length'")
    at = text.find(mark)
    if at >= 0:
        return Extension(text[: at + len(mark)], False, tokens)
    if reason == "length":  # the most tokens of a step: the next goes on from it
        return Extension(text, False, tokens, truncated=not text)
    named = [choice[name] for name in _STOP_FIELDS if name in choice]
    # Where it is not said whether the mark or the end was met, only an empty text is an end.
    at_mark = cuts and (mark in named if named else text != "")
    return Extension(text + mark if at_mark else text, not at_mark, tokens)


def _choice(reply: Any) -> Mapping[str, Any]:
    choices = reply.get("choices") if isinstance(reply, dict) else None
    if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
        raise Passing(f"the answer has no choices: {str(reply)[:200]}")
    return choices[0]


def _text(choice: Mapping[str, Any]) -> str:
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    if text is None and isinstance(message, dict):
        text = ""  # a chat that ends at once
    if not isinstance(text, str):
        raise Passing(f"the answer's text is {text!r}, expected a string")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _num_tokens(reply: Mapping[str, Any], text: str) -> int:
    """Tokens as the server counts them; where it does not, four bytes are taken for one.

    At least one: the end takes a token, too, and what is limited by tokens comes to an end.
    """
    usage = reply.get("usage")
    count = usage.get("completion_tokens") if isinstance(usage, dict) else None
    if isinstance(count, int) and not isinstance(count, bool) and 0 < count < _MOST_TOKENS:
        return count
    return max(1, -(-len(text.encode()) // 4))
