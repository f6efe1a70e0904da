"""Alphabet compression: characters that no terminal tells apart become one symbol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from potentials.grammar.lark.automata import charset
from potentials.grammar.lark.automata.bitmask import members
from potentials.grammar.lark.automata.charset import Ranges
from potentials.grammar.lark.automata.pattern import Chars, Node, walk


@dataclass(frozen=True)
class Alphabet:
    """A partition of all characters.

    Sets of symbols are bit masks: bit i is symbol i. One more bit, `end`, stands for the end of
    the text where a mask says what may come next.

    Attributes:
        symbols: The characters of each symbol.
        masks: The symbols of every character set that the alphabet was built from.
    """

    symbols: tuple[Ranges, ...]
    masks: dict[Ranges, int]

    @property
    def size(self) -> int:
        """How many symbols there are."""
        return len(self.symbols)

    @property
    def everything(self) -> int:
        """The mask of all characters, without the end."""
        return (1 << self.size) - 1

    @property
    def end(self) -> int:
        """The mask of the end of the text."""
        return 1 << self.size

    def ranges(self, mask: int) -> Ranges:
        """Return the characters of a mask; the end is none."""
        return charset.normal(r for i in self.indices(mask) for r in self.symbols[i])

    def indices(self, mask: int) -> list[int]:
        """Return the symbols of a mask as indices, without the end."""
        return list(members(mask & self.everything))

    def lead_bytes(self, mask: int) -> frozenset[int]:
        """Return the first UTF-8 bytes of the non-ASCII characters of a mask."""
        leads: set[int] = set()
        for low, high in self.ranges(mask):
            if high < 0x80:
                continue
            first, last = (chr(c).encode()[0] for c in (max(low, 0x80), high))
            leads.update(range(first, last + 1))
        return frozenset(leads)


def build(nodes: Iterable[Node]) -> Alphabet:
    """Return the coarsest alphabet that the character sets of these trees respect."""
    sets: set[Ranges] = {((0, 0x7F),), charset.UNIVERSE}
    for node in nodes:
        sets.update(part.ranges for part in walk(node) if isinstance(part, Chars))
    ordered = sorted(sets)
    edges = sorted({edge for s in ordered for low, high in s for edge in (low, high + 1)})
    edges = sorted({0, *edges, 0xD800, 0xE000, 0x110000})
    events: dict[int, int] = dict.fromkeys(edges, 0)
    for bit, ranges in enumerate(ordered):
        for low, high in ranges:
            events[low] ^= 1 << bit
            events[high + 1] ^= 1 << bit
    groups: dict[int, list[tuple[int, int]]] = {}
    inside = 0
    for low, after in pairwise(edges):
        inside ^= events[low]
        if low != 0xD800:
            groups.setdefault(inside, []).append((low, after - 1))
    masks = {
        ranges: sum(1 << i for i, key in enumerate(groups) if key >> bit & 1)
        for bit, ranges in enumerate(ordered)
    }
    return Alphabet(tuple(charset.normal(g) for g in groups.values()), masks)
