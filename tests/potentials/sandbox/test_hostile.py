"""Programs that try to get out, to stay, or to lie about how they ended.

How long a program may take is not tested by the clock to the tenth of a second: one that were not
stopped would outlast any test run. The micro-benchmark `sandbox` measures it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from potentials.sandbox import Job, Outcome
from tests.potentials.sandbox.programs import PROGRAMS
from tests.potentials.sandbox.watching import need_view_of_processes, processes, state
from tests.potentials.sandbox.world import ENDLESS, LIMITS, World
from tests.potentials.sandbox.world import world as a_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("secret")) as made:
        yield made


@pytest.mark.parametrize("name", PROGRAMS)
def test_is_held(name: str, world: World) -> None:
    if not world.holds(PROGRAMS[name]):
        pytest.skip(f"no {PROGRAMS[name].needs} on this machine; {world.sandbox.walls}")
    world.run(PROGRAMS[name])


@pytest.mark.parametrize("name", ["busy loop", "double fork and setsid", "signal to everybody"])
def test_is_held_when_its_beginning_is_kept(name: str, world: World) -> None:
    setting = world.setting
    limits = ENDLESS if "timeout" in PROGRAMS[name].outcomes else LIMITS
    for _ in range(2):
        result = world.sandbox.run(Job((setting, "x = 1", PROGRAMS[name].code), limits=limits))
        assert result.outcome in PROGRAMS[name].outcomes.split()
    again = world.sandbox.run(Job((setting, "x = 1", "y = x + 1"), result="y"))
    assert (again.outcome, again.value) == (Outcome.OK, 2)


def test_a_kept_process_stands_still(world: World) -> None:
    """A program that took over its harness could go on, were it not stopped from outside."""
    need_view_of_processes(world.sandbox)
    world.sandbox.run(Job(("kept = 1",)))
    until = time.monotonic() + 10
    states: list[str] = []
    while time.monotonic() < until:
        states = [state(pid) for pid in processes(world.sandbox)]
        # The container may be on its way to the next job still.
        if "T" in states and "R" not in states:
            return
        time.sleep(0.01)
    pytest.fail(f"processes are in the states {states}")
