"""Programs with one error die at the statement with the error; good ones never."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import pytest

from potentials.python.execution import PythonExecution
from potentials.python.statements import split_statements
from potentials.sandbox import Limits, Sandbox
from tests.potentials.python_planted import KINDS, SETUP, Planted, planted_programs

pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def execution() -> Iterator[PythonExecution]:
    limits = Limits(wall_seconds=60.0, cpu_seconds=30.0)
    with Sandbox(imports=("numpy", "pandas"), limits=limits, workers=1) as sandbox:
        yield PythonExecution(SETUP, sandbox=sandbox)


def died_at(execution: PythonExecution, program: tuple[str, ...]) -> int | None:
    """Index of the statement at whose end the program dies; None if it does not."""
    for k in range(len(program)):
        # The next statement has begun: one that is compound is then certainly finished.
        if execution.prefix("".join(program[: k + 1]) + "pass") == -math.inf:
            return k
    return None


def killed_in_time(execution: PythonExecution, case: Planted) -> bool:
    """Whether the program dies just at its error; the good one must not die."""
    good = "".join(case.good)
    assert execution.complete(good) == 0.0, good
    died = died_at(execution, case.bad)
    assert execution.complete("".join(case.bad)) == -math.inf, "".join(case.bad)
    return died == case.at


def test_programs_with_an_error_die_at_its_statement(execution: PythonExecution) -> None:
    cases = planted_programs(15, seed=2)
    assert all(died_at(execution, case.good) is None for case in cases)
    assert sum(killed_in_time(execution, c) for c in cases) >= 0.95 * len(cases)


def killed_there(execution: PythonExecution, case: Planted) -> bool:
    """As `killed_in_time`, asked at the two places that decide: what has died stays dead."""
    good, before = "".join(case.good), "".join(case.bad[: case.at])
    assert execution.complete(good) == 0.0, good
    at = before + case.bad[case.at]
    alive, dead = execution.batch_prefix([before + "pass", at + "pass"])
    return alive == 0.0 and dead == -math.inf


@pytest.mark.slow
def test_of_300_programs_with_an_error_95_percent_die_at_its_statement(
    execution: PythonExecution,
) -> None:
    cases = planted_programs(300, seed=1)
    missed = [c for c in cases if not killed_there(execution, c)]
    assert len(missed) <= 0.05 * len(cases), [(c.kind, c.bad[c.at]) for c in missed]


def test_the_generator_is_deterministic_and_makes_what_it_says() -> None:
    cases = planted_programs(300, seed=1)
    assert cases == planted_programs(300, seed=1)
    assert Counter(c.kind for c in cases) == {kind: 60 for kind in KINDS}
    for case in cases:
        assert 4 <= len(case.good) == len(case.bad) <= 10
        assert [k for k, (a, b) in enumerate(zip(case.good, case.bad, strict=True)) if a != b] == [
            case.at
        ]
        assert all(split_statements(s, whole=True).finished for s in case.bad)


def test_good_programs_live_at_every_character(execution: PythonExecution) -> None:
    for case in planted_programs(2, seed=5):
        text = "".join(case.good)
        assert set(execution.batch_prefix([text[:k] for k in range(len(text) + 1)])) == {0.0}
