"""Equality of query results, by the rules of Spider's test-suite evaluation.

Zhong, Yu and Klein 2020 (arXiv:2010.02840), written anew. A result is a bag of rows, or a list of
them where the gold query says ORDER BY; columns may stand in another order, the same in every row.
Values are equal as in Python: 1 equals 1.0, but not '1', and NULL equals NULL.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from potentials.sql.completion import tokens

ResultRow = tuple[Any, ...]

_THIS_YEAR = re.compile(r"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", re.IGNORECASE)


def prepared(sql: str, keep_distinct: bool = False) -> str:
    """Return a query as the evaluation runs it.

    Operators that were split are joined, `YEAR(CURDATE())` is 2020, and DISTINCT is left out, from
    gold and answer alike.

    Args:
        sql: A gold query or an answer.
        keep_distinct: Leave DISTINCT in.
    """
    for split, joined in (("> =", ">="), ("< =", "<="), ("! =", "!=")):
        sql = sql.replace(split, joined)
    if not keep_distinct:
        gone = [t for t in tokens(sql) if t.word and t.text == "distinct"]
        starts, ends = [t.start for t in gone], [t.end for t in gone]
        sql = "".join(sql[a:b] for a, b in zip([0, *ends], [*starts, len(sql)], strict=True))
    return _THIS_YEAR.sub("2020", sql)


def order_matters(gold: str) -> bool:
    """Whether the gold query says ORDER BY, anywhere, with one space."""
    return "order by" in gold.lower()


def same_result(gold: Sequence[ResultRow], answer: Sequence[ResultRow], ordered: bool) -> bool:
    """Whether two results are the same up to the order of columns, and of rows unless `ordered`.

    Two empty results are the same whatever their columns.

    Args:
        gold: `[R]` rows of the gold query.
        answer: `[R']` rows of the answer.
        ordered: Whether the order of rows matters.
    """
    if not gold and not answer:
        return True
    if len(gold) != len(answer) or len(gold[0]) != len(answer[0]):
        return False
    gold_rows, answer_rows = [_sorted(r) for r in gold], [_sorted(r) for r in answer]
    if (gold_rows != answer_rows) if ordered else (set(gold_rows) != set(answer_rows)):
        return False
    gold_columns, answer_columns = list(zip(*gold, strict=True)), list(zip(*answer, strict=True))
    if ordered:
        return Counter(gold_columns) == Counter(answer_columns)
    return _bags_match(gold_columns, answer_columns)


def _sorted(row: ResultRow) -> ResultRow:
    """Return the values in an order of their own. As printed: 1 and 1.0 may come apart by it."""
    return tuple(sorted(row, key=lambda value: str(value) + str(type(value))))


def _bags_match(gold: list[ResultRow], answer: list[ResultRow]) -> bool:
    """Whether some order of the answer's columns gives the gold bag of rows.

    Columns are matched one after the other; what has been matched must be the same bag already,
    which soon leaves few choices. Of equal columns only the first is tried.
    """
    bags = [Counter(column) for column in answer]
    choices = [[i for i, bag in enumerate(bags) if bag == Counter(column)] for column in gold]
    order = sorted(range(len(gold)), key=lambda column: len(choices[column]))

    def extend(
        depth: int, used: frozenset[int], mine: list[ResultRow], theirs: list[ResultRow]
    ) -> bool:
        if depth == len(order):
            return True
        column = gold[order[depth]]
        longer = [(*row, value) for row, value in zip(mine, column, strict=True)]
        wanted = Counter(longer)
        tried: set[ResultRow] = set()
        for index in choices[order[depth]]:
            if index in used or answer[index] in tried:
                continue
            tried.add(answer[index])
            rows = [(*row, value) for row, value in zip(theirs, answer[index], strict=True)]
            if Counter(rows) == wanted and extend(depth + 1, used | {index}, longer, rows):
                return True
        return False

    nothing: list[ResultRow] = [()] * len(gold[0])
    return extend(0, frozenset(), nothing, nothing)
