"""A memory of bounded weight that forgets what was longest unused."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """What is known of texts, up to a total weight.

    Args:
        most: The total weight kept; the newest entry is kept whatever it weighs.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._weight = 0
        self._entries: OrderedDict[bytes, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, text: bytes) -> V | None:
        """Return what is known of a text, which makes it the newest; None if nothing is."""
        entry = self._entries.get(text)
        if entry is None:
            return None
        self._entries.move_to_end(text)
        return entry[0]

    def keep(self, text: bytes, value: V, weight: int) -> None:
        """Remember a value, and forget old ones until the weight is within bounds."""
        self.drop(text)
        self._entries[text] = value, weight
        self._weight += weight
        while self._weight > self.most and len(self._entries) > 1:
            self._weight -= self._entries.popitem(last=False)[1][1]

    def drop(self, text: bytes) -> None:
        """Forget a text."""
        entry = self._entries.pop(text, None)
        if entry is not None:
            self._weight -= entry[1]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._weight = 0
