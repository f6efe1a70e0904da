"""The demo of JSON: receipts, and the check of their running totals."""

import math

import pytest

from domains.ds1000.demo import DEMO, LINES, RunningTotals, receipt
from smc.checking import check_potential
from smc.potential import log_complete

ONE = '{"tea": {"price": 2, "sum": 2}'
RIGHT = ONE + ', "milk": {"price": 3, "sum": 5}}'
WRONG = ONE + ', "milk": {"price": 3, "sum": 3}}'


@pytest.mark.parametrize(
    ("text", "so_far", "whole"),
    [
        (RIGHT, 0.0, 0.0),
        (WRONG, -math.inf, -math.inf),
        (ONE, 0.0, -math.inf),
        (ONE + ', "milk": {"price": 3, "sum": 3', 0.0, -math.inf),  # may become 35
        ("", 0.0, -math.inf),
    ],
)
def test_running_totals(text, so_far, whole):
    checked = RunningTotals()
    assert (checked.prefix(text), checked.complete(text)) == (so_far, whole)


def test_laws():
    check_potential(RunningTotals(), [RIGHT, WRONG, ONE])


def test_the_right_receipt_has_weight():
    items = DEMO.items(3)
    assert items == DEMO.items(5)[:3]
    for item in items:
        lines = [f'"{g}": {{"price": 2, "sum": {2 * k}}}' for k, g in enumerate(item.goods, 1)]
        text = "{" + ", ".join(lines) + "}"
        schema, totals = DEMO.potentials(item)
        assert log_complete(schema, text) == 0.0 == totals.complete(text)
        assert DEMO.score(item, text) == {"agree": 1.0, "valid": 1.0}
        assert DEMO.remark(item, text) == f"{LINES} of {LINES} right"
        assert DEMO.score(item, text[:-1]) == {"agree": 0.0, "valid": 0.0}


def test_receipt_marks_right_totals_and_wrong_ones():
    assert receipt(RIGHT).count("✓") == 2
    assert (receipt(WRONG).count("✓"), receipt(WRONG).count("✗")) == (1, 1)
    assert "no receipt" in receipt("")
