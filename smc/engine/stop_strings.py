"""Stop strings: where they cut a text, and the beginning of one that a text may end in.

A text that ends in a proper beginning of a stop string does not say yet what it will be: the string
may become whole, and the text ends before it; or it does not, and its beginning is text. Until then
the beginning is *held back*: potentials read the text before it, and catch up once it is text. So
the target is that of the final texts, wherever boundaries are, and however tokens are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class StopReading(NamedTuple):
    """What one more token makes of a text.

    Attributes:
        released: The bytes that are text for good now.
        held: Those behind them, which may be the beginning of a stop string.
        ends: Whether a stop string is whole, so that the text is over.
    """

    released: bytes
    held: bytes
    ends: bool


class StopStrings:
    """Reads tokens for stop strings, as bytes: any of both may begin and end inside the other.

    Args:
        strings: None of them empty.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        self.marks = tuple(dict.fromkeys(s.encode() for s in strings))
        self.beginnings = frozenset(m[:size] for m in self.marks for size in range(1, len(m)))
        self._longest = max(map(len, self.beginnings), default=0)

    def __bool__(self) -> bool:
        return bool(self.marks)

    def read(self, held: bytes, new: bytes) -> StopReading:
        """Read a token; a text ends before the first of the stop strings that the token completes.

        Args:
            held: What is held back so far: the longest end of the text that begins a stop string.
            new: The bytes of the token.
        """
        text = held + new
        at = min((place for m in self.marks if (place := text.find(m)) >= 0), default=-1)
        if at >= 0:
            return StopReading(text[:at], b"", True)
        for begin in range(max(0, len(text) - self._longest), len(text)):
            if text[begin:] in self.beginnings:
                return StopReading(text[:begin], text[begin:], False)
        return StopReading(text, b"", False)

    def places(self, held: bytes) -> list[int]:
        """Return where in what is held back a stop string may begin, in order."""
        return [at for at in range(len(held)) if held[at:] in self.beginnings]
