"""The signs between the parts of a document, and the white space that may stand around them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from potentials.grammar.schema.productions import Terminal

_SPACE = r"[ \t\n\r]*"


@dataclass(frozen=True)
class Signs:
    """Lexemes of punctuation.

    Attributes:
        array: Opening, closing, and what stands between items.
        object: Likewise.
        colon: Between a name and its value.
    """

    array: tuple[Terminal, Terminal, Terminal]
    object: tuple[Terminal, Terminal, Terminal]
    colon: Terminal


def free() -> Signs:
    """Return signs with any white space that JSON allows."""
    comma = Terminal(f"/{_SPACE},{_SPACE}/")
    return Signs(
        (Terminal(rf"/\[{_SPACE}/"), Terminal(rf"/{_SPACE}\]/"), comma),
        (Terminal(rf"/\{{{_SPACE}/"), Terminal(rf"/{_SPACE}\}}/"), comma),
        Terminal(f"/{_SPACE}:{_SPACE}/"),
    )


def dumped() -> Signs:
    """Return signs as `json.dumps` writes them, compact or with a space after them."""
    return _tight(Terminal("/, ?/"), Terminal("/: ?/"))


def fixed(comma: str, colon: str) -> Signs:
    """Return signs that are spelled in one way."""
    return _tight(Terminal(json.dumps(comma)), Terminal(json.dumps(colon)))


def _tight(comma: Terminal, colon: Terminal) -> Signs:
    brackets = Terminal('"["'), Terminal('"]"')
    braces = Terminal('"{"'), Terminal('"}"')
    return Signs((*brackets, comma), (*braces, comma), colon)
