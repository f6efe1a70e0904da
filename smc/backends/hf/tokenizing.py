"""Tokenizing: the ids with which a tokenizer writes a text that goes on from a prompt."""

from __future__ import annotations

from typing import Any

from smc.errors import PromptError
from smc.model import Vocabulary

_MARKS = ("\n", ".", "a")


def tokenize(tokenizer: Any, text: str, vocabulary: Vocabulary) -> tuple[int, ...]:
    """Return the ids of a text, which spell it byte by byte.

    A tokenizer that puts a space before a text (SentencePiece) is asked for the text behind a
    mark, whose ids are taken away again.

    Args:
        tokenizer: A `transformers` tokenizer.
        text: Without a beginning or an end of sequence.
        vocabulary: The bytes of its ids.

    Raises:
        PromptError: It is no text, or the ids would not spell it: it holds what the tokenizer
            changes or takes for a special token.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(f"text: {error}; expected text that UTF-8 can spell.") from error
    for mark in ("", *_MARKS):
        ids = _ids(tokenizer, mark + text)
        begin = _ids(tokenizer, mark) if mark else []
        if ids[: len(begin)] == begin and _spelled(ids[len(begin) :], vocabulary) == raw:
            return tuple(ids[len(begin) :])
    raise PromptError(
        f"text: the ids that the tokenizer gives {text[:60]!r} do not spell it (it normalises the "
        "text, or finds special tokens in it); give the token ids themselves, such as "
        "`posterior.sequences[i].tokens`."
    )


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _spelled(ids: list[int], vocabulary: Vocabulary) -> bytes | None:
    pieces = [vocabulary.tokens[i] if i < len(vocabulary) else None for i in ids]
    return None if None in pieces else b"".join(p for p in pieces if p)
