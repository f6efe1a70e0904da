"""Schema augmentation: other names, fewer tables and columns, other values.

What a question says of a name in full is said of the new one; a name that the query needs and the
question only hints at stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from domains.spider.compact_prompt import Listing
from domains.spider.linking import Lookup, Names, Piece, stem, stems
from domains.spider.training.examples import Sample
from domains.spider.training.pool import Pool, is_key
from domains.spider.training.queries import Part

_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True)
class Renaming:
    """New names for old ones, with how they are spoken."""

    tables: Mapping[str, tuple[str, str]]
    columns: Mapping[str, tuple[str, str]]

    def table(self, name: str) -> str:
        """Return the new name of a table."""
        return self.tables[name][0] if name in self.tables else name

    def column(self, name: str) -> str:
        """Return the new name of a column."""
        return self.columns[name][0] if name in self.columns else name

    def listing(self, listing: Listing) -> Listing:
        """Return a listing in the new names."""
        return Listing(
            {
                self.table(t): [
                    (self.column(c), (self.table(to[0]), self.column(to[1])) if to else None)
                    for c, to in columns
                ]
                for t, columns in listing.tables.items()
            }
        )

    def names(self, names: Names, listing: Listing) -> Names:
        """Return the names of a (smaller) old listing in the new names."""
        tables = {
            self.table(t): stems(self.tables[t][1]) if t in self.tables else names.tables[t]
            for t in listing.tables
        }
        columns: dict[str, tuple[str, ...]] = {}
        owners: dict[str, frozenset[str]] = {}
        for t, mine in listing.tables.items():
            for c, _ in mine:
                new = self.column(c)
                spoken = stems(self.columns[c][1]) if c in self.columns else names.columns[c]
                columns.setdefault(new, spoken)
                owners[new] = owners.get(new, frozenset()) | {self.table(t)}
        return Names(tables, columns, owners)

    def values(self, held: Lookup, kept: frozenset[str]) -> Lookup:
        """Return the values of the columns that are kept, under the new names."""

        def renamed(text: str) -> list[tuple[str, str]]:
            return [(self.column(c), v) for c, v in held(text) if c in kept]

        return renamed


def renaming(
    samples: Sequence[Sample],
    pool: Pool,
    share: float,
    rng: np.random.Generator,
    made_up: float = 0.0,
) -> Renaming:
    """Draw new names for about a share of the names that may have one.

    Args:
        samples: Questions about one database.
        pool: Where names come from.
        share: Of the names.
        rng: What draws.
        made_up: Share of the new names that are words of the pool.
    """
    known = samples[0].known
    fixed_tables, fixed_columns = _fixed(samples)
    taken = set(known.names.tables) | set(known.names.columns)
    tables: dict[str, tuple[str, str]] = {}
    columns: dict[str, tuple[str, str]] = {}
    for name in known.names.tables:
        if name not in fixed_tables and rng.random() < share:
            new = pool.tables[rng.integers(len(pool.tables))]
            if made_up and rng.random() < made_up:
                new = pool.made_up(False, rng)
            if new[0] not in taken:
                tables[name] = new
                taken.add(new[0])
    for name in known.names.columns:
        if name not in fixed_columns and rng.random() < share:
            choices = pool.columns[is_key(name)]
            new = choices[rng.integers(len(choices))]
            if made_up and rng.random() < made_up:
                new = pool.made_up(is_key(name), rng)
            if new[0] not in taken:
                columns[name] = new
                taken.add(new[0])
    return Renaming(tables, columns)


def _fixed(samples: Sequence[Sample]) -> tuple[set[str], set[str]]:
    """Return the tables and columns that must keep their names."""
    tables: set[str] = set()
    columns: set[str] = set()
    for sample in samples:
        said_tables = {t for p in sample.pieces if p.full for t in p.tables}
        said_columns = {c for p in sample.pieces if p.full for c in p.columns}
        for piece in sample.pieces:
            several = len(piece.tables) + len(piece.columns) > 1
            if several or not piece.full:
                tables.update(piece.tables)
                columns.update(piece.columns)
        for part in sample.parts:
            # A key that joins, or a table that a join passes through, is in no question.
            if part.kind == "table" and part.text not in said_tables:
                tables.update(() if len(_tables(sample)) > 1 else (part.text,))
            if part.kind == "column" and part.text not in said_columns:
                columns.update(() if is_key(part.text) else (part.text,))
    return tables, columns


def _tables(sample: Sample) -> set[str]:
    return {p.text for p in sample.parts if p.kind == "table"}


def smaller(
    samples: Sequence[Sample], drop: float, shuffle: bool, rng: np.random.Generator
) -> Listing:
    """Return the listing without about a share of what the queries do not need."""
    listing = samples[0].known.listing
    tables = {p.text for s in samples for p in s.parts if p.kind == "table"}
    columns = {p.text for s in samples for p in s.parts if p.kind == "column"}
    kept = [t for t in listing.tables if t in tables or rng.random() >= drop]
    if shuffle:
        rng.shuffle(kept)
    columns_of: dict[str, list[tuple[str, tuple[str, str] | None]]] = {}
    for table in kept:
        mine = [
            (c, to if to and to[0] in kept else None)
            for c, to in listing.tables[table]
            if c in columns or rng.random() >= drop
        ]
        if shuffle and rng.random() < 0.5:
            rng.shuffle(mine)
        columns_of[table] = mine or list(listing.tables[table][:1])
    have = {(t, c) for t, mine in columns_of.items() for c, _ in mine}
    return Listing(
        {t: [(c, to if to in have else None) for c, to in mine] for t, mine in columns_of.items()}
    )


def retold(
    sample: Sample, new: Renaming, swap: float, rng: np.random.Generator
) -> tuple[str, list[Part]]:
    """Return a question and its query in new names, and some with other values."""
    pieces = [_said(piece, new) for piece in sample.pieces]
    parts = [
        Part(p.kind, new.table(p.text) if p.kind == "table" else new.column(p.text))
        if p.kind in ("table", "column")
        else p
        for p in sample.parts
    ]
    for at, part in enumerate(parts):
        if rng.random() >= swap:
            continue
        if part.kind == "string":
            _swap_string(at, parts, pieces, sample, rng)
        elif part.kind == "number":
            _swap_number(at, parts, pieces, rng)
    return "".join(pieces), parts


def _said(piece: Piece, new: Renaming) -> str:
    changed = [new.tables[t] for t in piece.tables if t in new.tables]
    changed += [new.columns[c] for c in piece.columns if c in new.columns]
    if not piece.full or len(changed) != 1:
        return piece.text
    lead = piece.text[: len(piece.text) - len(piece.text.lstrip())]
    old, spoken = piece.text.strip(), changed[0][1]
    last = old.split()[-1]
    plural = stem(last) != last.lower()
    if plural and not spoken.endswith("s"):
        spoken = spoken[:-1] + "ies" if spoken.endswith("y") else spoken + "s"
    return lead + (spoken[0].upper() + spoken[1:] if old[0].isupper() else spoken)


def _swap_string(
    at: int, parts: list[Part], pieces: list[str], sample: Sample, rng: np.random.Generator
) -> None:
    text = parts[at].text
    for index, piece in enumerate(sample.pieces):
        homes = [c for c, v in piece.values if v == text]
        if homes and piece.text.strip().lower() == text.lower():
            choices = sample.known.by_column[homes[0]]
            value = choices[rng.integers(len(choices))]
            if "'" not in value:
                lead = piece.text[: len(piece.text) - len(piece.text.lstrip())]
                pieces[index] = lead + value
                parts[at] = Part("string", value)
            return


def _swap_number(at: int, parts: list[Part], pieces: list[str], rng: np.random.Generator) -> None:
    text = parts[at].text
    pattern = re.compile(rf"(?<![\w.]){re.escape(text)}(?![\w.])")
    places = [(i, len(pattern.findall(p))) for i, p in enumerate(pieces) if pattern.search(p)]
    same = sum(p.kind == "number" and p.text == text for p in parts)
    if len(places) != 1 or places[0][1] != 1 or same != 1:
        return
    digits = [str(rng.integers(10)) if c.isdigit() else c for c in text]
    if _YEAR.fullmatch(text):
        digits[:2] = text[:2]
    elif digits[0] == "0" and len(digits) > 1:
        digits[0] = "1"
    new = "".join(digits)
    pieces[places[0][0]] = pattern.sub(new, pieces[places[0][0]])
    parts[at] = Part("number", new)
