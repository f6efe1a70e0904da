"""Rehearsal of a grammar: masks along a few random sentences, to find out what cannot run.

Rules over single characters can be exact and yet too ambiguous to be masked: the engine then stops
at a limit in the middle of a text. Better to hear of it before the first token is drawn.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

_WALKS = 3
_LONGEST_WALK = 10
_MOST_LOOKED_AT = 4000  # tokens of one mask


def rehearse(
    mask_of: Callable[[bytes], NDArray[np.uint32]], tokens: Sequence[bytes | None]
) -> float:
    """Return the seconds of processor time that a mask takes (the median).

    Args:
        mask_of: Gives the packed row of the tokens, followed by the 256 bytes, after a text.
        tokens: `[V]` the bytes of each token; None for ids that are not text.

    Raises:
        PotentialError: What `mask_of` raises where the engine fails.
    """
    rng = random.Random(0)
    texts = [*tokens, *(bytes([b]) for b in range(256))]
    seconds: list[float] = []
    for _ in range(_WALKS):
        text = b""
        for _ in range(_LONGEST_WALK):
            began = time.thread_time()
            row = mask_of(text)
            seconds.append(time.thread_time() - began)
            token = _chosen(row, texts, rng)
            if token is None:
                break
            text += token
    return median(seconds)


def _chosen(
    row: NDArray[np.uint32], texts: Sequence[bytes | None], rng: random.Random
) -> bytes | None:
    """Return an allowed token of text: first its first byte, then which, so that all kinds come."""
    bits = np.unpackbits(row.view(np.uint8), bitorder="little")[: len(texts)]
    by_first: dict[int, list[bytes]] = {}
    allowed = np.flatnonzero(bits)
    for i in allowed[:: 1 + len(allowed) // _MOST_LOOKED_AT]:
        token = texts[i]
        if token and token.isascii():
            by_first.setdefault(token[0], []).append(token)
    if not by_first:
        return None
    return rng.choice(by_first[rng.choice(sorted(by_first))])
