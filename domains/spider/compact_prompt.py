"""The prompt of the embedded model: a line a table, and the question with what it names.

The names are in lower case, as a query may have them. A foreign key stands beside its column, as a
join has it. In the question `[t]` follows words that name a table, `(c)` a column, and
`{c = 'v'}` a value of the database.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from domains.spider.linking import Names, Piece, link
from potentials.sql.words import is_bare, quotings

_VALUE = re.compile(r"(?=.*[^\W\d_])[\w .,&/:+-]{2,40}")
_ROWS = 20_000
_DISTINCT = 2000


@dataclass(frozen=True)
class Listing:
    """A schema as the prompt lists it, names in lower case.

    Attributes:
        tables: For each table its columns, each with the column `(table, name)` that it refers to.
    """

    tables: Mapping[str, Sequence[tuple[str, tuple[str, str] | None]]]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Listing:
        """Return that of an entry of Spider's `tables.json`."""
        tables = [name.lower() for name in entry["table_names_original"]]
        columns = [(owner, name.lower()) for owner, name in entry["column_names_original"]]
        refers = dict(entry.get("foreign_keys", ()))

        def target(index: int) -> tuple[str, str] | None:
            if index not in refers:
                return None
            owner, name = columns[refers[index]]
            return tables[owner], name

        return cls(
            {
                table: [(n, target(i)) for i, (owner, n) in enumerate(columns) if owner == number]
                for number, table in enumerate(tables)
            }
        )

    def __str__(self) -> str:
        lines = []
        for table, columns in self.tables.items():
            told = [
                quoted(name) + (f" = {quoted(to[0])}.{quoted(to[1])}" if to else "")
                for name, to in columns
            ]
            lines.append(f"{quoted(table)}: {', '.join(told)}\n")
        return "".join(lines)


def quoted(name: str) -> str:
    """Return a name as a query has it."""
    return name if is_bare(name) else quotings(name)[1]


def told(pieces: Sequence[Piece]) -> str:
    """Return a question with what it names."""
    parts = []
    for piece in pieces:
        parts.append(piece.text)
        parts += [f" [{quoted(t)}]" for t in piece.tables]
        parts += [f" ({quoted(c)})" for c in piece.columns]
        parts += [f" {{{quoted(c)} = '{v}'}}" for c, v in piece.values]
    return "".join(parts)


def compact_prompt(entry: Mapping[str, Any], question: str, database: Path) -> str:
    """Return the prompt; its answer begins with a space and ends with the line.

    Args:
        entry: Of Spider's `tables.json`.
        question: In English.
        database: SQLite file; read for the values that the question names.
    """
    values = stored_values(database)
    pieces = link(question, Names.of(entry), lambda text: values.get(text, ()))
    return compact_text(str(Listing.of(entry)), told(pieces))


def compact_text(listing: str, question: str) -> str:
    """Return the prompt of a listing and a question."""
    return f"{listing}Q: {question}\nSQL:"


@lru_cache(maxsize=256)
def stored_values(database: Path) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return the texts that a database holds: the first so many of each column's first rows.

    What is no text, long, or holds unusual characters is left out.

    Returns:
        For a text in lower case the columns that hold it, each with the text as it stands there.

    Raises:
        sqlite3.Error: It is no database.
    """
    columns_with: dict[str, list[tuple[str, str]]] = {}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            name = table.replace('"', '""')
            for _, column, *_ in connection.execute(f'PRAGMA table_info("{name}")').fetchall():
                quotes = column.replace('"', '""')
                rows = connection.execute(
                    f'SELECT DISTINCT * FROM (SELECT "{quotes}" FROM "{name}" LIMIT {_ROWS}) '
                    f"LIMIT {_DISTINCT}"
                )
                for (value,) in rows:
                    if isinstance(value, str) and _VALUE.fullmatch(value):
                        held = columns_with.setdefault(value.lower(), [])
                        if (column.lower(), value) not in held:
                            held.append((column.lower(), value))
    return columns_with
