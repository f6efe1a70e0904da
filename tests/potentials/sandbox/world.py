"""What hostile programs are after, and one run of such a program."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from potentials.sandbox import Job, Limits, Outcome, RunResult, Sandbox, SandboxError
from tests.potentials.sandbox.hostile import ESCAPED, Hostile
from tests.potentials.sandbox.watching import processes

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
    """A sandbox, and what its programs are after.

    Attributes:
        sandbox: Where they run.
        names: What they are told.
        datagrams: Sockets at which nothing may arrive.
    """

    sandbox: Sandbox
    names: dict[str, object]
    datagrams: tuple[socket.socket, ...]

    @property
    def setting(self) -> str:
        """A piece that tells a program the names."""
        return "; ".join(f"{n} = {v!r}" for n, v in self.names.items())

    def holds(self, program: Hostile) -> bool:
        """Whether one of the walls stands that hold a program."""
        walls = self.sandbox.walls
        return not program.needs or any(need in walls for need in program.needs.split("|"))

    def run(self, program: Hostile, check: bool = True) -> RunResult:
        """Run a program anew, and check what it leaves; raise `AssertionError` if it got out."""
        began = time.monotonic()
        limits = ENDLESS if "timeout" in program.outcomes else LIMITS
        result = self.sandbox.run(Job((self.setting, program.code), limits=limits, reuse=False))
        assert time.monotonic() - began < limits.wall_seconds + _LONG
        assert result.outcome in program.outcomes.split(), result
        assert ESCAPED not in result.stdout, result
        assert len(result.stdout) <= LIMITS.output_bytes and len(result.message) < 3000
        if check:
            self.check()
        return result

    def check(self) -> None:
        """Raise `AssertionError` where a program has left something behind."""
        # The container, and what it copies for each of the two kinds of limits.
        assert len(processes(self.sandbox)) <= 3
        job = Job(("import os", "x = sorted(os.listdir())"), result="[x, 1 + 1]", reuse=False)
        after = self.sandbox.run(job)
        assert (after.outcome, after.value) == (Outcome.OK, [[], 2])

    def nothing_arrived(self) -> bool:
        """Whether no datagram came."""
        for socket_ in self.datagrams:
            try:
                socket_.recv(1, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            return False
        return True


@contextmanager
def world(folder: Path, without: tuple[str, ...] = ()) -> Iterator[World]:
    """Yield a world with a secret in a folder; skip where the sandbox refuses to run anything.

    Args:
        folder: An empty one.
        without: Walls not to be put up.
    """
    os.environ["SANDBOX_TEST_SECRET"] = "secret"
    secret, path = folder / "secret", folder / "socket"
    secret.write_text("secret")
    abstract = f"\0sandbox-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as internet,
        socket.socket(socket.AF_UNIX) as local,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local_datagram,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as in_folder,
        Sandbox(workers=1, limits=LIMITS) as sandbox,
    ):
        local.bind(abstract)
        local.listen()
        internet.bind(("127.0.0.1", 0))
        local_datagram.bind(abstract + "-datagram")
        in_folder.bind(str(path))
        names = {
            "HOST_PID": os.getpid(),
            "SECRET": str(secret),
            "PORT": server.getsockname()[1],
            "UDP_PORT": internet.getsockname()[1],
            "ABSTRACT": abstract,
            "ABSTRACT_DATAGRAM": abstract + "-datagram",
            "SOCKET": str(path),
            "HOST_NAME": socket.gethostname(),
        }
        sandbox._without = without
        try:
            print(sandbox.walls)
        except SandboxError as error:
            pytest.skip(f"nothing hostile is run where the sandbox refuses to: {error}")
        found = World(sandbox, names, (internet, local_datagram, in_folder))
        yield found
        if any(wall in sandbox.walls for wall in ("network namespace", "seccomp")):
            assert found.nothing_arrived()
    del os.environ["SANDBOX_TEST_SECRET"]
    assert secret.read_text() == "secret" and sorted(os.listdir(folder)) == ["secret", "socket"]
