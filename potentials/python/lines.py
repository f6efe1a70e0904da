"""A line scanner: which top-level statement a line belongs to, and where each is over."""

from __future__ import annotations

from typing import NamedTuple

# What a line at the margin begins, and what may continue the statement after it.
_BEGINS: dict[str, tuple[str, ...]] = {
    "class": (),
    "def": (),
    "for": ("else",),
    "if": ("elif", "else"),
    "try": ("except", "finally"),
    "while": ("else",),
    "with": (),
}
_CONTINUES: dict[str, tuple[str, ...]] = {
    "elif": ("elif", "else"),
    "except": ("except", "else", "finally"),
    "finally": (),
}
_KEPT = 10
"""Characters of a word that are kept: more than the longest keyword has."""

Span = tuple[int, int]
"""Where a statement begins and ends, in characters."""


class LineState(NamedTuple):
    """Where in its statement the text stands. Offsets count characters.

    Attributes:
        start: Where the unfinished statement begins; −1: there is none.
        end: Where the last whole line of an open compound statement ends.
        line_start: Where the current line begins.
        word: The beginning of the word that the text ends in.
        word_at: Where the last word begins.
        indented: Whether the current line is.
        kind: What the current line is; "" before its first token, ";" after a semicolon.
        colon: Whether a colon was the line's last token.
        follows: What may continue the statement after this line.
        open: What may continue the compound statement that stands open; None: none does.
        decorated: Whether the statement has so far only decorators.
    """

    start: int = -1
    end: int = -1
    line_start: int = 0
    word: str = ""
    word_at: int = -1
    indented: bool = False
    kind: str = ""
    colon: bool = False
    follows: tuple[str, ...] = ()
    open: tuple[str, ...] | None = None
    decorated: bool = False


class Lines:
    """A `LineState` that is told of tokens and lines, and notes the statements they finish."""

    def __init__(self, state: LineState) -> None:
        self.spans: list[Span] = []
        (
            self.start,
            self.end,
            self.line_start,
            self.word,
            self.word_at,
            self.indented,
            self.kind,
            self.colon,
            self.follows,
            self.open,
            self.decorated,
        ) = state

    def state(self) -> LineState:
        """Return what is known now."""
        return LineState(
            self.start,
            self.end,
            self.line_start,
            self.word,
            self.word_at,
            self.indented,
            self.kind,
            self.colon,
            self.follows,
            self.open,
            self.decorated,
        )

    def token(self, at: int, kind: str, nested: bool) -> None:
        """Note a token that is no white space; the first of a line says what the line is.

        Args:
            at: Where it begins.
            kind: "word", "decorator" or "simple": what it would make of its line as the first.
            nested: Whether a bracket is open.
        """
        self.colon = False
        if nested or self.kind not in ("", ";", "async"):
            return
        if self.kind == ";":
            self.start, self.kind = at, "simple"
        elif self.kind == "async":
            self.kind = "second" if kind == "word" else "compound"
        elif self.indented:
            self.kind = "block" if self.open is not None else "simple"
            if self.start < 0:
                self.start = self.line_start
        elif self.open is not None and kind == "word":
            self.kind = "word"
        else:
            self._begin(at)
            self.kind = kind
        self.follows = ()

    def more_of_word(self, text: str) -> None:
        """Take some characters of a word."""
        self.word = (self.word + text)[:_KEPT]

    def end_word(self) -> None:
        """Note that the word is over, if there is one; the first of a line tells its kind."""
        word, self.word = self.word, ""
        if self.kind not in ("word", "second"):
            return
        if self.open is not None and self.kind == "word":
            if word in self.open:
                in_try = word == "else" and "finally" in self.open
                self.follows = ("finally",) if in_try else _CONTINUES.get(word, ())
                self.kind = "compound"
                return
            self._begin(self.word_at)
        if self.kind == "word" and word in ("async", "match"):
            self.kind = word
        elif word in _BEGINS or self.kind == "second":
            self.kind, self.follows = "compound", _BEGINS.get(word, ())
        else:
            self.kind = "simple"

    def pause(self) -> None:
        """End the open statement if the word so far is already none that continues it."""
        if self.kind != "word" or not self.word or self.open is None:
            return
        if not any(keyword.startswith(self.word) for keyword in self.open):
            self._begin(self.word_at)

    def semicolon(self, end: int) -> None:
        """Note a semicolon outside of brackets; between top-level statements it ends one."""
        if self.kind in ("simple", "match"):
            self.cut(end)
            self.kind = ";"

    def end_line(self, end: int) -> None:
        """Note a newline outside of brackets and strings."""
        self._end_logical_line(end)
        self.line_start = end
        self.indented, self.kind, self.colon = False, "", False

    def cut(self, end: int) -> None:
        """Finish the statement."""
        self.spans.append((self.start, end))
        self.start, self.end, self.open = -1, -1, None

    def _begin(self, at: int) -> None:
        """Begin a statement, which ends an open one."""
        if self.open is not None:
            self.cut(self.end)
        if not self.decorated:
            self.start = at

    def _end_logical_line(self, end: int) -> None:
        kind = self.kind
        if kind in ("", ";"):
            return
        self.decorated = kind == "decorator"
        compound = kind in ("async", "compound") or (kind == "match" and self.colon)
        if kind == "block":
            self.end = end
        elif compound and (self.follows or self.colon):
            self.open, self.end = self.follows, end
        elif kind != "decorator":
            self.cut(end)
