"""The demo of SQL: questions about databases made on the spot, and the table that is known."""

import math

import pytest

from domains.spider.demo import DEMO, AfterPart, FillsTable, result_table
from smc.checking import check_potential


@pytest.fixture(scope="module")
def items():
    return DEMO.items(10)


def known(item):
    return FillsTable(item.database, item.tables, item.header, item.rows)


def test_questions_are_the_same_again_and_different_from_each_other(items):
    assert [i.prompt for i in DEMO.items(4)] == [i.prompt for i in items[:4]]
    assert len({item.prompt for item in items}) == len(items)


def test_the_right_query_has_weight_and_is_not_in_the_prompt(items):
    for item in items:
        assert item.gold not in item.prompt
        assert known(item).prefix(f" {item.gold}") == known(item).complete(f" {item.gold}") == 0.0
        assert DEMO.score(item, f" {item.gold}") == {"correct": 1.0, "runs": 1.0}
        assert DEMO.remark(item, f" {item.gold}") == "right"
        assert result_table(item, item.gold).count("✓") == min(5, len(item.rows))


def test_what_cannot_become_the_table_is_left_at_once(items):
    item = items[0]
    first, *_, last = item.header
    table = item.gold.split(" FROM ")[1].split(" ")[0]
    checked = known(item)
    assert checked.prefix(f" SELECT {first}") == 0.0
    assert checked.prefix(f" SELECT {last},") == -math.inf
    assert checked.prefix(f" SELECT {table}.{first},") == 0.0
    lost = f" SELECT {', '.join(item.header)} FROM {table} WHERE {last} < -1"
    assert (checked.prefix(lost), checked.prefix(f"{lost} AND ")) == (0.0, -math.inf)
    assert checked.complete(lost) == -math.inf
    assert DEMO.remark(item, " SELECT nothing") == "does not run"
    check_potential(checked, [f" {item.gold}", lost, " SELECT nothing"])


def test_boundary():
    boundary = AfterPart()
    state, fired = boundary.start(), []
    for token in (" SELECT a", ",", " b FROM", " t WHERE", " a > 1 AN", "D", " b"):
        state, fires = boundary.advance(state, token)
        fired.append(fires)
    assert fired == [False, True, False, True, True, False, True]
