"""Chat prompts: messages as token ids, by the template that comes with the tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from smc.errors import PromptError
from smc.model import Chat

# What the template is asked for here, so that nobody asks for it otherwise.
_OWN = {
    "tokenize",
    "return_dict",
    "return_tensors",
    "add_generation_prompt",
    "continue_final_message",
    "conversation",
    "tools",
}


def encode_chat(tokenizer: Any, chat: Chat) -> list[int]:
    """Return the token ids of a chat, ready for the assistant's next words.

    Raises:
        PromptError: There is no template, it refuses the messages, or one of them is malformed.
    """
    if not tokenizer.chat_template:
        raise PromptError(
            "prompt: got chat messages, but the tokenizer has no chat template; expected text or "
            "token ids. Use an instruction-tuned model, or set tokenizer.chat_template."
        )
    messages = [_message(i, m) for i, m in enumerate(chat.messages)]
    goes_on = chat.continue_final_message
    if goes_on:
        _check_prefill(messages)
    if own := _OWN & chat.template_kwargs.keys():
        raise PromptError(
            f"prompt: template_kwargs has {', '.join(sorted(own))}; expected what the template "
            "itself reads, such as enable_thinking. What the chat is to be is said by the fields "
            "of smc.Chat."
        )
    try:
        ids = tokenizer.apply_chat_template(
            messages,
            tools=None if chat.tools is None else list(chat.tools),
            add_generation_prompt=not goes_on,
            continue_final_message=goes_on,
            tokenize=True,
            return_dict=False,
            **chat.template_kwargs,
        )
    except Exception as error:  # a template is a program of the model's author
        raise PromptError(
            f"prompt: the model's chat template refused the messages: {error}. Expected "
            "{'role': …, 'content': …} in the order that the model was trained on."
        ) from error
    return list(ids)


def _message(index: int, message: Any) -> dict[str, Any]:
    """Return a message as templates take it: content that is text, and no JSON in JSON."""
    where = f"prompt: message {index}"
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise PromptError(f"{where}: got {message!r:.120}; expected {{'role': …, 'content': …}}.")
    plain = dict(message)
    if plain.get("content") is None:
        plain["content"] = ""  # an assistant that only calls tools
    elif not isinstance(plain["content"], str):
        plain["content"] = _text_of_parts(where, plain["content"])
    if calls := plain.get("tool_calls"):
        plain["tool_calls"] = [_call(call) for call in calls]
    return plain


def _text_of_parts(where: str, parts: Any) -> str:
    if not isinstance(parts, Sequence):
        raise PromptError(f"{where}: its content is {parts!r:.120}; expected text, or parts of it.")
    texts = []
    for part in parts:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            got = repr(part)[:120] if kind in (None, "text") else f"a part of type {kind!r}"
            raise PromptError(
                f"{where}: got {got}; expected parts {{'type': 'text', 'text': …}}: the model "
                "reads text alone."
            )
        texts.append(part["text"])
    return "".join(texts)


def _call(call: Any) -> Any:
    """Return a call with its arguments as an object, where a client sent them as JSON."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not (isinstance(function, Mapping) and isinstance(function.get("arguments"), str)):
        return call
    try:
        arguments = json.loads(function["arguments"])
    except ValueError:
        return call
    return {**call, "function": {**function, "arguments": arguments}}


def _check_prefill(messages: Sequence[Mapping[str, Any]]) -> None:
    last = messages[-1] if messages else None
    if last is None or last["role"] != "assistant" or not last["content"].strip():
        raise PromptError(
            f"prompt: continue_final_message is set, and the last message is {last!r:.120}; "
            "expected the assistant's, with the text to go on from."
        )
