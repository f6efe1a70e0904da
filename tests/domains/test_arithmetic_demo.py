"""The demo of arithmetic: long chains, and the check of finished steps."""

import math

import pytest

from domains.arithmetic.demo import DEMO, CheckedSteps, chain
from domains.arithmetic.problems import parse
from domains.arithmetic.splits import split_of
from domains.arithmetic.steps import solve
from smc.checking import check_potential

PROBLEM = parse("a=7+5;b=a*3;c=b-9;c?\n")
RIGHT = "a=7+5=12\nb=12*3=36\nc=36-9=27"


@pytest.fixture(scope="module")
def items():
    return DEMO.items(12)


def test_problems_are_the_same_again_and_were_not_seen_in_training(items):
    assert DEMO.items(5) == items[:5]
    assert len({item.prompt for item in items}) == len(items)
    assert all(split_of(item.problem) == "test" for item in items)
    assert all(len(item.problem.assignments) == 8 for item in items)


@pytest.mark.parametrize(
    ("text", "so_far", "whole"),
    [
        (RIGHT, 0.0, 0.0),
        (RIGHT + "\n", 0.0, 0.0),
        ("a=7+5=12\nb=12*3=37\nc", -math.inf, -math.inf),
        ("a=7+5=12\nb=12*3=37", 0.0, -math.inf),  # the line may go on
        ("a=7+5=12\n", 0.0, -math.inf),
        ("", 0.0, -math.inf),
        ("b=12*3=36\n", -math.inf, -math.inf),
    ],
)
def test_checked_steps(text, so_far, whole):
    checked = CheckedSteps(PROBLEM)
    assert (checked.prefix(text), checked.complete(text)) == (so_far, whole)


def test_laws():
    check_potential(CheckedSteps(PROBLEM), [RIGHT, "a=7+5=13\nb=13*3=39", "a=1\n\n"])


def test_the_solution_has_weight_and_is_right(items):
    for item in items:
        text = "".join(solve(item.problem))
        assert DEMO.potentials(item)[-1].complete(text) == 0.0
        assert DEMO.score(item, text) == {"correct": 1.0}
        assert DEMO.remark(item, text) == "8 of 8 right"


def test_chain_marks_right_steps_and_wrong_ones():
    assert chain(PROBLEM, RIGHT).count("✓") == 3
    svg = chain(PROBLEM, "a=7+5=13\nb=13*3=39")  # a is wrong, b follows from it, c is missing
    assert (svg.count("✗"), svg.count("✓")) == (2, 1)
    assert svg.count("var(--good)") == 0 and "c=b-9" in svg
