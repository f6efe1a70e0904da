"""The data set of Spider 1.0 in its official layout.

Yu et al. 2018 (arXiv:1809.08887): `dev.json`, `train_spider.json`, `tables.json`, and for each
database a folder `database/ID` with `ID.sqlite`, or with SQL that makes it.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FOLDER = "spider"
EVALUATION = "dev.json"
TRAINING = "train_spider.json"
TABLES = "tables.json"
DATABASES = "database"

_DENIED = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH})


@dataclass(frozen=True)
class Example:
    """A question about a database, and the query that answers it.

    Attributes:
        db_id: Of the database.
        question: In English.
        query: The gold query, without white space and semicolon at its end.
    """

    db_id: str
    question: str
    query: str


@dataclass(frozen=True)
class SpiderData:
    """A folder in Spider's official layout.

    Attributes:
        folder: That holds `dev.json`.
    """

    folder: Path

    @classmethod
    def find(cls, root: Path | None) -> SpiderData:
        """Return the data set under a root of data sets, or in the folder itself.

        Raises:
            FileNotFoundError: It is not there.
        """
        candidates = [] if root is None else [root / FOLDER, root]
        for folder in candidates:
            if (folder / EVALUATION).is_file():
                return cls(folder)
        where = "no folder was given" if root is None else f"no {EVALUATION} in {root}/{FOLDER}"
        raise FileNotFoundError(
            f"spider: {where}; expected a folder {FOLDER} with {EVALUATION}, {TRAINING}, {TABLES} "
            f"and {DATABASES}/, as Spider 1.0 has them. Set SMC_DATA, or give --data."
        )

    def examples(self, file: str = EVALUATION) -> tuple[Example, ...]:
        """Return the examples of a file, in its order.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is not Spider's.
        """
        return _examples(self.folder / file)

    def entry(self, db_id: str) -> Mapping[str, Any]:
        """Return what `tables.json` says of a database.

        Raises:
            FileNotFoundError: There is no `tables.json`.
            ValueError: It is not Spider's, or says nothing of the database.
        """
        entry = _entries(self.folder / TABLES).get(db_id)
        if entry is None:
            raise ValueError(f"spider: {TABLES} has no database {db_id!r}.")
        return entry

    def database(self, db_id: str) -> Path:
        """Return the SQLite file of a database, made from its SQL where there is only that.

        Raises:
            FileNotFoundError: There is neither.
            ValueError: SQLite refuses the SQL.
        """
        folder = self.folder / DATABASES / db_id
        file = folder / f"{db_id}.sqlite"
        if file.is_file():
            return file
        for name in (f"{db_id}.sql", "schema.sql"):
            if (folder / name).is_file():
                return _built(folder / name, db_id)
        raise FileNotFoundError(
            f"spider: no {db_id}.sqlite in {folder}, and no {db_id}.sql or schema.sql to make it "
            "from."
        )


@lru_cache(maxsize=16)
def _examples(file: Path) -> tuple[Example, ...]:
    rows = _json(file)
    try:
        return tuple(
            Example(
                db_id=row["db_id"],
                question=" ".join(row["question"].split()),
                query=re.sub(r"[\s;]+$", "", row["query"]),
            )
            for row in rows
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"spider: {file} is not Spider's ({type(error).__name__}: {error}); expected a list of "
            "objects with db_id, question and query."
        ) from error


@lru_cache(maxsize=16)
def _entries(file: Path) -> dict[str, Mapping[str, Any]]:
    try:
        return {entry["db_id"]: entry for entry in _json(file)}
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"spider: {file} is not Spider's ({type(error).__name__}: {error}); expected a list of "
            "objects with db_id."
        ) from error


def _json(file: Path) -> Any:
    if not file.is_file():
        raise FileNotFoundError(f"spider: no file {file}; expected it as Spider 1.0 has it.")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"spider: {file} is no JSON ({error}); fetch it again.") from error


@lru_cache(maxsize=1)
def _workshop() -> tempfile.TemporaryDirectory[str]:
    """Where databases are made; removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="spider-")


@cache
def _built(file: Path, db_id: str) -> Path:
    # A folder each, since the scorer takes all databases of a folder for variants of one.
    folder = Path(tempfile.mkdtemp(dir=_workshop().name))
    path = folder / f"{db_id}.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.set_authorizer(
            lambda action, *_: sqlite3.SQLITE_DENY if action in _DENIED else sqlite3.SQLITE_OK
        )
        try:
            connection.executescript(file.read_text(encoding="utf-8", errors="replace"))
            connection.commit()
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise ValueError(
                f"spider: SQLite refuses {file} ({error}); expected SQL that makes the database. "
                "Repair it, or put the .sqlite file beside it."
            ) from error
    return path
