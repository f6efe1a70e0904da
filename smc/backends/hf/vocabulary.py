"""The vocabulary of a model, from its tokenizer and what it names as ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smc.backends.hf.token_bytes import eos_ids, token_bytes
from smc.errors import VocabularyError
from smc.model import Vocabulary


def vocabulary_of(
    tokenizer: Any, size: int, given_eos: Sequence[int] | None, model: Any = None
) -> Vocabulary:
    """Return the token ids, their bytes, and the ids that end a sequence.

    Args:
        tokenizer: A `transformers` tokenizer.
        size: V, the width of the logits.
        given_eos: Ids that end a sequence, in place of those that model and tokenizer name.
        model: Has a `generation_config` or a `config` that may name them; or None.

    Raises:
        VocabularyError: Nothing names an end, or the tokenizer's tokens cannot be read.
    """
    tokens = token_bytes(tokenizer, size)
    eos = eos_ids(tokenizer, model, size) if given_eos is None else given_eos
    if not eos:
        newlines = [i for i, b in enumerate(tokens) if b == b"\n"]
        raise VocabularyError(
            "model: neither its configuration nor its tokenizer names an end-of-sequence "
            "token, so no sequence could ever be complete; expected at least one. Pass "
            f"eos_ids= with the ids that shall end a sequence (a newline is {newlines})."
        )
    return Vocabulary(tokens, tuple(eos))


def check_width(vocabulary: Vocabulary, size: int) -> None:
    """Raise where a vocabulary is not of the logits' width.

    Raises:
        VocabularyError: See above.
    """
    if len(vocabulary) != size:
        raise VocabularyError(
            f"model: {size} logits a token, but the vocabulary has {len(vocabulary)} "
            "ids; expected as many. Use the model's own, or pad with None."
        )
