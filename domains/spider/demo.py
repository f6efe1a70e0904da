"""Demonstration `smc demo sql`: queries of which the result is known."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from domains.spider.compact_prompt import compact_prompt
from domains.spider.demo_data import questions
from domains.spider.task import SpiderItem, SpiderTask
from potentials.sql.database import Failure, QueryLimits
from potentials.sql.guard import GuardedSQLite
from smc.pages.picture import Cell, text_picture
from smc.potential import AnyPotential, Potential

MODEL = Path(__file__).parent / "model"

_KEYWORD = re.compile(r"\s(WHERE|AND|GROUP|ORDER|LIMIT|UNION|INTERSECT|EXCEPT)(?=\s)", re.I)
_PART = re.compile(rf",|\sFROM(?=\s)|{_KEYWORD.pattern}", re.I)
_LIST = re.compile(r"\s*SELECT\s+(.*?)(\sFROM\s|$)", re.I | re.S)
_WORD = 12
"""Characters that hold any keyword with the blanks around it."""

_ROWS, _COLUMNS = 5, 4
"""Of a result, as many as are drawn."""

Row = tuple[object, ...]


class AfterPart:
    """Fires in the token that ends a column of the SELECT list, a clause or a condition."""

    def start(self) -> str:
        """Return the state of the empty text."""
        return ""

    def advance(self, state: str, text: str) -> tuple[str, bool]:
        """Take the text of one token; the state is the end of the text."""
        seen = state + text
        # A keyword counts with the blank behind it.
        ends = (match.end() + (match[0] != ",") for match in _PART.finditer(seen))
        fires = any(end > len(state) for end in ends)
        return seen[-_WORD:], fires


class FillsTable(Potential):
    """Keeps a query that gives a table which is known.

    The columns of the SELECT list are the table's, each judged once it is written. Wherever the
    text before a keyword runs as a query, its result must hold the table's rows: before WHERE and
    AND maybe among others, for conditions only take rows away, and before what follows the
    conditions no others. In the end they stand in the table's order. A query of which a beginning
    fails that is refused as a whole, so that the target is the same wherever it is asked.

    Args:
        database: SQLite file.
        tables: Names of its tables, any of which may stand before a column, and no alias.
        header: Names of the columns.
        rows: Of the table.
    """

    boundary = AfterPart()

    def __init__(
        self, database: Path, tables: Sequence[str], header: Sequence[str], rows: Sequence[Row]
    ) -> None:
        self._database = _guarded(database)
        self._header = [{name, *(f"{table}.{name}" for table in tables)} for name in header]
        self._rows, self._bag = list(rows), Counter(rows)

    def prefix(self, text: str) -> float:
        """Return −inf if a finished column is another, or a beginning lost what it must hold."""
        if not self._names_fit(text):
            return -math.inf
        parts = _KEYWORD.finditer(text)
        return 0.0 if all(self._may_go_on(text[: p.start()], p[1]) for p in parts) else -math.inf

    def complete(self, text: str) -> float:
        """Return −inf unless the result is the table."""
        result = self._database.run(text.strip())
        if isinstance(result, Failure) or result.rows != self._rows:
            return -math.inf
        return self.prefix(text)

    def _names_fit(self, text: str) -> bool:
        match = _LIST.match(text)
        if match is None:
            return True
        columns = [column.strip().lower() for column in match[1].split(",")]
        finished = columns if match[2] else columns[:-1]
        if len(finished) > len(self._header) or (match[2] and len(finished) < len(self._header)):
            return False
        return all(c in names for c, names in zip(finished, self._header, strict=False))

    def _may_go_on(self, sql: str, keyword: str) -> bool:
        result = self._database.run(sql.strip())
        if isinstance(result, Failure):
            return True
        found = Counter(result.rows)
        return self._bag <= found if keyword.upper() in ("WHERE", "AND") else self._bag == found


@dataclass(frozen=True)
class QueryItem(SpiderItem):
    """A question whose answer is known, and not the query that gives it.

    Attributes:
        tables: Names of the database's tables.
        header: Names of the columns of the answer.
        rows: Of the answer.
    """

    tables: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class QueryDemo:
    """Questions about small databases, with the model that comes with the package; no data set."""

    task: SpiderTask

    title = "SQL queries from a small language model"
    summary = (
        "A question and the table that answers it are known; the query is lost. A grammar of the "
        "schema masks the model's tokens, names must resolve, and each finished part of a query "
        "is run, and must still hold the table's rows."
    )
    note = "Correct: the query has the right query's result."
    model = MODEL
    scores = ("correct", "runs")
    prompts = 80
    resample_at = AfterPart()
    """Where all have been asked the same: the next part of the query."""
    max_tokens = 200
    particles = 10
    ess_threshold = 0.95
    """Checks kill and do not rank, so whoever died is replaced at once."""

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end an answer."""
        return self.task.stop

    def items(self, count: int) -> list[QueryItem]:
        """Return so many questions."""
        return list(islice(_items(), count))

    def potentials(self, item: QueryItem) -> list[AnyPotential]:
        """Return the schema's grammar, the scope of names, and the known row."""
        scope, _ = self.task.expensive(item)
        known = FillsTable(item.database, item.tables, item.header, item.rows)
        return [*self.task.cheap(item), scope, known]

    def score(self, item: QueryItem, text: str) -> dict[str, float]:
        """Return the scores of one answer."""
        scores = self.task.score(item, text)
        return {"correct": scores["correct"], "runs": scores["executes"]}

    def remark(self, item: QueryItem, text: str) -> str:
        """Return whether an answer is right, or what is wrong with it."""
        scores = self.task.score(item, text)
        return "right" if scores["correct"] else "wrong" if scores["executes"] else "does not run"

    def draw(self, item: QueryItem, text: str) -> str | None:
        """Return the result as a table, rows of the right answer marked."""
        return result_table(item, text)


def result_table(item: QueryItem, text: str) -> str:
    """Return the first rows of a query's result as SVG: ✓ where the right answer has them."""
    database = _guarded(item.database)
    result, right = database.run(text.strip()), database.run(item.gold)
    if isinstance(result, Failure):
        return text_picture([[Cell("does not run", "bad")]], most=24)
    rows = [[Cell(""), *(Cell(str(name), "soft") for name in result.columns[:_COLUMNS])]]
    wanted = [] if isinstance(right, Failure) else right.rows
    for row in result.rows[:_ROWS]:
        sign = Cell("✓", "good") if row in wanted else Cell("✗", "bad")
        rows.append([sign, *(Cell(str(value)) for value in row[:_COLUMNS])])
    if len(result.rows) > _ROWS:
        rows.append([Cell(""), Cell(f"… {len(result.rows) - _ROWS} more", "soft")])
    return text_picture(rows, most=10, ruled=True)


def _items() -> Iterator[QueryItem]:
    for number, question in enumerate(questions()):
        rows = _guarded(question.database).run(question.gold)
        assert not isinstance(rows, Failure), question.gold
        yield QueryItem(
            id=f"query-{number:04d}",
            prompt=compact_prompt(question.entry, question.text, question.database),
            database=question.database,
            question=question.text,
            gold=question.gold,
            hardness="medium",
            tables=tuple(question.entry["table_names_original"]),
            header=rows.columns,
            rows=tuple(rows.rows),
        )


@lru_cache(maxsize=16)
def _guarded(database: Path) -> GuardedSQLite:
    return GuardedSQLite(database, QueryLimits())


DEMO = QueryDemo(SpiderTask(shots=0, compact=True))
