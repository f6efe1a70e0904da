"""Small databases and questions about them, made up here; the demonstration needs no data set."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_SEED = 7
_PARENTS, _CHILDREN = 14, 20
_ROWS = (2, 6)


@dataclass(frozen=True)
class Table:
    """A table to be made.

    Attributes:
        name: In the singular.
        plural: As a question says it.
        texts: For each column of texts the values to draw from.
        numbers: For each column of numbers the smallest and the largest.
    """

    name: str
    plural: str
    texts: Mapping[str, Sequence[str]]
    numbers: Mapping[str, tuple[int, int]]

    @property
    def key(self) -> str:
        """The column that tells rows apart."""
        return f"{self.name}_id"


@dataclass(frozen=True)
class Question:
    """A question about a database.

    Attributes:
        database: SQLite file, alone in its folder.
        entry: The schema in the form of Spider's `tables.json`.
        text: In English.
        gold: The query that answers it.
    """

    database: Path
    entry: Mapping[str, Any]
    text: str
    gold: str


_PEOPLE = ("Ida", "Tom", "Nora", "Emil", "Lena", "Hugo", "Vera", "Otto", "Mina")

WORLDS: tuple[tuple[Table, Table], ...] = (
    (
        Table(
            "baker",
            "bakers",
            {"name": _PEOPLE, "town": ("Ulm", "Graz", "Bern")},
            {"age": (20, 60), "wage": (2000, 3200)},
        ),
        Table(
            "cake",
            "cakes",
            {"kind": ("apple", "nut", "plum", "cherry", "poppy", "lemon")},
            {"price": (10, 30), "weight": (500, 990)},
        ),
    ),
    (
        Table(
            "artist",
            "artists",
            {"name": _PEOPLE, "country": ("Norway", "Peru", "Japan")},
            {"age": (25, 80), "height": (150, 199)},
        ),
        Table(
            "painting",
            "paintings",
            {"title": ("Dusk", "Harvest", "The Mill", "Snow", "Orchard", "Tide")},
            {"year": (1950, 2020), "value": (100, 900)},
        ),
    ),
    (
        Table(
            "ship",
            "ships",
            {"name": ("Aurora", "Petrel", "Heron", "Swift"), "flag": ("Malta", "Panama", "Chile")},
            {"length": (40, 190), "speed": (10, 30)},
        ),
        Table(
            "voyage",
            "voyages",
            {"port": ("Riga", "Porto", "Oslo", "Split", "Cork")},
            {"distance": (200, 4000), "cost": (20, 90)},
        ),
    ),
    (
        Table(
            "hotel",
            "hotels",
            {"name": ("Alpenrose", "Seeblick", "Krone", "Linde"), "city": ("Ulm", "Graz", "Bern")},
            {"rooms": (12, 90), "stars": (1, 5)},
        ),
        Table(
            "booking",
            "bookings",
            {"month": ("May", "June", "July", "August")},
            {"nights": (1, 14), "price": (90, 900)},
        ),
    ),
)
"""Pairs of tables; each row of the second refers to one of the first."""


def questions() -> Iterator[Question]:
    """Yield different questions without end, always the same; the databases take turns."""
    rng = random.Random(_SEED)
    seen: set[tuple[int, str]] = set()
    for turn in range(10**9):
        world = turn % len(WORLDS)
        text, gold = _about(WORLDS[world][turn // len(WORLDS) % 2], rng)
        database, entry = made(world)
        with closing(sqlite3.connect(database)) as connection:
            rows = len(connection.execute(gold).fetchall())
        if _ROWS[0] <= rows <= _ROWS[1] and (world, text) not in seen:
            seen.add((world, text))
            yield Question(database, entry, text, gold)


@lru_cache(maxsize=len(WORLDS))
def made(world: int) -> tuple[Path, Mapping[str, Any]]:
    """Return the file of a database, made once and gone with the process, and its entry."""
    parent, child = WORLDS[world]
    path = Path(_folder().name) / parent.name / f"{parent.name}.sqlite"
    path.parent.mkdir()
    rng = random.Random(f"{_SEED} {parent.name}")
    with closing(sqlite3.connect(path)) as connection, connection:
        _fill(connection, parent, _PARENTS, None, rng)
        _fill(connection, child, _CHILDREN, parent, rng)
    return path, _entry(parent, child)


@lru_cache(maxsize=1)
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="smc-demo-")


def _fill(
    connection: sqlite3.Connection,
    table: Table,
    count: int,
    parent: Table | None,
    rng: random.Random,
) -> None:
    kinds = [f"{table.key} INTEGER PRIMARY KEY"]
    kinds += [f"{name} TEXT" for name in table.texts]
    kinds += [f"{name} INTEGER" for name in table.numbers]
    if parent is not None:
        kinds.append(f"{parent.key} INTEGER REFERENCES {parent.name}({parent.key})")
    connection.execute(f"CREATE TABLE {table.name} ({', '.join(kinds)})")
    for key in range(1, count + 1):
        row: list[object] = [key, *(rng.choice(values) for values in table.texts.values())]
        row += [rng.randint(*ends) for ends in table.numbers.values()]
        if parent is not None:
            row.append(rng.randint(1, _PARENTS))
        connection.execute(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(row))})", row)


def _entry(parent: Table, child: Table) -> Mapping[str, Any]:
    columns = [(-1, "*")]
    columns += [(0, name) for name in (parent.key, *parent.texts, *parent.numbers)]
    columns += [(1, name) for name in (child.key, *child.texts, *child.numbers, parent.key)]
    return {
        "table_names_original": [parent.name, child.name],
        "table_names": [parent.name, child.name],
        "column_names_original": columns,
        "column_names": [(owner, name.replace("_", " ")) for owner, name in columns],
        "foreign_keys": [(len(columns) - 1, columns.index((0, parent.key)))],
    }


def _about(table: Table, rng: random.Random) -> tuple[str, str]:
    """Return a question for three columns under two conditions, in an order, and its query."""
    title = next(iter(table.texts))
    first, second = rng.sample(list(table.numbers), 2)
    one = _equals(table, rng) if len(table.texts) > 1 else _limit(table, first, rng)
    other = _limit(table, second, rng)
    return (
        f"Show the {title}, {first} and {second} of {table.plural} with {one[0]} and {other[0]} "
        f"in descending order of {second}.",
        f"SELECT {title}, {first}, {second} FROM {table.name} WHERE {one[1]} AND {other[1]} "
        f"ORDER BY {second} DESC",
    )


def _equals(table: Table, rng: random.Random) -> tuple[str, str]:
    _, column = table.texts
    value = rng.choice(table.texts[column])
    return f"{column} {value}", f"{column} = '{value}'"


def _limit(table: Table, number: str, rng: random.Random) -> tuple[str, str]:
    low, high = table.numbers[number]
    value = low + round((high - low) * rng.uniform(0.3, 0.7))
    said, sign = rng.choice([("above", ">"), ("below", "<")])
    return f"{number} {said} {value}", f"{number} {sign} {value}"
