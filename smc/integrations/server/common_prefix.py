"""What a stream tells of texts that are not done: what all have in common, or the heaviest.

The longest common prefix of the particles is what no later resampling can change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_ROUNDING = 1e-9
"""By which weights that are equal may differ."""


def common_prefix(texts: Sequence[tuple[str, bool]], stop: Sequence[str] = ()) -> str:
    """Return what all particles with weight have in common.

    Every later particle descends from one of these, so the final answer begins with it, whichever
    it is. A tail that might be the beginning of a stop string, or an incomplete character, is
    held back.

    Args:
        texts: Of the particles with weight, each with whether it has ended; see `Run.texts`.
        stop: Strings that end a text.
    """
    if not texts:
        return ""
    common = shared_beginning(min(texts)[0], max(texts)[0])  # what these share, all share
    if all(ended for _, ended in texts):
        return common
    common = common.rstrip("\N{REPLACEMENT CHARACTER}")
    return common[: len(common) - _begun(common, stop)]


def leader(texts: Mapping[tuple[str, bool], float], told: str, stop: Sequence[str] = ()) -> str:
    """Return the text with the most weight, as far as it may be told by itself.

    Of several with as much, one that begins with what was told, if there is one, and the longest.

    Args:
        texts: Weights of the texts with weight, by text and whether it has ended.
        told: So far.
        stop: Strings that end a text.
    """
    if not texts:
        return told
    least = max(texts.values()) * (1 - _ROUNDING)
    heaviest = [common_prefix([text], stop) for text, weight in texts.items() if weight >= least]
    return max(heaviest, key=lambda text: (text.startswith(told), len(text)))


def shared_beginning(one: str, other: str) -> str:
    """Return the longest text that both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))]


def _begun(text: str, stop: Sequence[str]) -> int:
    """How many characters at the end may be the beginning of a stop string."""
    sizes = (n for mark in stop for n in range(1, len(mark) + 1) if text.endswith(mark[:n]))
    return max(sizes, default=0)
