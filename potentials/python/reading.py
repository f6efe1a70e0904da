"""An incremental scanner of Python: where top-level statements end.

The reader tells apart what CPython's tokenizer does (strings of every kind, brackets, comments,
joined lines, indentation) and knows of the grammar only the keywords that begin and continue
compound statements. Every character is looked at once, and nothing depends on how the text was cut
into pieces.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from potentials.python.lines import Lines, LineState, Span
from potentials.python.literals import (
    BRACKETS,
    COMMENT,
    FIELD,
    SPEC,
    Nest,
    NestState,
    past,
)

_WORD = re.compile(r"(?:\w|[^\x00-\x7f])+")
_BLANKS = re.compile(r"[ \t\f]+")
_PREFIXES = frozenset("r u b f t br rb fr rf tr rt".split())
_OPENING = {")": "(", "]": "[", "}": "{"}


class ScannerState(NamedTuple):
    """How far a text has been read, and what it leaves open.

    Attributes:
        at: Characters read.
        after_cr: Whether the last was a carriage return, which a line feed would belong to.
        nest: What the text stands inside.
        lines: Where in its statement it stands.
    """

    at: int = 0
    after_cr: bool = False
    nest: NestState = NestState()
    lines: LineState = LineState()

    @property
    def broken(self) -> bool:
        """Whether the text is certainly no Python, whatever follows."""
        return self.nest.broken

    @property
    def start(self) -> int:
        """Where the unfinished statement begins; −1: there is none."""
        return self.lines.start


def read(state: ScannerState, text: str) -> tuple[ScannerState, list[Span]]:
    """Read on.

    Returns:
        The new state, and the top-level statements that are now certainly finished. The last is
        cut off where the text stops being Python, if it does; after that there are none.
    """
    if not text:
        return state, []
    reader = _Reader(state, text)
    reader.run()
    now = ScannerState(
        state.at + len(text), text[-1] == "\r", reader.nest.state(), reader.lines.state()
    )
    return now, reader.lines.spans


class _Reader:
    """The reading of one piece of text; methods return the index of the next character."""

    def __init__(self, state: ScannerState, text: str) -> None:
        self.text, self.base = text, state.at
        self.first = 1 if state.after_cr and text[0] == "\n" else 0
        self.nest, self.lines = Nest(state.nest), Lines(state.lines)

    def run(self) -> None:
        """Read the text to its end, or to where it stops being Python."""
        text, nest, i = self.text, self.nest, self.first
        if nest.broken:
            return
        while i < len(text) and not nest.broken:
            top = nest.frames[-1] if nest.frames else ""
            if not top or top in BRACKETS or top == FIELD:
                i = self._code(i, top)
            elif top == COMMENT:
                i = nest.comment(text, i)
            elif top == SPEC or top[0] == "f":
                i = nest.f_string(text, i, top)
            else:
                i = nest.string(text, i, top)
        if nest.broken:
            self.lines.cut(self.base + i)
        self.lines.pause()

    def _code(self, i: int, top: str) -> int:
        text, nest, lines = self.text, self.nest, self.lines
        if nest.partial:
            return self._decide(i)
        if match := _WORD.match(text, i):
            if not lines.word:
                lines.word_at = self.base + i
                self._token(i, "word")
            lines.more_of_word(match[0])
            return match.end()
        char = text[i]
        if char in "'\"":
            return self._quote(i, char)
        lines.end_word()
        if match := _BLANKS.match(text, i):
            if not lines.kind and not nest.frames:
                lines.indented = match[0][-1] != "\f"  # which goes back to the margin
            return match.end()
        if char in "\r\n":
            return self._newline(i)
        if char == "#":
            nest.push(COMMENT, self.base + i)
        elif char == "\\":
            nest.partial = char
        else:
            self._token(i, "decorator" if char == "@" else "simple")
            self._symbol(i, char, top)
        return i + 1

    def _symbol(self, i: int, char: str, top: str) -> None:
        if char in BRACKETS or (char == ":" and top == FIELD):
            self.nest.push(char, self.base + i)
        elif char in _OPENING:
            if top == _OPENING[char] or (char == "}" and top == FIELD):
                self.nest.pop()
            else:
                self.nest.broken = True
        elif not top and char == ":":
            self.lines.colon = True
        elif not top and char == ";":
            self.lines.semicolon(self.base + i + 1)

    def _newline(self, i: int) -> int:
        if self.nest.frames:
            self.nest.newline()
        else:
            self.lines.end_line(self.base + i + 1)
        return i + 1 if self.nest.broken else past(self.text, i)

    def _quote(self, i: int, char: str) -> int:
        """Read the first quote of a string; the word before it may be the string's prefix."""
        prefix = self.lines.word.lower()
        is_prefix = prefix in _PREFIXES
        self.lines.end_word()
        if not is_prefix:
            self._token(i, "simple")
        self.nest.partial = (prefix if is_prefix else "") + char
        self.nest.begin_lexeme(self.base + i)
        return i + 1

    def _decide(self, i: int) -> int:
        """Say what quotes or a backslash in code were, now that the next character is there."""
        char, partial = self.text[i], self.nest.partial
        quote = partial[-1]
        if partial + char in ("\\\r", "\\\n"):
            self.nest.partial = ""
            return past(self.text, i)
        if quote == "\\":
            self._token(i, "simple")
            self.nest.broken = True
            return i + 1
        twice = partial.count(quote) == 2
        if char == quote and not twice:
            self.nest.partial += char
            return i + 1
        self.nest.partial = ""
        if twice and char != quote:
            self.nest.end_lexeme()
            return i
        prefix = partial.rstrip(quote)
        fields = ("f" in prefix or "t" in prefix) * ("fr" if "r" in prefix else "f")
        self.nest.push(fields + quote * (3 if twice else 1), self.nest.lexeme)
        return i + 1 if twice else i

    def _token(self, i: int, kind: str) -> None:
        self.lines.token(self.base + i, kind, nested=bool(self.nest.frames))
