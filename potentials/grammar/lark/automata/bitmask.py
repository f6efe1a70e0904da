"""Bit masks as sets of small numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def members(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits of a mask, the lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def joined(masks: Iterable[int]) -> int:
    """Return the union of masks."""
    union = 0
    for mask in masks:
        union |= mask
    return union
