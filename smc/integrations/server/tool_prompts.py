"""Tools in prompts of models whose chat template knows none: described in the system message."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from smc.integrations.tool_calls import BEGIN, END, call_text
from smc.model import Chat

_DESCRIPTION = (
    "You may call one or more of these functions:\n<tools>\n{tools}\n</tools>\n\n"
    "To call one, write its name and its arguments as JSON:\n"
    f'{BEGIN}\n{{{{"name": <name>, "arguments": <object>}}}}\n{END}'
)


def writes_calls(template: Any) -> bool:
    """Whether a chat template knows tools, and calls as `smc.integrations.tool_calls` has them.

    Args:
        template: Of a tokenizer: text, or texts by name.
    """
    texts = template.values() if isinstance(template, Mapping) else [template or ""]
    return any(
        "tools" in text and BEGIN in text and "arguments" in text and "<function=" not in text
        for text in texts
    )


def described(chat: Chat) -> Chat:
    """Return a chat that says in plain messages which tools there are, were called, and answered.

    One that has nothing to do with tools is as it was.
    """
    messages: list[dict[str, Any]] = []
    for message in chat.messages:
        if message["role"] != "tool":
            messages.append(_plain(message))
            continue
        answer = f"<tool_response>\n{message['content']}\n</tool_response>"
        before = messages[-1] if messages else None
        if before is not None and before.get("answers"):
            before["content"] += f"\n{answer}"
        else:
            messages.append({"role": "user", "content": answer, "answers": True})
    for message in messages:
        message.pop("answers", None)
    return Chat(
        _with_tools(messages, chat.tools) if chat.tools else messages,
        chat.continue_final_message,
        chat.template_kwargs,
    )


def _plain(message: Mapping[str, Any]) -> dict[str, Any]:
    plain = {k: v for k, v in message.items() if k != "tool_calls"}
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    if not calls:
        return plain
    text = call_text([(c["name"], _read(c["arguments"])) for c in calls])
    plain["content"] = f"{plain['content']}\n{text}" if plain["content"] else text
    return plain


def _read(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _with_tools(
    messages: Sequence[dict[str, Any]], tools: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    text = _DESCRIPTION.format(tools="\n".join(json.dumps(t, ensure_ascii=False) for t in tools))
    if messages and messages[0]["role"] in ("system", "developer"):
        first = {**messages[0], "content": f"{messages[0]['content']}\n\n{text}"}
        return [first, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]
