"""Equality of results on random pairs, against the rules of Spider's evaluation taken literally."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations, product

import pytest

from domains.spider.matching import same_result

Row = tuple[object, ...]
POOLS = {
    "few": (0, 1, "a", None),
    # Whole numbers in two types, and texts that print between them: rows are sorted as printed.
    "printed": (1, 1.0, "1", "1.", "1.0", 10, "10<", 2, 2.5, None, "None", b"1", ""),
    "numbers": (0, 0.0, -0.0, 1, 1.0, 1e16, 10**16, -1, 0.1 + 0.2, 0.3),
}


def as_printed(row: Row) -> Row:
    return tuple(sorted(row, key=lambda value: str(value) + str(type(value))))


def literally(gold: Sequence[Row], answer: Sequence[Row], ordered: bool) -> bool:
    """What the evaluation's rules say, by trying every order of the columns.

    Results of other sizes differ. So do those whose rows, each sorted as its values are printed,
    are not the same list, or set. The rest are the same if some order of columns makes them so.
    """
    if not gold and not answer:
        return True
    if len(gold) != len(answer) or len(gold[0]) != len(answer[0]):
        return False
    mine, theirs = [as_printed(row) for row in gold], [as_printed(row) for row in answer]
    if mine != theirs if ordered else set(mine) != set(theirs):
        return False
    for order in permutations(range(len(gold[0]))):
        turned = [tuple(row[i] for i in order) for row in answer]
        if list(gold) == turned if ordered else Counter(gold) == Counter(turned):
            return True
    return False


def pairs(pool: Sequence[object], count: int, seed: int) -> Iterator[tuple[list[Row], list[Row]]]:
    """A result, and one with its rows and columns in another order, of which some are changed."""
    rng = random.Random(seed)
    twins = {value: [v for v in pool if v == value] for value in pool}
    for _ in range(count):
        columns, rows = rng.randint(1, 4), rng.randint(0, 5)
        some = rng.sample(list(pool), min(len(pool), rng.randint(1, 5)))
        gold = [tuple(rng.choice(some) for _ in range(columns)) for _ in range(rows)]
        order = rng.sample(range(columns), columns)
        kept = gold if rng.random() < 0.4 else rng.sample(gold, rows)
        answer = [[row[i] for i in order] for row in kept]
        for _ in range(rng.choice((0, 0, 1, 2)) if rows else 0):
            row = rng.choice(answer)
            place = rng.randrange(columns)
            near = rng.random() < 0.5
            row[place] = rng.choice(twins[row[place]] if near else list(pool))
        if rng.random() < 0.1 and answer:
            answer.append(answer[0]) if rng.random() < 0.5 else answer.pop()
        yield gold, [tuple(row) for row in answer]


@pytest.mark.parametrize("pool", POOLS)
def test_random_pairs_are_judged_as_by_the_rules(pool: str):
    outcomes = Counter()
    for gold, answer in pairs(POOLS[pool], 3000, seed=len(pool)):
        for ordered in (False, True):
            expected = literally(gold, answer, ordered)
            assert same_result(gold, answer, ordered) is expected, (gold, answer, ordered)
            outcomes[ordered, expected] += 1
    assert all(outcomes[key] > 300 for key in product((False, True), repeat=2)), outcomes


def test_that_rows_are_sorted_as_printed_decides_some_pairs():
    """Without this rule they would be the same; so the pairs above can tell whether it is kept."""
    parted = 0
    for gold, answer in pairs(POOLS["printed"], 3000, seed=7):
        turned = (
            [tuple(row[i] for i in order) for row in answer]
            for order in permutations(range(len(gold[0]) if gold else 0))
        )
        same = len(gold) == len(answer) and any(Counter(gold) == Counter(t) for t in turned)
        parted += same and not same_result(gold, answer, ordered=False)
    assert parted > 5
