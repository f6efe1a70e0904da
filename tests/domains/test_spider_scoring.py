"""The rules of the test-suite evaluation, on hand-made pairs; hardness, on known queries."""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from domains.spider.hardness import hardness
from domains.spider.matching import order_matters, prepared, same_result
from domains.spider.scoring import ExecutionScore, judge

A, B, NULL = "a", "b", None


@pytest.mark.parametrize(
    ("gold", "answer", "as_bag", "as_list"),
    [
        ([], [], True, True),
        ([(1,)], [], False, False),
        ([(1,), (2,)], [(2,), (1,)], True, False),
        # Duplicates count.
        ([(1,), (1,), (2,)], [(1,), (2,), (2,)], False, False),
        ([(1,), (1,)], [(1,)], False, False),
        # Columns may change places, in all rows alike.
        ([(1, A), (2, B)], [(A, 1), (B, 2)], True, True),
        ([(1, A), (2, B)], [(B, 2), (A, 1)], True, False),
        ([(1, 2), (3, 4)], [(2, 1), (3, 4)], False, False),
        ([(1, 2), (2, 1)], [(2, 1), (1, 2)], True, True),
        ([(1, 2, 3)], [(3, 1, 2)], True, True),
        ([(1, 1, 2)], [(1, 2, 2)], False, False),
        ([(1, 2)], [(1,)], False, False),
        # A number is no text; whole numbers are the same in either type.
        ([(1,)], [("1",)], False, False),
        ([(1,)], [(1.0,)], True, True),
        ([(0.1 + 0.2,)], [(0.3,)], False, False),
        ([(A,)], [("A",)], False, False),
        # NULL is NULL, and nothing else.
        ([(NULL,)], [(NULL,)], True, True),
        ([(NULL,)], [("",)], False, False),
        ([(NULL,)], [(0,)], False, False),
        ([(NULL, 1)], [(1, NULL)], True, True),
        ([(b"x",)], [("x",)], False, False),
        # As printed, 1 comes before 1.5 but 1.0 after -: rows are sorted by it, and come apart.
        ([(1, "1.")], [(1.0, "1.")], False, False),
    ],
)
def test_results(gold: list, answer: list, as_bag: bool, as_list: bool):
    assert same_result(gold, answer, ordered=False) is as_bag
    assert same_result(gold, answer, ordered=True) is as_list
    assert same_result(answer, gold, ordered=False) is as_bag


def test_columns_are_matched_as_by_trying_every_order():
    rng = random.Random(11)
    outcomes = Counter()
    for _ in range(1500):
        columns, rows = rng.randint(1, 4), rng.randint(1, 4)
        gold = [tuple(rng.choice((0, 1, A, NULL)) for _ in range(columns)) for _ in range(rows)]
        order = rng.sample(range(columns), columns)
        answer = [tuple(row[i] for i in order) for row in rng.sample(gold, rows)]
        if rng.random() < 0.5:
            row, column = rng.randrange(rows), rng.randrange(columns)
            changed = list(answer[row])
            changed[column] = rng.choice((0, 1, A, NULL))
            answer[row] = tuple(changed)
        for ordered in (False, True):
            expected = any(
                (permuted == gold) if ordered else (Counter(permuted) == Counter(gold))
                for p in itertools.permutations(range(columns))
                for permuted in [[tuple(row[i] for i in p) for row in answer]]
            )
            assert same_result(gold, answer, ordered) is expected
            outcomes[ordered, expected] += 1
    assert all(outcomes[key] > 100 for key in itertools.product((False, True), repeat=2))


def test_many_equal_columns_take_no_time():
    row = (NULL,) * 30
    assert same_result([row] * 5, [row] * 5, ordered=False)
    gold = [(*row, i) for i in range(5)]
    assert same_result(gold, [(i, *row) for i in range(5)], ordered=False)
    assert not same_result(gold, [(min(i, 3), *row) for i in range(5)], ordered=False)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT DISTINCT a FROM t", "SELECT  a FROM t"),
        ("SELECT count(distinct a)", "SELECT count( a)"),
        ("SELECT 'distinct', \"DISTINCT\"", "SELECT 'distinct', \"DISTINCT\""),
        ("SELECT a FROM t WHERE a > = 1 AND b ! = 2", "SELECT a FROM t WHERE a >= 1 AND b != 2"),
        ("SELECT YEAR ( CURDATE( ) ) - a", "SELECT 2020- a"),
    ],
)
def test_queries_are_prepared_as_the_evaluation_does(sql: str, expected: str):
    assert prepared(sql) == expected


def test_distinct_can_be_kept():
    assert prepared("SELECT DISTINCT a", keep_distinct=True) == "SELECT DISTINCT a"


