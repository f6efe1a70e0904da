"""What all token potentials together say of the rows of a batch: what enters the proposal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from smc.model import Vocabulary
from smc.scoring import Asker, Request


def combined_scores(
    asked: Iterable[tuple[Asker, Sequence[int], Sequence[Request]]],
    size: int,
    vocabulary: Vocabulary,
) -> tuple[NDArray[np.uint32] | None, NDArray[np.float32] | None]:
    """Return the packed masks and the log scores of a batch, None where nobody has any.

    Args:
        asked: Each token potential with the rows that it is asked about, and the request of each;
            a row may be there twice.
        size: Rows of the batch. Those that nobody is asked about are free.
        vocabulary: Of the model.

    Returns:
        `[R, W]` masks and `[R, V]` log scores.
    """
    mask: NDArray[np.uint32] | None = None
    log_scores: NDArray[np.float32] | None = None
    for asker, where, requests in asked:
        bits, scores = asker.token_scores(requests)
        if bits is not None:
            mask = all_allowed(size, vocabulary) if mask is None else mask
            mask[where] &= bits
        if scores is not None:
            if log_scores is None:
                log_scores = np.zeros((size, len(vocabulary)), dtype=np.float32)
            for r, row_scores in zip(where, scores, strict=True):  # twice where it is there twice
                log_scores[r] += row_scores
    return mask, log_scores


def all_allowed(size: int, vocabulary: Vocabulary) -> NDArray[np.uint32]:
    """Return `[R, W]` packed masks that allow every token in every row."""
    words = len(vocabulary.eos_mask)
    return np.full((size, words), np.iinfo(np.uint32).max, dtype=np.uint32)
