"""Token ids of a question with its answer, and of the feedback that follows as a user's turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smc.errors import PromptError
from smc.model import Chat, Prompt

BEHIND_TEXT = "\n\n{feedback}"
"""How feedback follows an answer to a prompt that is plain text."""


def turn_ids(
    model: Any, prompt: Prompt, answer: str, feedback: str, behind: str = BEHIND_TEXT
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids of question and answer, and those of the feedback behind them.

    Args:
        model: A `TransformersModel`.
        prompt: The question: chat messages get the feedback as a user's message.
        answer: What the model wrote.
        feedback: What is said of it.
        behind: How it follows where the prompt is no chat.

    Raises:
        PromptError: They cannot be encoded, or do not fit the context.
    """
    messages = _messages(prompt)
    if messages is None:
        before = model.encode(prompt, 1) + model.tokenize(answer)
        after = model.tokenize(behind.format(feedback=feedback))
    else:
        answered = [*messages, {"role": "assistant", "content": answer}]
        before = _rendered(model.tokenizer, answered)
        whole = _rendered(model.tokenizer, [*answered, {"role": "user", "content": feedback}])
        if whole[: len(before)] != before:
            raise PromptError(
                "prompt: the model's chat template writes an answer otherwise once a turn follows; "
                "expected one that only appends. Give the question as text."
            )
        after = whole[len(before) :]
    if model.context is not None and len(before) + len(after) > model.context:
        raise PromptError(
            f"prompt: question, answer and feedback have {len(before) + len(after)} tokens; "
            f"expected at most {model.context}, the model's context. Lower max_tokens."
        )
    return before, after


def _messages(prompt: Prompt) -> list[Mapping[str, Any]] | None:
    """The messages of a chat; None of other prompts."""
    if isinstance(prompt, Chat):
        return list(prompt.messages)
    if isinstance(prompt, str) or not isinstance(prompt, Sequence):
        return None
    items: list[Any] = list(prompt)
    return items if items and isinstance(items[0], Mapping) else None


def _rendered(tokenizer: Any, messages: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    return tuple(tokenizer.apply_chat_template(list(messages), tokenize=True, return_dict=False))
