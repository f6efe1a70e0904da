"""Execution accuracy: right or wrong, by running the gold query and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from domains.spider.matching import order_matters, prepared, same_result
from potentials.sql.database import MEBIBYTE, Failure, QueryLimits, Result
from potentials.sql.guard import GuardedSQLite

TIMEOUT = 30.0
"""Seconds for one query."""

_MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class ExecutionScore:
    """What running an answer showed.

    Attributes:
        correct: Its result is that of the gold query, in every variant of the database.
        runs: It gave a result within the limits, in every variant.
    """

    correct: bool
    runs: bool


@lru_cache(maxsize=4096)
def judge(
    database: Path,
    gold: str,
    answer: str,
    *,
    keep_distinct: bool = False,
    timeout: float = TIMEOUT,
) -> ExecutionScore:
    """Compare the results of a gold query and an answer, by Spider's test-suite evaluation.

    They are run on every `.sqlite` file beside the database, since the test suites put variants of
    it there. An answer that gives more rows than the gold query runs no further, and is wrong.

    Args:
        database: SQLite file.
        gold: The gold query. Where it does not run, no answer is correct.
        answer: The answer.
        keep_distinct: Do not take DISTINCT out of both.
        timeout: Seconds for one query; the official limit is 60.
    """
    if len(answer) > QueryLimits.max_sql:
        return ExecutionScore(correct=False, runs=False)
    gold, answer = prepared(gold, keep_distinct), prepared(answer, keep_distinct)
    ordered = order_matters(gold)
    correct = runs = True
    for variant in _variants(database):
        guarded = _guarded(variant, timeout)
        right = _gold_result(variant, gold, timeout)
        wanted = 0 if isinstance(right, Failure) else len(right.rows)
        result = guarded.run(answer, max_rows=wanted)
        if isinstance(result, Failure):
            correct, runs = False, runs and result.overlong
        elif isinstance(right, Failure) or not same_result(right.rows, result.rows, ordered):
            correct = False
        if not runs:
            break
    return ExecutionScore(correct, runs)


@lru_cache(maxsize=256)
def _gold_result(database: Path, gold: str, timeout: float) -> Result | Failure:
    return _guarded(database, timeout).run(gold)


@lru_cache(maxsize=64)
def _guarded(database: Path, timeout: float) -> GuardedSQLite:
    return GuardedSQLite(
        database, QueryLimits(timeout=timeout, max_rows=_MOST_ROWS, max_bytes=256 * MEBIBYTE)
    )


@lru_cache(maxsize=1024)
def _variants(database: Path) -> tuple[Path, ...]:
    """Return the databases of a folder, the one named first."""
    others = sorted(f for f in database.parent.glob("*.sqlite") if f != database)
    return (database, *others)
