"""Sets of characters as sorted, disjoint, inclusive ranges of code points.

The universe is what UTF-8 can spell: U+0000 to U+10FFFF without the surrogates.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

import numpy as np

Ranges = tuple[tuple[int, int], ...]

UNIVERSE: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))
EMPTY: Ranges = ()


def normal(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the ranges sorted, merged, and cut down to the universe."""
    merged: list[list[int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], high)
        elif low <= high:
            merged.append([low, high])
    return intersection([(low, high) for low, high in merged], UNIVERSE)


def intersection(a: Sequence[tuple[int, int]], b: Sequence[tuple[int, int]]) -> Ranges:
    """Return what is in both; each must be sorted and disjoint."""
    out: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if low <= high:
            out.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out)


def complement(a: Ranges) -> Ranges:
    """Return the universe without the set."""
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in a:
        if start < low:
            gaps.append((start, low - 1))
        start = high + 1
    gaps.append((start, 0x10FFFF))
    return normal(gaps)


def union(a: Ranges, b: Ranges) -> Ranges:
    """Return what is in either."""
    return normal([*a, *b])


def difference(a: Ranges, b: Ranges) -> Ranges:
    """Return what is in the first only."""
    return intersection(a, complement(b))


def single(char: str) -> Ranges:
    """Return the set of one character."""
    return normal([(ord(char), ord(char))])


def contains(a: Ranges, code: int) -> bool:
    """Return whether a code point is in the set."""
    i = bisect_right(a, (code, 0x110000)) - 1
    return i >= 0 and a[i][0] <= code <= a[i][1]


def size(a: Ranges) -> int:
    """Return how many characters the set has."""
    return sum(high - low + 1 for low, high in a)


# The only characters outside ASCII that match one in ASCII when case is ignored (a test looks).
FOLD_TO_ASCII = "\u0130\u0131\u017f\u212a"
_FEW = "".join(map(chr, range(0x80))) + FOLD_TO_ASCII


@lru_cache(maxsize=1)
def _all_text() -> str:
    return np.arange(0x110000, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _matched(regexp: str, flags: int) -> Ranges:
    """Return the characters that a one-character expression matches, by asking Python's `re`."""
    matches = re.compile(f"(?:{regexp})+", flags | re.DOTALL).finditer(_all_text())
    return normal((m.start(), m.end() - 1) for m in matches)


@cache
def category(letter: str, ascii_only: bool) -> Ranges:
    """Return Python's own digits, word characters or spaces (d, w, s), Unicode or ASCII."""
    return _matched(f"\\{letter}", re.ASCII if ascii_only else 0)


@lru_cache(maxsize=4096)
def ignore_case(a: Ranges, ascii_only: bool) -> Ranges:
    """Return what a class of these characters matches in Python when case is ignored.

    Python's own `re` is asked, so its foldings (`s` matches U+017F) are carried as they are.
    """
    if a in (EMPTY, UNIVERSE):
        return a
    if a[-1][1] < 0x80:
        match = re.compile(_class(a), re.IGNORECASE | (re.ASCII if ascii_only else 0)).match
        return normal((ord(c), ord(c)) for c in _FEW if match(c))
    return _matched(_class(a), re.IGNORECASE | (re.ASCII if ascii_only else 0))


def _class(a: Ranges) -> str:
    body = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in a)
    return f"[{body}]"
