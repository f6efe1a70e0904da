"""The token ids of prompts, and whether they fit a context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from smc.backends.hf.chats import encode_chat
from smc.errors import PromptError
from smc.model import Chat, Prompt


def encode(tokenizer: Any, prompt: Prompt, num_ids: int) -> tuple[int, ...]:
    """Return a prompt's token ids.

    Text gets what the tokenizer puts before a text (a BOS, say), and nothing behind it. An empty
    prompt becomes BOS, or EOS where the model has no BOS.

    Args:
        tokenizer: A `transformers` tokenizer.
        prompt: Text, chat messages or token ids.
        num_ids: How many ids the model's embedding knows.

    Raises:
        PromptError: No chat template, messages that it refuses, ids out of range, or an empty
            prompt without a token to begin with.
    """
    if isinstance(prompt, str):
        ids = _encode_text(tokenizer, prompt)
    elif isinstance(prompt, bytes) or not isinstance(prompt, Iterable):
        raise PromptError(
            f"prompt: got {prompt!r}; expected text (str), chat messages, or token ids."
        )
    elif isinstance(prompt, Chat):
        ids = encode_chat(tokenizer, prompt)
    else:
        items: list[Any] = list(prompt)
        messages = bool(items) and isinstance(items[0], Mapping)
        ids = encode_chat(tokenizer, Chat(items)) if messages else _as_ids(items)
    if not ids:
        ids = [_first_id(tokenizer)]
    outside = [i for i in ids if not 0 <= i < num_ids]
    if outside:
        raise PromptError(
            f"prompt: token ids {outside[:5]} are outside 0..{num_ids - 1}; expected ids that "
            "the model knows. Do the tokenizer and the model belong together?"
        )
    return tuple(ids)


def check_fits(ids: Sequence[int], max_tokens: int, context: int | None) -> None:
    """Raise PromptError where a prompt leaves fewer than `max_tokens` of the context."""
    if context is not None and len(ids) + max_tokens > context:
        raise PromptError(
            f"prompt: {len(ids)} tokens and max_tokens={max_tokens} more do not fit the model's "
            f"context of {context}; expected a prompt of at most {max(context - max_tokens, 0)} "
            "tokens. Shorten it, or lower max_tokens."
        )


def _encode_text(tokenizer: Any, text: str) -> list[int]:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(
            f"prompt: {error}; expected text that can be written as UTF-8. Replace lone surrogates."
        ) from error
    ids = list(tokenizer(text)["input_ids"])
    if not ids or ids[-1] not in tokenizer.all_special_ids:
        return ids
    bare = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    for start in range(len(ids) - len(bare) + 1):  # what follows would end the text
        if ids[start : start + len(bare)] == bare:
            return ids[: start + len(bare)]
    return ids


def _as_ids(items: Sequence[Any]) -> list[int]:
    wrong = [i for i in items if not isinstance(i, int | np.integer)]
    if wrong:
        raise PromptError(
            f"prompt: got {wrong[0]!r} in a sequence; expected text, chat messages (mappings with "
            "role and content), or token ids (integers)."
        )
    return [int(i) for i in items]


def _first_id(tokenizer: Any) -> int:
    for i in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if i is not None:
            return int(i)
    raise PromptError(
        "prompt: empty, and the tokenizer has no BOS or EOS token to begin with; expected at "
        "least one token."
    )