def test_order_matters_where_the_gold_query_orders():
    assert order_matters("SELECT a FROM (SELECT a FROM t Order By b)")
    assert not order_matters("SELECT a FROM t GROUP BY a")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "main" / "t.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE t (a INTEGER, b TEXT, c REAL);"
            "INSERT INTO t VALUES (1, 'x', 1.0), (2, 'y', NULL), (2, 'z', 2.5), (NULL, 'x', 0);"
        )
    return path


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("SELECT a, b FROM t", "SELECT b, a FROM t ORDER BY b DESC", (True, True)),
        ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a DESC", (False, True)),
        ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a, b", (True, True)),
        ("SELECT DISTINCT a FROM t", "SELECT a FROM t", (True, True)),
        ("SELECT a FROM t", "SELECT a FROM t UNION SELECT a FROM t", (False, True)),
        ("SELECT a FROM t WHERE a = 1", "SELECT c FROM t WHERE a = 1", (True, True)),
        ("SELECT a FROM t WHERE a = 1", "SELECT '1'", (False, True)),
        ("SELECT a FROM t WHERE a > 9", "SELECT b, c FROM t WHERE c > 9", (True, True)),
        ("SELECT c FROM t WHERE a = 2 AND b = 'y'", "SELECT NULL", (True, True)),
        ("SELECT a FROM t", "SELECT d FROM t", (False, False)),
        ("SELECT count(*) FROM t", "SELECT count(*) FROM t;", (True, True)),
        ("SELECT d FROM t", "SELECT a FROM t", (False, True)),
    ],
)
def test_verdicts(path: Path, gold: str, answer: str, verdict: tuple[bool, bool]):
    assert judge(path, gold, answer) == ExecutionScore(*verdict)


def test_distinct_counts_where_it_is_kept(path: Path):
    assert not judge(
        path, "SELECT DISTINCT a FROM t", "SELECT a FROM t", keep_distinct=True
    ).correct


def test_every_database_of_the_folder_must_agree(path: Path):
    gold, answer = "SELECT count(*) FROM t", "SELECT 4"
    assert judge(path, gold, answer).correct
    other = path.parent.with_name("two")
    other.mkdir()
    for name, rows in (("t.sqlite", 4), ("variant.sqlite", 5)):
        with closing(sqlite3.connect(other / name)) as connection:
            connection.execute("CREATE TABLE t (a)")
            connection.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(rows)])
            connection.commit()
    assert judge(other / "t.sqlite", gold, answer) == ExecutionScore(False, True)


def test_an_endless_answer_is_wrong(path: Path):
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT {} FROM c"
    gold = "SELECT count(*) FROM t"
    assert judge(path, gold, endless.format("x")) == ExecutionScore(False, True)
    assert judge(path, gold, endless.format("max(x)"), timeout=0.2) == ExecutionScore(False, False)


@pytest.mark.parametrize(
    ("level", "query"),
    [
        # Whole queries; the third would be "hard" with one clause fewer, as the fifth is.
        ("easy", "SELECT COUNT(*) FROM boats WHERE masts > 2"),
        (
            "medium",
            "SELECT T2.town, COUNT(*) FROM race AS T1 JOIN harbour AS T2 "
            "ON T1.harbour_id = T2.harbour_id GROUP BY T1.harbour_id",
        ),
        (
            "extra",
            "SELECT T1.owner FROM owners AS T1 JOIN clubs AS T2 ON T1.club = T2.club_id JOIN boats "
            "AS T3 ON T1.owner_id = T3.owner "
            "WHERE T2.club = 'North' GROUP BY T1.owner HAVING COUNT(*) >= 3",
        ),
        (
            "extra",
            "SELECT AVG(length) FROM boats WHERE name NOT IN (SELECT T1.name FROM "
            "boats AS T1 JOIN repairs AS T2 ON T1.boat_id = T2.boat_id "
            'WHERE T2.yard = "Kappeln" AND T2.paid = "T")',
        ),
        (
            "hard",
            "SELECT T1.owner FROM owners AS T1 JOIN clubs AS T2 ON T1.club = T2.club_id "
            "WHERE T2.club = 'North' GROUP BY T1.owner HAVING COUNT(*) > 3",
        ),
        # Each component by itself.
        ("easy", "SELECT a FROM t"),
        ("easy", "SELECT max(a) FROM t"),
        ("easy", "SELECT a FROM t JOIN u ON t.x = u.x"),
        ("easy", "SELECT a FROM t ORDER BY a"),
        ("medium", "SELECT a FROM t ORDER BY a LIMIT 1"),
        ("medium", "SELECT a, b FROM t"),
        ("medium", "SELECT max(a), min(a) FROM t"),
        ("medium", "SELECT a FROM t WHERE b LIKE 'x%'"),
        ("medium", "SELECT a FROM t WHERE b = 1 AND c = 2"),
        ("medium", "SELECT a FROM t WHERE b = 1 OR c = 2"),
        ("hard", "SELECT max(a), min(a) FROM t WHERE b = 1 AND c = 2"),
        ("hard", "SELECT a FROM t WHERE b = 1 OR c = 2 OR d = 3"),
        ("extra", "SELECT a FROM t WHERE b = 1 OR c = 2 OR d = 3 OR e = 4"),
        ("hard", "SELECT a FROM t WHERE b IN (SELECT c FROM u)"),
        ("extra", "SELECT a, b FROM t WHERE b IN (SELECT c FROM u)"),
        ("hard", "SELECT a FROM t WHERE b > (SELECT avg(b) FROM t)"),
        ("hard", "SELECT a FROM t UNION SELECT b FROM u WHERE c = 1 AND d = 2 GROUP BY e"),
        ("extra", "SELECT a FROM t WHERE b = 1 AND c = 2 EXCEPT SELECT a FROM u"),
        # Not counted: a subquery in FROM.
        ("easy", "SELECT a FROM (SELECT a, b FROM t WHERE b = 1 AND c = 2 GROUP BY a)"),
    ],
)
def test_hardness(level: str, query: str):
    assert hardness(query) == level


def test_what_is_no_query_has_no_hardness():
    for text in ("SELECT FROM WHERE", "DROP TABLE t"):
        with pytest.raises(ValueError, match="gold query"):
            hardness(text)
