"""Lexer contexts: which terminals are looked for at one place, and what may follow them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Context:
    """One situation in which the next terminal is looked for.

    Attributes:
        names: What Lark looks for, ignored terminals included.
        certain: Those of them that llguidance is sure to look for, too.
        next_symbols: For each terminal the mask of characters (and the end) that may follow it
            here, as far as Lark's parser can tell. Those that are looked for but cannot be used
            here have no entry.
        where: For messages.
    """

    names: frozenset[str]
    certain: frozenset[str]
    next_symbols: dict[str, int]
    where: str


@dataclass(frozen=True)
class Clash:
    """A text after which llguidance reads on while Lark stops, or the other way round.

    Attributes:
        kind: `backs up`, `looks ahead` or `splits a character`.
        terminal: The terminal that ends.
        longer: Those that go on.
        symbols: The characters (a mask) at which it happens.
        context: Where.
    """

    kind: str
    terminal: str
    longer: tuple[str, ...]
    symbols: int
    context: Context


def any_of(first: Mapping[str, int], names: Iterable[str]) -> int:
    """Return the characters that any of some terminals can start with."""
    mask = 0
    for name in names:
        mask |= first[name]
    return mask
