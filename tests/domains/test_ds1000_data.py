"""A sample of the real problems; `python -m domains.ds1000.check` looks at all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from domains.ds1000 import check
from domains.ds1000.data import load
from domains.ds1000.environment import interpreter, sandbox
from domains.ds1000.harness import parse_harness
from domains.ds1000.statements import finished_statements
from domains.ds1000.task import LIBRARIES, Ds1000Item, Ds1000Task
from potentials.sandbox import Sandbox
from smc.errors import SettingsError

pytestmark = pytest.mark.data
EVERY = 61
"""One problem in so many is checked."""


@pytest.fixture(scope="module")
def root(data_dir: Path) -> Path:
    if not (data_dir / "ds1000").is_dir():
        pytest.skip(f"no DS-1000 at {data_dir}")
    return data_dir


@pytest.fixture(scope="module")
def items(root: Path) -> list[Ds1000Item]:
    return Ds1000Task().items(None, root)


@pytest.fixture(scope="module")
def runner() -> Sandbox:
    try:
        return sandbox(interpreter())
    except SettingsError as error:
        pytest.skip(str(error))


def test_every_harness_is_understood(root: Path):
    problems = load(root)
    for problem in problems:
        harness = parse_harness(problem.context)
        assert "generate_ans" not in harness.inputs + harness.before + harness.after
        assert harness.cases >= 1
    kept = [p for p in problems if p.library in LIBRARIES]
    task = Ds1000Task()
    assert len(task.items(None, root)) + len(task.left_out(root)) == len(problems)
    assert len(kept) - len(task.items(None, root)) == sum(
        bool(parse_harness(p.context).downloads) for p in kept
    )


def test_statements_are_found_in_every_reference(items: list[Ds1000Item]):
    for item in items:
        text = item.problem.reference
        for end in check.statement_ends(text):
            assert finished_statements(text[:end], indented=bool(item.harness.header))


def test_references_pass_and_nothing_else_does(items: list[Ds1000Item], runner: Sandbox):
    others = check.others(items)
    findings = [
        finding
        for item, other in list(zip(items, others, strict=True))[::EVERY]
        for finding in check.examine(item, other, runner)
    ]
    assert not findings
