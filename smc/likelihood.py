"""The likelihood of a text: log p(text | prompt) under a language model, in its tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from smc.door import adjusted
from smc.errors import PromptError, SettingsError
from smc.model import BlockDecoding, Decoding, LanguageModel, Prompt, Tokenizes


def log_prob(
    model: LanguageModel,
    prompt: Prompt,
    text: str | Sequence[int],
    *,
    ends: bool = True,
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
) -> float:
    """Return the log probability that the model goes on from a prompt with a text.

    A text has many spellings in tokens. Of a `str` this is the probability of the one that the
    tokenizer writes, which is no more than that of the text (all spellings together), and mostly
    nearly all of it. Of token ids, those of a `TextSequence` say, it is exact.

    Args:
        model: Any language model.
        prompt: Text, chat messages, or token ids.
        text: Text, or token ids, which may end with an end-of-sequence token.
        ends: Whether the text ends there, so that the probability of an end (of any of the
            model's end-of-sequence tokens) counts; False: what any text that begins so has.
        temperature: Of the model; None: its own. So are the next two; see `smc.sample`.
        top_p: Likewise.
        top_k: Likewise.

    Returns:
        At most 0; −inf where the model cannot write it.

    Raises:
        SettingsError, PromptError: See their messages.

    Example:
        >>> from smc.backends.table import TableModel
        >>> model = TableModel.constant({"a": 0.5, "b": 0.25}, eos=0.25)
        >>> round(log_prob(model, "", "ab"), 6) == round(math.log(0.5 * 0.25 * 0.25), 6)
        True
    """
    model = adjusted(model, temperature, top_p, top_k)
    vocabulary = model.vocabulary
    ids = _ids(model, text)
    if ids and ids[-1] in vocabulary.eos_set:
        ends = False  # it is told which end
    if any(i in vocabulary.eos_set for i in ids[:-1]):
        raise PromptError(
            f"text: its token ids {list(ids)!r:.120} end before the last; expected one text."
        )
    decoding = model.start([prompt], vocabulary, len(ids) + ends)
    total = _extended(decoding, ids) if ids else 0.0
    if ends and total > -math.inf:
        total += float(np.logaddexp.reduce(decoding.log_probs()[0, list(vocabulary.eos_ids)]))
    return min(total, 0.0)


def _ids(model: LanguageModel, text: str | Sequence[int]) -> tuple[int, ...]:
    if not isinstance(text, str):
        ids = tuple(int(i) for i in text if isinstance(i, int | np.integer))
        size = len(model.vocabulary)
        if len(ids) != len(text) or any(not 0 <= i < size for i in ids):
            raise PromptError(
                f"text: got {text!r:.120}; expected text, or token ids from 0 to {size - 1}."
            )
        return ids
    if not isinstance(model, Tokenizes):
        raise SettingsError(
            f"text: got a text, and {model!r:.80} does not say how it is written in tokens; "
            "expected token ids. Give these, or the model a method tokenize (smc.model.Tokenizes)."
        )
    return model.tokenize(text)


def _extended(decoding: Decoding, ids: Sequence[int]) -> float:
    """Return the log probability of some tokens, and have the only row stand behind them."""
    row = np.zeros(1, dtype=np.int64)
    if isinstance(decoding, BlockDecoding):
        return float(decoding.extend(row, np.asarray([ids], dtype=np.int64)).sum())
    total = 0.0
    for token in ids:
        total += float(decoding.log_probs()[0, token])
        decoding.advance(row, np.asarray([token], dtype=np.int64))
    return total
