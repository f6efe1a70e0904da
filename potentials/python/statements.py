"""Top-level statements of a program: a boundary, and a text split into them."""

from __future__ import annotations

from dataclasses import dataclass, field

from potentials.python.reading import ScannerState, read


@dataclass(frozen=True)
class PythonStatements:
    """Fires in every token that finishes a top-level statement: see `python_statements`.

    Attributes:
        before: The beginning of the program, which the text goes on from.
    """

    before: str = ""

    def start(self) -> ScannerState:
        """Return the reading of what stands before the text."""
        return read(ScannerState(), self.before)[0]

    def advance(self, state: ScannerState, text: str) -> tuple[ScannerState, bool]:
        """Take the text of one token."""
        now, finished = read(state, text)
        return now, bool(finished) or (now.broken and "\n" in text)


def python_statements(before: str = "") -> PythonStatements:
    r"""Return the boundary at the end of every top-level statement of a Python program.

    A simple statement is finished at its newline, or at the semicolon after it. A compound one
    (`if`, `def`, `@decorator`, ...) is finished once a line begins at the margin that does not
    continue it: `else` continues an `if`, a `for`, a `while` and a `try`, and only `e` might still
    become one. A text that stops being Python (a bracket that closes none, a string cut off by the
    end of its line) fires there and at every newline after.

    Args:
        before: The beginning of the program, if the text goes on from one: the head of a
            function, say, so that the indented lines of the text belong to it.

    Example:
        >>> boundary = python_statements()
        >>> state, fires = boundary.advance(boundary.start(), "if a:\n    b()\n")
        >>> fires, boundary.advance(state, "el")[1], boundary.advance(state, "elk")[1]
        (False, False, True)
    """
    return PythonStatements(before)


@dataclass(frozen=True)
class Statements:
    """A text taken apart.

    Attributes:
        finished: The statements that nothing which follows can change, each from its first
            character to its end (newline or semicolon). If the text stops being Python, the last
            ends there.
        rest: The statement that is not finished; "" if there is none.
        ends: Where in the text each finished statement ends.
    """

    finished: tuple[str, ...]
    rest: str
    ends: tuple[int, ...] = field(default=(), repr=False, compare=False)


def split_statements(text: str, *, whole: bool = False) -> Statements:
    r"""Take a program apart into its top-level statements.

    Comments and blank lines between statements are left out. Nothing is parsed: a statement may
    well be wrong, and is found wrong by compiling it alone.

    Args:
        text: A program, or the beginning of one.
        whole: Whether nothing follows, so that the last statement counts as finished too.

    Example:
        >>> split_statements("import a; b = [1,\n 2]\nif b:\n  a.c")
        Statements(finished=('import a;', 'b = [1,\n 2]\n'), rest='if b:\n  a.c')
    """
    state, spans = read(ScannerState(), text)
    if whole:
        state, more = read(state, "\n")
        spans += more
        if state.start >= 0:
            spans.append((state.start, len(text)))
    finished = tuple(text[start:end] for start, end in spans)
    rest = text[state.start :] if state.start >= 0 and not whole else ""
    return Statements(finished, rest, tuple(min(end, len(text)) for _, end in spans))
