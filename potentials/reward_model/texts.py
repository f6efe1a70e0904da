"""Texts of solutions: splitting into steps, and what is taken out before a model reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smc.errors import PromptError, SettingsError
from smc.model import Prompt


def split_steps(text: str, mark: str = "\n\n") -> tuple[tuple[str, ...], str]:
    r"""Return the steps that a text has finished, and what it has of the next one.

    Args:
        text: A solution, or its beginning.
        mark: Ends a step and belongs to it.

    Example:
        >>> split_steps("one\n\ntwo\n\nthr")
        (('one\n\n', 'two\n\n'), 'thr')
    """
    if not mark:
        raise SettingsError("reward model: the mark that ends a step is empty; expected text.")
    *whole, rest = text.split(mark)
    return tuple(f"{step}{mark}" for step in whole), rest


def question_of(prompt: Prompt) -> str:
    """Return the problem that a prompt poses: the text, or the last user message of a chat.

    Raises:
        PromptError: Token ids, or a chat without a user's message.
    """
    if isinstance(prompt, str):
        return prompt
    messages = [m for m in prompt if isinstance(m, Mapping)]
    asked = [m["content"] for m in messages if m.get("role") == "user"]
    if not asked:
        raise PromptError(
            f"reward model: got the prompt {str(prompt)[:80]!r}; expected text, or chat messages "
            "of which one is the user's. Pass question= with a function from your prompts to text."
        )
    return asked[-1]


def clean(tokenizer: Any, text: str, mark: str = "") -> str:
    """Return a text without anything that the tokenizer would read as a special token.

    Args:
        tokenizer: Whose special tokens are meant.
        text: From a language model or a user.
        mark: A further string that is taken out.
    """
    text = text.encode("utf-8", "replace").decode()
    unwanted = [s for s in (*_special_strings(tokenizer), mark) if s]
    changed = True
    while changed:  # what is left may join to another one
        changed = False
        for special in unwanted:
            if special in text:
                text, changed = text.replace(special, ""), True
    return text


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Return how many elements two sequences have in common at their beginning."""
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return i
    return min(len(a), len(b))


def _special_strings(tokenizer: Any) -> list[str]:
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    return [*tokenizer.all_special_tokens, *(str(t) for t in added if t.special)]
