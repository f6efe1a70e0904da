"""One entry of the corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """A grammar and what must become of it.

    Attributes:
        name: Unique.
        source: The grammar.
        mode: The mode of Lark whose language it is translated with; None: it must be refused.
        pieces: The alphabet: every string of at most `length` of these is tried, in or out of the
            language. Pieces of several characters reach deeper.
        length: The most pieces of a string.
        refused: What the error must say: a regular expression for each thing it has to name.
        start: The start rule.
        base_path: Where its imports are.
        parser: Lark's argument; None: not given.
        some_in: Some strings that must be in the language, so that no comparison is empty.
    """

    name: str
    source: str
    mode: str | None = "lalr"
    pieces: tuple[str, ...] = ()
    length: int = 4
    refused: tuple[str, ...] = ()
    start: str = "start"
    base_path: Path | None = None
    some_in: tuple[str, ...] = ()
    parser: str | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """A small vocabulary whose tokens straddle the pieces: single, double, some triple."""
        pairs = [a + b for a in self.pieces for b in self.pieces]
        triples = [
            a + b + c
            for a, b, c in zip(pairs[::3], self.pieces * 9, self.pieces[::-1] * 9, strict=False)
        ]
        chars = sorted({c for p in self.pieces for c in p})
        return tuple(dict.fromkeys([*chars, *self.pieces, *pairs, *triples]))


def chars(text: str) -> tuple[str, ...]:
    """Return the characters of a text as pieces."""
    return tuple(text)
