"""Fast Downward: plans that hold, limits, breakdowns. Skipped where it is not installed."""

import time
from contextlib import suppress
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from potentials.pddl import (
    FastDownward,
    PlanningError,
    PlanReachesGoal,
    Problem,
    Status,
    find_plan,
)
from potentials.pddl import fast_downward as fast_downward_module
from smc.errors import SettingsError
from tests.potentials.test_pddl_planning import BLOCKS_DOMAIN, TOWERS, WORLDS, holds, towers

needs_fast_downward = pytest.mark.skipif(
    find_spec("up_fast_downward") is None, reason="up-fast-downward is not installed"
)


@needs_fast_downward
@pytest.mark.parametrize("world", WORLDS)
def test_fast_downward_finds_plans_that_hold(world: str):
    result = find_plan(*WORLDS[world], planner=FastDownward(time_limit=60))
    assert result.status is Status.SOLVED, result
    assert holds(*WORLDS[world], result)
    assert result.seconds > 0


@needs_fast_downward
def test_another_search_finds_a_shortest_plan():
    problem = towers("(and (on b c))")
    result = find_plan(BLOCKS_DOMAIN, problem, planner=FastDownward(search="astar(ipdb())"))
    assert result.plan is not None and len(result.plan) == 4


@needs_fast_downward
def test_a_configuration_that_goes_on_to_better_plans_gives_its_best():
    result = find_plan(BLOCKS_DOMAIN, towers("(and (on b c))"), planner=FastDownward(alias="lama"))
    assert result.status is Status.SOLVED, result
    assert result.plan is not None and len(result.plan) == 4


@needs_fast_downward
def test_the_best_plan_counts_that_was_found_when_time_was_up(monkeypatch: pytest.MonkeyPatch):
    run = fast_downward_module._run

    def stopped(command: list[str], folder: Path, seconds: float) -> None:
        """As if the clock had stopped it after its last plan, and while it wrote another."""
        run(command, folder, seconds)
        (folder / "plan.99").write_text("(unstack a b)\n(put")

    monkeypatch.setattr(fast_downward_module, "_run", stopped)
    result = find_plan(BLOCKS_DOMAIN, TOWERS, planner=FastDownward(alias="lama"))
    assert result.status is Status.SOLVED, result
    assert holds(BLOCKS_DOMAIN, TOWERS, result)


def test_plans_are_tried_from_the_last_one(tmp_path: Path):
    for name in ("plan", "plan.1", "plan.2", "plan.10", "plan.txt", "planner"):
        (tmp_path / name).write_text("")
    found = [file.name for file in fast_downward_module._plans(tmp_path)]
    assert found == ["plan.10", "plan.2", "plan.1", "plan"]


@needs_fast_downward
@pytest.mark.parametrize(
    ("goal", "status"),
    [
        ("(and)", Status.SOLVED),
        ("(and (arm-empty) (clear a))", Status.SOLVED),
        ("(and (on a b) (on b a))", Status.UNSOLVABLE),
        ("(and (on a a))", Status.UNSOLVABLE),
    ],
)
def test_what_fast_downward_says_of_goals_that_hold_and_that_cannot(goal: str, status: Status):
    result = find_plan(BLOCKS_DOMAIN, towers(goal), planner=FastDownward(time_limit=60))
    assert result.status is status, result
    assert (result.plan == ()) == (status is Status.SOLVED)


def many_blocks(count: int) -> Problem:
    names = [f"b{i}" for i in range(count)]
    init = " ".join(f"(on-table {b}) (clear {b})" for b in names) + " (arm-empty)"
    goal = " ".join(f"(on {a} {b})" for a, b in pairwise(names))
    return towers(f"(and {goal})", " ".join(names), init)


def commands() -> list[bytes]:
    """The command lines of all processes, where the system shows them."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it may end meanwhile
            found.append(file.read_bytes())
    return found


@needs_fast_downward
def test_running_out_of_time_is_a_result_and_leaves_no_process():
    started = []
    original = fast_downward_module.subprocess.Popen

    class Watched(original):  # type: ignore[misc, valid-type]
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            started.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_downward_module.subprocess, "Popen", Watched)
        slow = FastDownward(search="astar(blind())", time_limit=1.0)
        result = find_plan(BLOCKS_DOMAIN, many_blocks(16), planner=slow)
    assert result.status is Status.TIMEOUT, result
    assert result.plan is None and result.seconds < 30
    assert [process.poll() is not None for process in started] == [True]
    began = time.monotonic()  # a killed process frees its memory before it is gone
    while left := [c for c in commands() if str(started[0].args[3]).encode() in c]:
        assert time.monotonic() - began < 30, left
        time.sleep(0.05)


@needs_fast_downward
def test_running_out_of_memory_is_a_result():
    small = FastDownward(search="astar(blind())", time_limit=60, memory_limit=40)
    result = find_plan(BLOCKS_DOMAIN, many_blocks(16), planner=small)
    assert result.status is Status.OUT_OF_MEMORY, result


@needs_fast_downward
def test_a_search_it_does_not_know_is_a_breakdown_that_says_so():
    result = find_plan(BLOCKS_DOMAIN, TOWERS, planner=FastDownward(search="guess()"))
    assert result.status is Status.FAILED
    assert "guess" in result.detail and "exit code" in result.detail


def test_a_missing_planner_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fast_downward_module, "find_spec", lambda name: None)
    with pytest.raises(PlanningError, match="pip install up-fast-downward") as caught:
        find_plan(BLOCKS_DOMAIN, TOWERS)
    assert caught.value.result is None
    with pytest.raises(PlanningError, match="not installed"):
        PlanReachesGoal(BLOCKS_DOMAIN, TOWERS)


def test_limits_are_checked():
    for options in ({"time_limit": 0.0}, {"time_limit": float("nan")}, {"memory_limit": 0}):
        with pytest.raises(SettingsError, match="above 0"):
            FastDownward(**options)
