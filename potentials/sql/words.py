"""Words of SQLite's dialect, and regular expressions over words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

# Words that SQLite never takes as a bare name.
_RESERVED = """
    add all alter and as autoincrement between case check collate commit constraint create default
    deferrable delete distinct drop else escape exists foreign from group having in index insert
    intersect into is isnull join limit not notnull null on or order primary references returning
    select set table then to transaction union unique update using values when where
"""
# Words that it may take as a name, but that start something else where an operand may come.
_OPERANDS = "cast true false current_date current_time current_timestamp raise except"
# Words that may come right after a table, where a bare alias may come too.
_AFTER_TABLE = "left right full inner cross natural outer offset window indexed end asc desc glob"

# Of these, words that it does take where nothing but a table may come.
TABLE_WORDS = frozenset({"cast", "raise", "current_date", "current_time", "current_timestamp"})

QUOTED = frozenset((_RESERVED + _OPERANDS).split())
KEYWORDS = QUOTED | frozenset((_AFTER_TABLE + " by like with recursive").split())

CONSTANTS = frozenset({"null", "true", "false", "current_date", "current_timestamp"})
FUNCTIONS = frozenset(
    """
    avg max min sum total group_concat abs round length lower upper substr substring trim ltrim
    rtrim replace instr coalesce ifnull nullif iif typeof date time datetime julianday strftime
    unicode hex sign
    """.split()
)

# All that is not ASCII counts as a letter.
_WORD = re.compile(r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_END = ""


def is_bare(name: str) -> bool:
    """Return whether a name can be written without quotes."""
    return _WORD.fullmatch(name) is not None and name.lower() not in QUOTED


def quotings(name: str) -> list[str]:
    """Return a name in double quotes, in backquotes and in brackets, where each can hold it."""
    doubled, back = name.replace('"', '""'), name.replace("`", "``")
    forms = [f'"{doubled}"', f"`{back}`"]
    return forms if "]" in name else [*forms, f"[{name}]"]


def any_case(text: str) -> str:
    """Return the regular expression of a text in any case, ASCII letters alone, as SQLite has it.

    Classes are spelled out: Python's case folding would let in `ſ` for `s`.
    """
    return "".join(
        f"[{c.lower()}{c.upper()}]" if c.isascii() and c.isalpha() else _escaped(c) for c in text
    )


def _escaped(char: str) -> str:
    if char.isalnum() or not char.isascii() or char in " _":
        return char
    # Lark resolves `\\x5d` before Python's parser sees it, and takes a bare `/` for the end.
    return f"\\x{ord(char):02x}" if ord(char) < 32 else "\\" + char


def either(texts: Iterable[str]) -> str:
    """Return the regular expression of any of some texts, in any case, as a prefix tree."""
    return _spelled(_tree(texts))


def _tree(texts: Iterable[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for text in sorted({"".join(c.lower() if c.isascii() else c for c in t) for t in texts}):
        node = tree
        for char in text:
            node = node.setdefault(char, {})
        node[_END] = {}
    return tree


def _spelled(node: dict[str, Any]) -> str:
    branches = [any_case(c) + _spelled(child) for c, child in node.items() if c]
    if not branches:
        return ""
    if _END in node:
        return f"({'|'.join(branches)})?"
    return branches[0] if len(branches) == 1 else f"({'|'.join(branches)})"


def identifier(tail: str, *, none_of: Collection[str] = (), no_start: Collection[str] = ()) -> str:
    """Return the regular expression of an identifier.

    Args:
        tail: How often a character may follow once the text is the start of no forbidden word:
            `*`, or `{0,6}`.
        none_of: Words that it must not be, in any case.
        no_start: Words that it must not start with either.
    """
    tree = _tree([*none_of, *no_start])
    inside = _inside(tree, "")
    found = f"({_leaving(tree, '', frozenset(no_start))})[A-Za-z0-9_]{tail}"
    return f"({found}|{inside})" if inside else f"({found})"


def _leaving(node: dict[str, Any], so_far: str, no_start: frozenset[str]) -> str:
    """Return the shortest texts that no word starts with."""
    branches = [
        any_case(c) + f"({_leaving(child, so_far + c, no_start)})"
        for c, child in node.items()
        if c and so_far + c not in no_start
    ]
    letters = [c for c in _LETTERS if c not in node]
    others = _runs(letters) + _runs([c.upper() for c in letters])
    if so_far:
        others += _runs([c for c in "0123456789_" if c not in node])
    return "|".join([*([f"[{others}]"] if others else []), *branches])


def _runs(chars: list[str]) -> str:
    """Return what a character class holds for some characters in order: `ac-z`."""
    runs: list[list[str]] = []
    for char in chars:
        if runs and ord(char) == ord(runs[-1][-1]) + 1:
            runs[-1].append(char)
        else:
            runs.append([char])
    return "".join("".join(r) if len(r) < 4 else f"{r[0]}-{r[-1]}" for r in runs)


def _inside(node: dict[str, Any], so_far: str) -> str:
    """Return the texts that words start with and that are none."""
    branches = [
        any_case(c) + _inside(child, so_far + c) for c, child in node.items() if c and any(child)
    ]
    found = f"({'|'.join(branches)})" if branches else ""
    return found + "?" if found and so_far and _END not in node else found
