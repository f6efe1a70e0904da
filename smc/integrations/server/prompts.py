"""Prompts of a completion: text, texts, token ids, or lists of these."""

from __future__ import annotations

from typing import Any

_MOST_PROMPTS = 128


def checked_prompt(value: Any) -> Any:
    """Return what a prompt may be; checked here, for a union makes an error of every element."""
    if isinstance(value, str) or _token_ids(value):
        return value
    if not isinstance(value, list) or not value:
        raise ValueError("expected at least one prompt: text, texts, token ids, or lists of these")
    if len(value) > _MOST_PROMPTS and not isinstance(value[0], int):
        raise ValueError(f"at most {_MOST_PROMPTS} prompts")
    if not all(isinstance(one, str) for one in value) and not all(map(_token_ids, value)):
        raise ValueError("expected text, texts, token ids, or lists of token ids (not empty)")
    return value


def _token_ids(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(one) is int for one in value)
