"""Rows of the Planetarium data set, and which of them are the benchmark."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from domains.planetarium.prompt import OPENING, opening

FOLDER = "planetarium"
COLUMNS = (
    "domain",
    "natural_language",
    "problem_pddl",
    "init_is_abstract",
    "goal_is_abstract",
    "is_placeholder",
)
"""The columns that are read; all others are ignored."""

_OBJECTS = re.compile(r"\(\s*:objects\b([^)]*)\)")
_TRUE = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True)
class PlanetariumRow:
    """A description of a planning problem, and the problem.

    Attributes:
        domain: `blocksworld`, `gripper` or another.
        description: In English.
        problem: In PDDL.
        objects: How many.
        init_abstract: The description speaks of the initial state as a whole, not atom by atom.
        goal_abstract: The same of the goal.
        placeholder: Initial state and goal may be renamed apart.
    """

    domain: str
    description: str
    problem: str
    objects: int
    init_abstract: bool
    goal_abstract: bool
    placeholder: bool

    @property
    def digest(self) -> str:
        """Of the problem and its description: the same wherever the row stands."""
        return sha256(f"{self.problem}\0{self.description}".encode()).hexdigest()


def load(path: str | Path) -> list[PlanetariumRow]:
    """Return the rows of a data set, in the order of its files.

    Args:
        path: A `.jsonl`, `.jsonl.gz`, `.csv` or `.parquet` file with the columns of the public
            data set, a folder of such files, or a root of data sets with a folder `planetarium`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A file is damaged, lacks a column, or has a value that cannot be read; the
            message names what is missing.
    """
    rows = [
        _row(values, f"{file.name}, row {number}")
        for file in _files(Path(path))
        for number, values in enumerate(_read(file), 1)
    ]
    if not rows:
        raise ValueError(f"planetarium: {path} holds no rows; expected one for each problem.")
    return rows


def choose(
    rows: Iterable[PlanetariumRow],
    domains: Iterable[str] = ("blocksworld",),
    max_objects: int | None = 9,
    abstract: bool = False,
) -> list[PlanetariumRow]:
    """Return the rows that ask for different goals, in an order that no file order changes.

    As in Loula et al. 2025 (arXiv:2504.13139): one row for each text of a goal.

    Args:
        rows: Of the data set.
        domains: Those to take.
        max_objects: The largest problems to take; None: all.
        abstract: Take also descriptions that do not name every atom.
    """
    wanted = set(domains)
    taken = [
        row
        for row in rows
        if row.domain in wanted
        and (max_objects is None or row.objects <= max_objects)
        and (abstract or not (row.init_abstract or row.goal_abstract))
    ]
    seen: set[str] = set()
    chosen: list[PlanetariumRow] = []
    for row in sorted(taken, key=lambda r: r.digest):
        head = opening(row.problem).removesuffix(OPENING)
        goal = " ".join(row.problem[len(head) :].split())
        if goal not in seen:
            seen.add(goal)
            chosen.append(row)
    return chosen


def _files(path: Path) -> list[Path]:
    """Return the data files of a path, sorted by name."""
    for folder in (path / FOLDER, path):
        if folder.is_dir():
            files = sorted(f for f in folder.rglob("*") if f.is_file() and _reader(f))
            if files:
                return files
    if not path.is_file():
        raise FileNotFoundError(
            f"planetarium: no data at {path}; expected a folder {FOLDER} with .jsonl, .jsonl.gz, "
            ".csv or .parquet files of the data set, or one such file. Set SMC_DATA, or give "
            "--data."
        )
    if _reader(path) is None:
        raise ValueError(
            f"planetarium: {path} has an unknown ending; expected .jsonl, .jsonl.gz, .csv or "
            ".parquet."
        )
    return [path]


def _reader(file: Path) -> Callable[[Path], Iterator[Mapping[str, Any]]] | None:
    name = file.name
    if name.endswith((".jsonl", ".jsonl.gz")):
        return _json_lines
    return {".csv": _csv, ".parquet": _parquet}.get(file.suffix)


def _read(file: Path) -> Iterator[Mapping[str, Any]]:
    reader = _reader(file)
    assert reader is not None
    try:
        yield from reader(file)
    except (gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"planetarium: {file} is damaged ({error}); expected a complete file. Fetch it again."
        ) from error


def _json_lines(file: Path) -> Iterator[Mapping[str, Any]]:
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(
                    f"planetarium: {file.name}, line {number}: not JSON ({error}); expected one "
                    "object a line."
                ) from error


def _csv(file: Path) -> Iterator[Mapping[str, Any]]:
    with file.open(newline="") as lines:
        yield from csv.DictReader(lines)


def _parquet(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        import pandas
    except ImportError as error:
        raise ValueError(
            f"planetarium: reading {file.name} needs pandas and pyarrow; install them, or store "
            "the rows as .jsonl."
        ) from error
    yield from pandas.read_parquet(file).to_dict("records")


def _row(values: object, where: str) -> PlanetariumRow:
    if not isinstance(values, Mapping):
        raise ValueError(f"planetarium: {where}: got {values!r}, expected an object of columns.")
    missing = [column for column in COLUMNS if values.get(column) is None]
    if missing:
        raise ValueError(
            f"planetarium: {where}: no {', '.join(missing)}; expected the columns "
            f"{', '.join(COLUMNS)}. Is it the data set's own file?"
        )
    objects = _OBJECTS.search(values["problem_pddl"])
    return PlanetariumRow(
        values["domain"],
        values["natural_language"],
        values["problem_pddl"],
        len(objects[1].split()) if objects else 0,
        *(_truth(values[column], column, where) for column in COLUMNS[3:]),
    )


def _truth(value: object, column: str, where: str) -> bool:
    try:
        return _TRUE[str(value).lower().removesuffix(".0")]
    except KeyError as error:
        raise ValueError(
            f"planetarium: {where}: {column} is {value!r}; expected 0, 1, true or false."
        ) from error
