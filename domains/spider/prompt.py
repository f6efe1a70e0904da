"""The few-shot prompt: for each example the schema, the question and the query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INSTRUCTION = (
    "You translate questions about a database into SQL for SQLite. Use only the tables and columns "
    "that are listed. Answer with a single SELECT statement, on one line, and nothing else."
)
SHOTS = (10, 100, 1000)
"""Which training examples are shown, counted from 0, as in Loula et al. 2025 (arXiv:2504.13139)."""


@dataclass(frozen=True)
class Shot:
    """A question and its answer.

    Attributes:
        listing: Of the schema.
        question: In English.
        query: The answer, on one line.
    """

    listing: str
    question: str
    query: str


def schema_listing(entry: Mapping[str, Any]) -> str:
    """Return the tables and columns of a database, a line each.

    Args:
        entry: Of Spider's `tables.json`.

    Example:
        >>> print(schema_listing({
        ...     "table_names_original": ["singer"], "table_names": ["singer"],
        ...     "column_names_original": [[-1, "*"], [0, "Singer_ID"]],
        ...     "column_names": [[-1, "*"], [0, "singer id"]],
        ...     "column_types": ["text", "number"]}))
        Table singer
        * Singer_ID (number): singer id
    """
    columns = list(
        zip(
            entry["column_names_original"],
            entry["column_types"],
            entry["column_names"],
            strict=True,
        )
    )
    lines: list[str] = []
    for index, table in enumerate(entry["table_names_original"]):
        lines.append(f"Table {table}")
        lines += [
            f"* {name} ({kind}): {spoken}"
            for (owner, name), kind, (_, spoken) in columns
            if owner == index
        ]
    return "\n".join(lines)


def request(listing: str, question: str) -> str:
    """Return what is asked: the schema and the question."""
    return f"{listing}\nQuestion: {question}"


def plain_prompt(listing: str, question: str, shots: Sequence[Shot] = ()) -> str:
    """Return the prompt of a base model; its answer begins with a space and ends with the line."""
    shown = "".join(f"{request(s.listing, s.question)}\nSQL: {s.query}\n\n" for s in shots)
    return f"{INSTRUCTION}\n\n{shown}{request(listing, question)}\nSQL:"


def chat_prompt(listing: str, question: str, shots: Sequence[Shot] = ()) -> list[dict[str, str]]:
    """Return the messages for a chat model; its answer is the query."""
    messages = [{"role": "system", "content": INSTRUCTION}]
    for shot in shots:
        messages.append({"role": "user", "content": request(shot.listing, shot.question)})
        messages.append({"role": "assistant", "content": shot.query})
    messages.append({"role": "user", "content": request(listing, question)})
    return messages
