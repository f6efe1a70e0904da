"""Judged beginnings: each distinct beginning of some solutions is rated once, and remembered."""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableMapping, Sequence
from typing import TypeVar

from smc.steps.protocol import Solution

K = TypeVar("K", bound=Hashable)


def rated_beginnings(
    known: MutableMapping[tuple[K, str], float],
    key: K,
    solutions: Sequence[Solution],
    rate: Callable[[list[str]], Sequence[float]],
) -> list[tuple[float, ...]]:
    """Return for each solution the ratings of its beginnings, one for each step.

    Args:
        known: Ratings by key and beginning; `rate` adds what is to be remembered.
        key: What a rating depends on besides the text.
        solutions: Their steps.
        rate: Returns the ratings of distinct texts that are not known.
    """
    beginnings = [["".join(s[: k + 1]) for k in range(len(s))] for s in solutions]
    asked = dict.fromkeys(text for own in beginnings for text in own)
    rated = {text: known[key, text] for text in asked if (key, text) in known}
    new = [text for text in asked if text not in rated]
    if new:
        rated |= zip(new, rate(new), strict=True)
    return [tuple(rated[text] for text in own) for own in beginnings]
