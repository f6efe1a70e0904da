"""Texts to token ids, and where in them the marks of steps stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smc.errors import ModelError


def marked(
    tokenizer: Any, parts: Sequence[str], mark: int, first: int, *, specials: bool = False
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Encode parts as one text, and find the marks that end all but the first of them.

    Returns:
        The ids, and the positions of the marks but for the `first` ones.
    """
    ids = encode(tokenizer, "".join(parts), specials=specials)
    while ids and ids[-1] != mark and len(parts) > 1:
        ids.pop()  # an end of sequence that the tokenizer adds
    marks = [i for i, token in enumerate(ids) if token == mark]
    if len(marks) != len(parts) - 1:  # a text that spells the mark in a way of its own
        ids, marks = encode(tokenizer, parts[0], specials=specials), []
        for part in parts[1:]:
            own = encode(tokenizer, part)
            ids += [i for i in own if i != mark] + [mark]
            marks.append(len(ids) - 1)
    return tuple(ids), tuple(marks[first:])


def encode(tokenizer: Any, text: str, *, specials: bool = False) -> list[int]:
    """Return the ids of a text; `specials`: with what the tokenizer puts around a text."""
    return list(tokenizer(text, add_special_tokens=specials)["input_ids"])


def chat_ids(tokenizer: Any, turns: Sequence[Mapping[str, str]], *, answer_next: bool) -> list[int]:
    """Return the ids of a conversation; `answer_next`: up to where the answer begins.

    Raises:
        ModelError: The tokenizer has no chat template.
    """
    if not tokenizer.chat_template:
        raise ModelError(
            "reward model: this format needs a chat template, and the tokenizer has none; expected "
            "the tokenizer that the model was published with. Set tokenizer.chat_template."
        )
    return list(
        tokenizer.apply_chat_template(
            list(turns), add_generation_prompt=answer_next, tokenize=True, return_dict=False
        )
    )


def last_id(tokenizer: Any, text: str) -> int:
    """Return the last id of a text.

    Raises:
        ModelError: It has none.
    """
    ids = encode(tokenizer, text)
    if not ids:
        raise ModelError(
            f"reward model: the tokenizer has no token for {text!r}, the format's mark."
        )
    return ids[-1]


def only_id(tokenizer: Any, text: str) -> int:
    """Return the one id of a text.

    Raises:
        ModelError: It has none, or several.
    """
    ids = encode(tokenizer, text)
    if len(ids) != 1:
        raise ModelError(
            f"reward model: {text!r} is {len(ids)} tokens of this tokenizer; expected one, the "
            "mark of the format. Is it the tokenizer that the model was published with?"
        )
    return ids[0]
