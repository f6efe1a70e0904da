"""Ends of statements in an answer, also in one that is the body of a function."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from potentials.python import python_statements, split_statements
from potentials.python.reading import ScannerState, read


@dataclass(frozen=True)
class Place:
    """Where a text stands, its lines moved to the margin.

    Attributes:
        indent: The white space before the first statement; None: none has begun.
        lead: The white space that the current line has begun with; None: it is past that.
        reading: Of the text at the margin.
    """

    indent: str | None = None
    lead: str | None = ""
    reading: ScannerState = field(default_factory=ScannerState)


class AnswerStatements:
    """Fires in every token that ends a statement: see `answer_statements`."""

    def start(self) -> Place:
        """Return the place before any text."""
        return Place()

    def advance(self, state: Place, text: str) -> tuple[Place, bool]:
        """Take the text of one token."""
        indent, lead, kept = _moved(state.indent, state.lead, text)
        moved = "".join(text[i] for i in kept)
        reading, fires = python_statements().advance(state.reading, moved)
        return Place(indent, lead, reading), fires


def answer_statements() -> AnswerStatements:
    r"""Return the boundary at the end of every statement of an answer.

    As `python_statements()`, but for the statements at the indentation of the first one, since
    some answers are the body of a function.

    Example:
        >>> boundary = answer_statements()
        >>> state, fires = boundary.advance(boundary.start(), "    a = f(")
        >>> fires, boundary.advance(state, "1)\n")[1]
        (False, True)
    """
    return AnswerStatements()


def finished_statements(text: str, *, indented: bool) -> tuple[str, ...]:
    r"""Return the statements of an answer that nothing can continue, as they stand in the text.

    Args:
        text: The answer so far.
        indented: Whether it is the body of a function. If so, the statements joined are all of
            the text up to their end.

    Example:
        >>> finished_statements("a = 1\nif a:\n    b = 2\n", indented=False)
        ('a = 1\n',)
        >>> finished_statements("    a = 1\n    if a:\n        b = 2\n", indented=True)
        ('    a = 1\n',)
    """
    if not indented:
        return split_statements(text).finished
    kept = _moved(None, "", text)[2]
    _, spans = read(ScannerState(), "".join(text[i] for i in kept))
    ends = [0, *(kept[end - 1] + 1 for _, end in spans)]
    return tuple(text[a:b] for a, b in pairwise(ends))


def all_statements(text: str) -> tuple[str, ...]:
    """Return all statements of a finished answer that stands at the margin, as they stand there."""
    return split_statements(text, whole=True).finished


def _moved(
    indent: str | None, lead: str | None, text: str
) -> tuple[str | None, str | None, list[int]]:
    """Take the indentation of the first statement from all lines, inside strings too.

    Returns:
        The new `indent` and `lead`, and the places in the text of the characters that are kept.
    """
    if indent == "" and lead is None:
        return indent, lead, list(range(len(text)))
    kept: list[int] = []
    for i, char in enumerate(text):
        if lead is not None and char in " \t":
            lead += char
            if indent is not None and len(lead) > len(indent):
                kept.append(i)
            continue
        if lead is not None and indent is None and char not in "#\r\n":
            indent = lead
        kept.append(i)
        lead = "" if char == "\n" else lead if char == "\r" else None
    return indent, lead, kept
