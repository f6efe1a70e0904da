"""Encoding of solutions: token ids, and where in them the marks of steps stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smc.errors import ModelError


def marked(
    tokenizer: Any, parts: Sequence[str], mark: int, first: int, *, specials: bool = False
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Encode parts as one text, and find the marks that end all but the first of them.

    A part that spells the mark in a way of its own is encoded alone, and so is what follows it;
    what comes before it is as it would be without it.

    Returns:
        The ids, and the positions of the marks but for the `first` ones.
    """
    ids, marks = _as_one(tokenizer, parts, mark, specials=specials)
    if len(marks) != len(parts) - 1:
        sound = 1
        ids, marks = _as_one(tokenizer, parts[:1], mark, specials=specials)[0], []
        longer = _as_one(tokenizer, parts[:2], mark, specials=specials)
        while len(longer[1]) == sound:
            ids, marks = longer
            sound += 1
            longer = _as_one(tokenizer, parts[: sound + 1], mark, specials=specials)
        for part in parts[sound:]:
            ids += [i for i in encode(tokenizer, part) if i != mark] + [mark]
            marks.append(len(ids) - 1)
    return tuple(ids), tuple(marks[first:])


def _as_one(
    tokenizer: Any, parts: Sequence[str], mark: int, *, specials: bool
) -> tuple[list[int], list[int]]:
    """The ids of parts as one text, up to the mark that should be its end, and where marks are."""
    ids = encode(tokenizer, "".join(parts), specials=specials)
    while len(ids) > 1 and ids[-1] == tokenizer.eos_token_id:
        ids.pop()  # some tokenizers end every text
    return ids, [i for i, token in enumerate(ids) if token == mark]


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
