"""What a program's text stands inside: brackets, comments, strings and f-strings.

f-strings are read as Python 3.12 reads them, which reads those of older versions alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_NESTING = 1000
"""Brackets and strings within each other; CPython gives up at 200 brackets."""

COMMENT, FIELD, SPEC = "#", "F", ":"
BRACKETS = "([{"

_NEWLINE = re.compile(r"[\r\n]")
_STOPS = {q: re.compile(rf"[{q}\\\r\n]") for q in "'\""}
_FIELD_STOPS = {q: re.compile(rf"[{q}\\\r\n{{}}]") for q in "'\""}


class NestState(NamedTuple):
    """What is open.

    Attributes:
        frames: Outermost first: brackets; comments `#`; strings by their quotes, after `f` or `fr`
            where they have fields; fields `F`; the format specification of a field `:`.
        lexeme: Where the outermost open string, or the comment, begins; −1: there is none.
        partial: Characters that do not yet say what they are: quotes after their prefix, a
            backslash, a brace.
        broken: Whether the text is certainly no Python.
        one_line_fields: Whether fields of f-strings in single quotes must not hold a newline, as
            before Python 3.12.
    """

    frames: tuple[str, ...] = ()
    lexeme: int = -1
    partial: str = ""
    broken: bool = False
    one_line_fields: bool = False


class Nest:
    """A `NestState` that reads literals; methods return the index of the next character."""

    def __init__(self, state: NestState) -> None:
        frames, self.lexeme, self.partial, self.broken, self.one_line_fields = state
        self.frames = list(frames)

    def state(self) -> NestState:
        """Return what is known now."""
        return NestState(
            tuple(self.frames), self.lexeme, self.partial, self.broken, self.one_line_fields
        )

    def push(self, frame: str, at: int) -> None:
        """Open something that begins at an offset."""
        if frame not in BRACKETS:
            self.begin_lexeme(at)
        self.frames.append(frame)
        self.broken = self.broken or len(self.frames) > MAX_NESTING

    def pop(self) -> None:
        """Close the innermost."""
        if self.frames.pop() not in BRACKETS:
            self.end_lexeme()

    def begin_lexeme(self, at: int) -> None:
        """Note where a string or comment begins, unless it is within another."""
        if self.lexeme < 0:
            self.lexeme = at

    def end_lexeme(self) -> None:
        """Forget where the string or comment began, if all are closed."""
        if all(f in BRACKETS for f in self.frames):
            self.lexeme = -1

    def newline(self) -> None:
        """Note a newline in code within brackets or fields."""
        if self.one_line_fields:
            self.broken = any(f[0] == "f" and f[-1] * 3 not in f for f in self.frames)

    def comment(self, text: str, i: int) -> int:
        """Read in a comment, up to the newline."""
        match = _NEWLINE.search(text, i)
        if match is None:
            return len(text)
        self.pop()
        return match.start()

    def string(self, text: str, i: int, quote: str) -> int:
        """Read in a string without fields."""
        if self.partial == "\\":
            self.partial = ""
            return past(text, i)
        match = _STOPS[quote[0]].search(text, i)
        if match is None or (self.partial and match.start() > i):
            self.partial = ""
            return len(text) if match is None else match.start()
        return self._stop(text, match.start(), quote)

    def f_string(self, text: str, i: int, top: str) -> int:
        """Read in the literal part of an f-string, or in a format specification."""
        literal = next(f for f in reversed(self.frames) if f[0] == "f")
        quote, raw = literal.lstrip("fr"), literal[1] == "r"
        if self.partial and self.partial[0] in "\\{":
            return self._f_partial(text, i, quote[0], raw)
        match = _FIELD_STOPS[quote[0]].search(text, i)
        if match is None or (self.partial and match.start() > i):
            self.partial = ""
            return len(text) if match is None else match.start()
        i, char = match.start(), match[0]
        if char in "{}":
            self._brace(i, char, top)
        elif top == SPEC and char == quote[0] and len(self.partial) + 1 == len(quote):
            self.broken = True
        elif top != SPEC or char not in "\r\n" or self.one_line_fields:
            return self._stop(text, i, quote)
        return i + 1

    def _stop(self, text: str, i: int, quote: str) -> int:
        """Read a quote, a backslash or a newline in a string."""
        char = text[i]
        if char == "\\":
            self.partial = char
        elif char in "\r\n":
            self.partial = ""
            self.broken = len(quote) == 1
        elif len(self.partial) + 1 == len(quote):
            self.partial = ""
            self.pop()
        else:
            self.partial += char
        return i + 1

    def _f_partial(self, text: str, i: int, quote: str, raw: bool) -> int:
        """Read on after a brace or a backslash in an f-string."""
        char, partial = text[i], self.partial
        self.partial = ""
        if partial == "{":
            if char == "{":
                return i + 1
            self.push(FIELD, 0)
        elif partial == "\\":
            if char not in "{}":
                self.partial = "\\N" if char == "N" and not raw else ""
                return past(text, i)
        elif partial == "\\N":
            if char == "{":
                self.partial = "\\N{"
                return i + 1
        elif char == "}":
            return i + 1
        elif char not in "\r\n" and char != quote:
            self.partial = partial
            return i + 1
        return i

    def _brace(self, i: int, char: str, top: str) -> None:
        self.partial = ""
        if char == "{" and top == SPEC:
            self.push(FIELD, i)
        elif char == "{":
            self.partial = char
        elif top == SPEC:
            self.pop()
            self.pop()


def past(text: str, i: int) -> int:
    r"""Step over one character, a `\r\n` being one."""
    return i + 2 if text.startswith("\r\n", i) else i + 1
