"""The part of an answer that no later resampling can change."""

from __future__ import annotations

import numpy as np

from smc.posterior import Posterior


def settled_text(posterior: Posterior, stop: tuple[str, ...] = ()) -> str:
    """Return what all particles with weight have in common.

    Every later particle descends from one of these, so the final answer begins with it, whichever
    it is. A tail that might be the beginning of a stop string, or an incomplete character, is
    held back.

    Args:
        posterior: Of a run that may go on.
        stop: Strings that end a text.
    """
    alive = np.isfinite(posterior.log_weights)
    kept = [s for s, live in zip(posterior.sequences, alive, strict=True) if live]
    texts = [s.text for s in kept]
    if not texts:
        return ""
    first, last = min(texts), max(texts)  # what these share, all share
    pairs = enumerate(zip(first, last, strict=False))
    common = first[: next((i for i, (a, b) in pairs if a != b), len(first))]
    if all(s.finished for s in kept):
        return common
    common = common.rstrip("\N{REPLACEMENT CHARACTER}")
    return common[: len(common) - _begun(common, stop)]


def _begun(text: str, stop: tuple[str, ...]) -> int:
    """How many characters at the end may be the beginning of a stop string."""
    sizes = (n for mark in stop for n in range(1, len(mark) + 1) if text.endswith(mark[:n]))
    return max(sizes, default=0)
