"""Ranks: the log probability of each token of a text, and the most probable ones in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from smc.model import Decoding, FloatArray, IntArray, LanguageModel, Prompt


@dataclass(frozen=True)
class RankedTokens:
    """Tokens of a block, and the most probable ones in their places.

    Attributes:
        log_probs: `[R, k]` log p of each token given all that is before it.
        top_ids: `[R, k, n]` the n most probable tokens there, the best first.
        top_log_probs: `[R, k, n]` their log p.
    """

    log_probs: FloatArray
    top_ids: IntArray
    top_log_probs: FloatArray


@runtime_checkable
class RankingDecoding(Decoding, Protocol):
    """A decoding that can say which tokens were most probable; nothing of size V comes back."""

    def extend_ranked(self, parents: IntArray, tokens: IntArray, top: int) -> RankedTokens:
        """As `BlockDecoding.extend`, without `HOLD`s, with the `top` most probable tokens."""
        ...


@dataclass(frozen=True)
class TokenLogProb:
    """A token of a text, and the most probable ones in its place.

    Attributes:
        token: Its id.
        log_prob: Log p of it, given all that is before it.
        top: Ids of the most probable tokens there and their log p, the best first.
    """

    token: int
    log_prob: float
    top: tuple[tuple[int, float], ...] = ()


def token_log_probs(
    model: LanguageModel, prompt: Prompt, tokens: Sequence[int], *, top: int = 0, block: int = 64
) -> Iterator[list[TokenLogProb]]:
    """Yield the log probabilities of a text's tokens, some tokens at a time.

    Args:
        model: Any language model.
        prompt: What the text goes on from.
        tokens: Of the text.
        top: How many of the most probable tokens are told at each place.
        block: Tokens at a time: one forward pass where the backend can (`RankingDecoding`).

    Raises:
        PromptError: They do not fit the model.

    Example:
        >>> import math
        >>> from smc.backends.table import TableModel
        >>> model = TableModel.constant({"a": 0.5, "b": 0.25}, eos=0.25)
        >>> [(first,)] = token_log_probs(model, "", [1], top=1)
        >>> round(math.exp(first.log_prob), 6), [token for token, _ in first.top]
        (0.25, [0])
    """
    decoding = model.start([prompt], model.vocabulary, len(tokens))
    row = np.zeros(1, dtype=np.int64)
    for begin in range(0, len(tokens), block):
        ids = np.asarray([tokens[begin : begin + block]], dtype=np.int64)
        if isinstance(decoding, RankingDecoding):
            ranked = decoding.extend_ranked(row, ids, top)
        else:
            ranked = _ranked_one_by_one(decoding, ids[0], top)
        parts = ranked.log_probs[0], ranked.top_ids[0], ranked.top_log_probs[0]
        yield [
            TokenLogProb(token, log_p, tuple(zip(best, best_log_p, strict=True)))
            for token, log_p, best, best_log_p in zip(
                ids[0].tolist(), *(part.tolist() for part in parts), strict=True
            )
        ]


def _ranked_one_by_one(decoding: Decoding, ids: IntArray, top: int) -> RankedTokens:
    """Take tokens by the only row of a decoding that does not rank them itself."""
    row = np.zeros(1, dtype=np.int64)
    top = min(top, decoding.log_probs().shape[1])
    log_probs, best = np.zeros((1, len(ids))), np.zeros((1, len(ids), top), dtype=np.int64)
    best_log_probs = np.zeros(best.shape)
    for place, token in enumerate(ids):
        (whole,) = decoding.log_probs()
        log_probs[0, place] = whole[token]
        best[0, place] = np.argsort(-whole, kind="stable")[:top]
        best_log_probs[0, place] = whole[best[0, place]]
        decoding.advance(row, np.asarray([token], dtype=np.int64))
    return RankedTokens(log_probs, best, best_log_probs)
