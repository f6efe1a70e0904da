"""The training examples: what a question says of the schema, and its query in parts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from domains.spider.compact_prompt import Listing, stored_values
from domains.spider.data import TRAINING, SpiderData
from domains.spider.linking import Lookup, Names, Piece, link
from domains.spider.training.queries import Part, UnreadableError, parts_of, written

HELD_OUT = 10
"""Databases that the model never sees; their questions measure it during training."""


@dataclass(frozen=True, eq=False)
class Known:
    """A database.

    Attributes:
        db_id: Its name.
        listing: Its tables.
        names: As they are spoken.
        held: Where it holds a text.
        by_column: The texts that it holds, by column.
        file: Of SQLite; None where it is absent.
    """

    db_id: str
    listing: Listing
    names: Names
    held: Lookup
    by_column: Mapping[str, Sequence[str]]
    file: Path | None


@dataclass(frozen=True, eq=False)
class Sample:
    """A question and its query.

    Attributes:
        known: The database.
        question: In English.
        pieces: The question, linked.
        parts: The query in the one style.
        gold: The query as the data have it.
    """

    known: Known
    question: str
    pieces: Sequence[Piece]
    parts: Sequence[Part]
    gold: str


def read(data: Path) -> dict[str, list[Sample]]:
    """Return the training examples by database, without those beyond `parts_of`."""
    source = SpiderData.find(data)
    known: dict[str, Known] = {}
    by_database: dict[str, list[Sample]] = {}
    for example in source.examples(TRAINING):
        if example.db_id not in known:
            known[example.db_id] = _known(source, example.db_id)
        database = known[example.db_id]
        try:
            parts = parts_of(example.query, database.listing)
        except UnreadableError:
            continue
        pieces = link(example.question, database.names, database.held)
        sample = Sample(database, example.question, pieces, parts, example.query)
        by_database.setdefault(example.db_id, []).append(sample)
    return by_database


def split(samples: Mapping[str, list[Sample]]) -> tuple[dict[str, list[Sample]], list[Sample]]:
    """Return the training part, and the samples of the databases that are held out.

    Every so many databases, in the order of their names, so that the choice needs no seed; only
    those whose database is there, since the answers are run.
    """
    able = sorted(db for db, mine in samples.items() if mine[0].known.file is not None)
    step = max(1, len(able) // HELD_OUT)
    out = set(able[step // 2 :: step][:HELD_OUT])
    training = {db: mine for db, mine in samples.items() if db not in out}
    return training, [s for db in sorted(out) for s in samples[db]]


def texts(samples: Mapping[str, list[Sample]]) -> Iterator[str]:
    """Yield texts in the format of the prompts, for the tokenizer."""
    from domains.spider.compact_prompt import compact_text, told

    for mine in samples.values():
        for at, sample in enumerate(mine):
            listing = str(sample.known.listing) if at % 10 == 0 else ""
            yield compact_text(listing, told(sample.pieces)) + f" {written(sample.parts)}\n"


def _known(source: SpiderData, db_id: str) -> Known:
    entry = source.entry(db_id)
    try:
        file = source.database(db_id)
        values = stored_values(file)
    except (FileNotFoundError, ValueError, sqlite3.Error):
        file, values = None, {}
    by_column: dict[str, list[str]] = {}
    for columns in values.values():
        for column, value in columns:
            by_column.setdefault(column, []).append(value)
    held = partial(_held, values)
    return Known(db_id, Listing.of(entry), Names.of(entry), held, by_column, file)


def _held(values: Mapping[str, Sequence[tuple[str, str]]], text: str) -> Sequence[tuple[str, str]]:
    return values.get(text, ())
