"""Processes that have run the beginning of a program and are copied for the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from potentials.sandbox import Job, Limits, Outcome, RunResult, Sandbox, SandboxError
from tests.potentials.sandbox.hostile import FORGE
from tests.potentials.sandbox.watching import need_view_of_processes, processes


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, imports=("random", "fractions")) as found:
        yield found


def _same(one: RunResult, other: RunResult) -> bool:
    fields = ("outcome", "piece", "error", "message", "line", "stdout", "stderr", "value")
    return all(getattr(one, f) == getattr(other, f) for f in fields)


PREFIX = (
    "import random, os\nrandom.seed(3)\na = random.random()\nprint('start', end='')",
    "b = random.random()\nstate = {'n': 0}\nimport fractions",
    "state['n'] += 1\nc = random.random()\nprint(' on')",
)


def test_a_reused_beginning_changes_nothing() -> None:
    """Random numbers, output, errors and state are those of a run from the start."""
    last = ("state['n'] += 10\nd = random.random()\nprint(d)", "1 / 0", "e = random.gauss(0, 1)")
    result = "[a, b, c, state, random.random(), os.getcwd(), hash('x')]"
    with Sandbox(workers=1) as sandbox:
        need_view_of_processes(sandbox)
        for tail in last:
            for asked in (None, result):
                fresh = sandbox.run(Job((*PREFIX, tail), result=asked, reuse=False))
                for _ in range(2):
                    sandbox.run(Job(PREFIX))
                    again = sandbox.run(Job((*PREFIX, tail), result=asked))
                    assert fresh.reused == 0 and again.reused >= 3
                    assert _same(fresh, again), (fresh, again)


def test_siblings_do_not_disturb_each_other(sandbox: Sandbox) -> None:
    need_view_of_processes(sandbox)
    sandbox.run(Job(("kept = []", "kept.append(1)")))
    for n in range(3):
        result = sandbox.run(
            Job(("kept = []", "kept.append(1)", f"kept.append({n})"), result="kept")
        )
        assert (result.value, result.reused) == ([1, n], 2)


@pytest.mark.parametrize(
    "first",
    [
        "import threading, time\nthreading.Thread(target=time.sleep, args=(5,)).start()",
        "import os, time\nif os.fork() == 0: time.sleep(5)",
        "f = open('/dev/null')",
        "open('file', 'w').write('x')",
        "import socket\npair = socket.socketpair()",
        "import mmap\nm = mmap.mmap(-1, 4096)",
        "import signal\nsignal.setitimer(signal.ITIMER_REAL, 100)",
        "import signal\nsignal.signal(signal.SIGUSR1, lambda *a: None)",
        "import os\nos.close(0)",
        "import os\nf = os.open('given', os.O_RDONLY)\nos.dup2(f, 0)\nos.close(f)",
        "import os\nf = os.open('/dev/null', os.O_WRONLY)\nos.dup2(f, 1)\nos.close(f)",
    ],
    ids="thread child file folder socket memory timer handler closed input output".split(),
)
def test_what_a_copy_would_share_is_not_kept(sandbox: Sandbox, first: str) -> None:
    for _ in range(2):
        result = sandbox.run(Job((first, "x = 1"), files=(("given", b"x"),), result="x"))
        assert (result.outcome, result.value, result.reused) == (Outcome.OK, 1, 0)


_LISTENS = """
import signal, socket
from _blake2 import blake2b
def on_wake(*_):
    link = socket.socket(fileno=os.dup(3))
    socket.recv_fds(link, 1, 3)
    fresh = blake2b(key=link.recv(32), digest_size=32)
    say({0!r}, fresh)
signal.signal(signal.SIGCONT, on_wake)
say(b'D1\\n{{"plain":true,"value":null}}')
link = socket.socket(fileno=os.dup(3))
link.close()
signal.pause()
"""


@pytest.mark.parametrize("body", [b"P-1", b"P0", b"P1", b"P" + b"9" * 30, b"P", b"D", b"\xff"])
def test_a_kept_process_that_lies_about_its_copy(body: bytes) -> None:
    """It has taken over its harness, and names processes that are not its copy."""
    with Sandbox(workers=1) as sandbox:
        need_view_of_processes(sandbox)
        if "process namespace" not in sandbox.walls:
            pytest.skip("were it believed, it would end processes of the machine")
        liar = Job((FORGE + _LISTENS.format(body), "x = 1"))
        for _ in range(2):
            sandbox.run(liar)
            after = sandbox.run(Job(("y = 2",), result="y"))
            assert (after.outcome, after.value) == (Outcome.OK, 2)


@pytest.mark.parametrize("name", ["SIGSTOP", "SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_program_signals_those_that_wait(name: str) -> None:
    with Sandbox(workers=1) as sandbox:
        need_view_of_processes(sandbox)
        first = ("kept = 1", "x = 1")
        sandbox.run(Job(first))
        before = processes(sandbox)
        sandbox.run(Job((f"import os, signal\nos.kill(-1, signal.{name})",), reuse=False))
        assert sandbox.run(Job(("y = 1",), reuse=False)).ok
        again = sandbox.run(Job((*first, "y = x + 1"), result="y"))
        assert (again.outcome, again.value) == (Outcome.OK, 2)
        if name == "SIGSTOP":
            # None was taken for dead: each is where it was.
            assert processes(sandbox) >= before and again.reused == 2


def test_unfiltered_programs_are_not_kept_beside_others() -> None:
    """They could write into each other, and into what all are copied from."""
    with Sandbox(workers=1) as sandbox:
        sandbox._without = ("seccomp",)
        try:
            assert "seccomp" not in sandbox.walls
        except SandboxError as error:
            pytest.skip(f"refused: {error}")
        for _ in range(2):
            result = sandbox.run(Job(("x = 1", "y = 2"), result="x + y"))
            assert (result.value, result.reused) == (3, 0)
            assert len(processes(sandbox)) == 1


def test_kept_processes_are_bounded() -> None:
    with Sandbox(workers=1, snapshots=3) as sandbox:
        need_view_of_processes(sandbox)
        for n in range(10):
            sandbox.run(Job((f"x = {n}", "y = 1")))
        # With the container and the template.
        assert len(processes(sandbox)) == 5
        assert sandbox.run(Job(("x = 0", "y = 1"))).reused == 0
        assert sandbox.run(Job(("x = 0", "y = 1"))).reused == 2


def test_limits_that_differ_share_nothing(sandbox: Sandbox) -> None:
    for seconds in (4.0, 3.0):
        job = Job(("limited = 1", "y = 2"), limits=Limits(wall_seconds=seconds))
        assert sandbox.run(job).reused == 0
