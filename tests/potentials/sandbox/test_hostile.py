"""Programs that try to get out, to stay, or to lie about how they ended.

How long a program may take is not tested by the clock to the tenth of a second: one that were not
stopped would outlast any test run. The micro-benchmark `sandbox` measures it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from potentials.sandbox import Job, Limits, Outcome, Sandbox, SandboxError
from tests.potentials.sandbox.hostile import ESCAPED, Hostile
from tests.potentials.sandbox.programs import PROGRAMS
from tests.potentials.sandbox.watching import need_view_of_processes, processes, state

LIMITS = Limits(
    wall_seconds=15.0,
    cpu_seconds=10.0,
    memory_bytes=64 << 20,
    processes=8,
    file_bytes=1 << 20,
    output_bytes=100_000,
)
ENDLESS = replace(LIMITS, wall_seconds=0.4, cpu_seconds=0.3)
_LONG = 15.0


@dataclass(frozen=True)
class World:
    """A sandbox, and what its programs are after."""

    sandbox: Sandbox
    names: dict[str, object]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    os.environ["SANDBOX_TEST_SECRET"] = "secret"
    secret = tmp_path_factory.mktemp("secret") / "secret"
    secret.write_text("secret")
    abstract = f"\0sandbox-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as local,
        Sandbox(workers=1, limits=LIMITS) as sandbox,
    ):
        local.bind(abstract)
        local.listen()
        names = {
            "HOST_PID": os.getpid(),
            "SECRET": str(secret),
            "PORT": server.getsockname()[1],
            "ABSTRACT": abstract,
        }
        try:
            print(sandbox.walls)
        except SandboxError as error:
            pytest.skip(f"nothing hostile is run where the sandbox refuses to: {error}")
        yield World(sandbox, names)
    del os.environ["SANDBOX_TEST_SECRET"]
    assert secret.read_text() == "secret" and os.listdir(secret.parent) == ["secret"]


def _need(world: World, program: Hostile) -> None:
    walls = world.sandbox.walls
    if program.needs and not any(need in walls for need in program.needs.split("|")):
        pytest.skip(f"no {program.needs} on this machine; {walls}")


@pytest.mark.parametrize("name", PROGRAMS)
def test_is_held(name: str, world: World) -> None:
    program, sandbox = PROGRAMS[name], world.sandbox
    _need(world, program)
    setting = "; ".join(f"{n} = {v!r}" for n, v in world.names.items())
    began = time.monotonic()
    limits = ENDLESS if "timeout" in program.outcomes else LIMITS
    result = sandbox.run(Job((setting, program.code), limits=limits, reuse=False))
    assert time.monotonic() - began < limits.wall_seconds + _LONG
    assert result.outcome in program.outcomes.split(), result
    assert ESCAPED not in result.stdout, result
    assert len(result.stdout) <= LIMITS.output_bytes and len(result.message) < 3000
    # The container, and what it copies for each of the two kinds of limits.
    assert len(processes(sandbox)) <= 3
    check = Job(("import os", "x = sorted(os.listdir())"), result="[x, 1 + 1]", reuse=False)
    after = sandbox.run(check)
    assert (after.outcome, after.value) == (Outcome.OK, [[], 2])


@pytest.mark.parametrize("name", ["busy loop", "double fork and setsid", "signal to everybody"])
def test_is_held_when_its_beginning_is_kept(name: str, world: World) -> None:
    setting = "; ".join(f"{n} = {v!r}" for n, v in world.names.items())
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
