"""Schema linking: where a question names tables, columns and values of the database.

A small model cannot know that "singers" is the table `singer` of a database it has never seen, so
the compact prompt says so. Words are compared by their stems, with the spoken names of the schema
and with the texts in the database; nothing here knows of queries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Lookup = Callable[[str], Sequence[tuple[str, str]]]
"""Returns for a text in lower case the columns that hold it, each with the text as it is there."""

LONGEST = 6
"""Words of a mention at most."""

_WORD = re.compile(r"\w+|[^\w\s]")
_STOP = frozenset(
    """
    a an the of for in on at to by with from and or not is are was were be been do does did has have
    had what which who whom whose when where why how many much that this these those there their its
    it they them all any some each every than then as into between more most least less show list
    find give return me us number
    """.split()
)
_MOST = 2


@dataclass(frozen=True)
class Piece:
    """A part of a question, and what it may stand for.

    Attributes:
        text: With the white space before it.
        tables: Names of tables.
        columns: Names of columns.
        values: Columns, and the text that they hold.
        full: Whether the text is the whole spoken name.
    """

    text: str
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    full: bool = False


def stem(word: str) -> str:
    """Return a word without case and plural.

    Example:
        >>> [stem(w) for w in ("Singers", "cities", "Status", "matches", "class")]
        ['singer', 'city', 'status', 'match', 'class']
    """
    low = word.lower()
    if len(low) > 4 and low.endswith("ies"):
        return low[:-3] + "y"
    if len(low) > 4 and low.endswith(("sses", "ches", "shes", "xes")):
        return low[:-2]
    if len(low) > 3 and low.endswith("s") and not low.endswith(("ss", "us", "is")):
        return low[:-1]
    return low


def stems(text: str) -> tuple[str, ...]:
    """Return the stems of a name's words."""
    return tuple(stem(w) for w in re.findall(r"[^\W_]+", text))


@dataclass(frozen=True, eq=False)
class Names:
    """The names of a schema in lower case, by the stems of how they are spoken.

    Attributes:
        tables: For each table its stems.
        columns: For each column name its stems; several tables may have it.
        owners: For each column name the tables that have it.
    """

    tables: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[str, ...]]
    owners: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Names:
        """Return those of an entry of Spider's `tables.json`."""
        originals = [name.lower() for name in entry["table_names_original"]]
        tables = dict(zip(originals, map(stems, entry["table_names"]), strict=True))
        columns: dict[str, tuple[str, ...]] = {}
        owners: dict[str, frozenset[str]] = {}
        spoken = entry["column_names"]
        for (owner, name), (_, said) in zip(entry["column_names_original"], spoken, strict=True):
            if owner >= 0:
                columns.setdefault(name.lower(), stems(said))
                have = owners.get(name.lower(), frozenset())
                owners[name.lower()] = have | {originals[owner]}
        return cls(tables, columns, owners)

    @cached_property
    def spoken(self) -> Mapping[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]]]:
        """For the stems of a whole name the tables and the columns of that name."""
        by_words: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}
        for which, names in enumerate((self.tables, self.columns)):
            for name, words in names.items():
                by_words.setdefault(words, ([], []))[which].append(name)
        return {words: (tuple(t), tuple(c)) for words, (t, c) in by_words.items()}


def link(question: str, names: Names, held: Lookup) -> list[Piece]:
    """Cut a question into pieces: what it says of the schema, and the words between.

    Args:
        question: In English.
        names: Of the schema.
        held: Of the database.

    Returns:
        Pieces whose texts make the question.
    """
    words = [(m.start(), m.end()) for m in _WORD.finditer(question)]
    told = [stem(question[a:b]) for a, b in words]
    free = [True] * len(words)
    piece_at: dict[int, tuple[int, Piece]] = {}
    for size in range(min(LONGEST, len(words)), 0, -1):
        for at in range(len(words) - size + 1):
            if not all(free[at : at + size]):
                continue
            text = question[words[at][0] : words[at + size - 1][1]]
            piece = _whole(text, tuple(told[at : at + size]), names, held)
            if piece is not None:
                piece_at[at] = (at + size, piece)
                free[at : at + size] = [False] * size
    named = frozenset(t for _, piece in piece_at.values() for t in piece.tables)
    for at, word in enumerate(told):
        if free[at] and len(word) > 2 and word not in _STOP:
            text = question[words[at][0] : words[at][1]]
            piece = _part(text, word, frozenset(told), named, names)
            if piece is not None:
                piece_at[at] = (at + 1, piece)
    return _cut(question, words, piece_at)


def _whole(text: str, words: tuple[str, ...], names: Names, held: Lookup) -> Piece | None:
    tables, columns = names.spoken.get(words, ((), ()))
    if tables or columns:
        return Piece(text, tables[:1], columns[:_MOST], full=True)
    if all(w in _STOP for w in words):
        return None
    values = [(c, v) for c, v in held(text.lower()) if len(v) > 3 or v == text]
    return Piece(text, values=tuple(values[:_MOST])) if values else None


def _part(
    text: str, word: str, told: frozenset[str], named: frozenset[str], names: Names
) -> Piece | None:
    """Return the names that a word is a part of, those that the question fits best."""

    def fitting(candidates: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        scores = {
            name: sum(w in told for w in words) / len(words)
            + 0.5 * bool(names.owners.get(name, frozenset()) & named)
            for name, words in candidates.items()
            if word in words
        }
        best = [name for name, score in scores.items() if score == max(scores.values())]
        return tuple(best) if len(best) <= _MOST else ()

    columns = fitting(names.columns)
    tables = () if columns else fitting(names.tables)
    return Piece(text, tables, columns) if tables or columns else None


def _cut(
    question: str, words: Sequence[tuple[int, int]], piece_at: Mapping[int, tuple[int, Piece]]
) -> list[Piece]:
    pieces: list[Piece] = []
    done = 0
    for at in sorted(piece_at):
        end, piece = piece_at[at]
        start, stop = words[at][0], words[end - 1][1]
        spaces = len(question[done:start]) - len(question[done:start].rstrip())
        if done < start - spaces:
            pieces.append(Piece(question[done : start - spaces]))
        text = question[start - spaces : stop]
        pieces.append(Piece(text, piece.tables, piece.columns, piece.values, piece.full))
        done = stop
    if done < len(question):
        pieces.append(Piece(question[done:]))
    return pieces
