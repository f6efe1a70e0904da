"""The benchmark of self-backtracking: shorter searches from a longer one, and the table."""

from __future__ import annotations

import pytest

from benchmarks.backtracking.report import render
from benchmarks.backtracking.ways import shorter
from domains.countdown.problems import parse
from domains.countdown.steps import BACKTRACK, GOAL
from smc.steps import Extension, TokenText
from smc.strategies import Options, backtracking
from tests.step_worlds import Script

PROBLEM = parse("2 3 4>9\n")
LINES = ("3+2=5\n", "5+4=9\n", "9+9=9\n", BACKTRACK, GOAL)


def reply(solution, uniform):
    """Lines at random, with log probabilities that tell which line was drawn."""
    pick = int(uniform * 5) if solution else int(uniform * 3)
    text = LINES[pick]
    step = TokenText.of(text, (pick,), (text,), (-0.1 * (pick + 1),))
    return Extension(step, pick > 2, 1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_a_shorter_search_is_the_beginning_of_a_longer_one(seed, rounds):
    how = {"num_solutions": 9, "options": Options(seed=seed)}
    whole = backtracking(Script(reply), PROBLEM.text, rounds=3, **how)
    own = backtracking(Script(reply), PROBLEM.text, rounds=rounds, **how)
    told = shorter(PROBLEM, whole, rounds)
    assert told == shorter(PROBLEM, own, rounds)
    assert told["answered"] is (own.answer is not None)
    assert told["tokens"] == own.budget.model_tokens
    if own.text is not None:
        assert told["right"] is (own.text in ("3+2=5\n5+4=9\n" + GOAL,))


def test_the_table_counts_the_problems_that_all_rows_have():
    head = {"command": "run", "commit": "c", "date": "d",
            "machine": {"cpu": "x", "cores": 2, "load": 1.0}}  # fmt: skip
    ways = [("plain", "greedy"), ("trained with mistakes", "search, b = 2")]
    records = [
        {"model": model, "way": way, "item": f"i{k}", "numbers": 3 + k % 2, "tokens": 10,
         "right": bool(k % 2) or model != "plain", "any": True, "answered": True}
        for model, way in ways
        for k in range(8 if model == "plain" else 6)
    ]  # fmt: skip
    table = render(head, records, "# T")
    assert "6 test problems" in table
    assert "| plain | greedy | 0.50 (0.19, 0.81) | 0.00 (" in table
    assert "less plain training, greedy | +0.50 (" in table
