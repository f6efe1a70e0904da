"""Processes that have run the beginning of a program and are copied for the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from potentials.sandbox import Job, Limits, Outcome, RunResult, Sandbox
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
        "import os\nos.close(0)",
    ],
    ids=["thread", "child", "file", "folder", "socket", "memory", "timer", "closed"],
)
def test_what_a_copy_would_share_is_not_kept(sandbox: Sandbox, first: str) -> None:
    for _ in range(2):
        result = sandbox.run(Job((first, "x = 1"), result="x"))
        assert (result.outcome, result.value, result.reused) == (Outcome.OK, 1, 0)


def test_kept_processes_are_bounded() -> None:
    with Sandbox(workers=1, snapshots=3) as sandbox:
        need_view_of_processes(sandbox)
        for n in range(10):
            sandbox.run(Job((f"x = {n}", "y = 1")))
        # With the cell and the stem.
        assert len(processes(sandbox)) == 5
        assert sandbox.run(Job(("x = 0", "y = 1"))).reused == 0
        assert sandbox.run(Job(("x = 0", "y = 1"))).reused == 2


def test_limits_that_differ_share_nothing(sandbox: Sandbox) -> None:
    for seconds in (4.0, 3.0):
        job = Job(("limited = 1", "y = 2"), limits=Limits(wall_seconds=seconds))
        assert sandbox.run(job).reused == 0
