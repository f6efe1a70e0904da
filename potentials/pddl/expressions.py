"""S-expressions: words and lists of them, read without recursion and within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from potentials.pddl.errors import PDDLError

MAX_LENGTH = 1 << 20
"""Characters of a text; a problem of a hundred objects has some thousands."""

MAX_DEPTH = 50
"""Lists inside each other."""

_TOKEN = re.compile(r"(?P<skipped>\s+|;[^\n]*)|[()]|[^\s();]+", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Word:
    """A word in lower case, and its line."""

    text: str
    line: int


@dataclass(frozen=True)
class Group:
    """A list in parentheses, and the line it begins in."""

    items: tuple[Word | Group, ...]
    line: int

    @property
    def head(self) -> str:
        """The first word; "" if the list is empty or begins with a list."""
        first = self.items[0] if self.items else None
        return first.text if isinstance(first, Word) else ""


def read(text: str, what: str) -> Group:
    """Return the one list that a text holds.

    Args:
        text: With comments from `;` to the end of the line.
        what: What the text should be, for messages.

    Raises:
        PDDLError: It is too long or too deep, its parentheses do not match, or it holds something
            else than one list.
    """
    if len(text) > MAX_LENGTH:
        raise PDDLError(
            f"{what}: {len(text)} characters", expected=f"at most {MAX_LENGTH}", line=None
        )
    whole: Group | None = None
    open_lists: list[tuple[int, list[Word | Group]]] = []
    for token, line in _tokens(text):
        if whole is not None:
            raise PDDLError(
                f"{what}: {shown(token)} after the end", line=line, expected="one list and no more"
            )
        if token == "(":
            if len(open_lists) == MAX_DEPTH:
                raise PDDLError(
                    f"{what}: {MAX_DEPTH + 1} lists inside each other",
                    line=line,
                    expected=f"at most {MAX_DEPTH}",
                )
            open_lists.append((line, []))
        elif not open_lists:
            raise PDDLError(f"{what}: {shown(token)}", line=line, expected="a list, ( … )")
        elif token == ")":
            begun, items = open_lists.pop()
            group = Group(tuple(items), begun)
            if open_lists:
                open_lists[-1][1].append(group)
            else:
                whole = group
        else:
            open_lists[-1][1].append(Word(token.lower() if token.isascii() else token, line))
    if open_lists:
        raise PDDLError(
            f"{what}: the list that begins here is not closed",
            line=open_lists[-1][0],
            expected=f"{len(open_lists)} more )",
        )
    if whole is None:
        raise PDDLError(f"{what}: there is nothing", expected="a list, ( … )")
    return whole


def name(item: Word | Group, what: str) -> str:
    """Return the name that stands somewhere.

    Args:
        item: What stands there.
        what: What is named, for messages.

    Raises:
        PDDLError: It is a list, or no name.
    """
    if isinstance(item, Group):
        raise PDDLError(f"{what} is a list", line=item.line, expected="a name")
    if not _NAME.fullmatch(item.text):
        raise PDDLError(
            f"{what} is {shown(item.text)}",
            line=item.line,
            expected="a letter, then letters, digits, - and _",
        )
    return item.text


def shown(token: str) -> str:
    """Return a token for a message, not too long."""
    return repr(token if len(token) <= 40 else token[:40] + "…")


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Yield parentheses and words with their lines."""
    line = 1
    for match in _TOKEN.finditer(text):
        token = match.group()
        if match["skipped"] is None:
            yield token, line
        line += token.count("\n")
