"""What the docstring of a sandbox says of programs that do no harm, and of what it keeps clean."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from potentials.sandbox import Job, Limits, Outcome, Sandbox, SandboxError
from potentials.sandbox.inside.process_table import ProcessTable
from tests.potentials.sandbox.watching import alive, need_view_of_processes, processes


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1) as made:
        yield made


def _without(*walls: str) -> Sandbox:
    sandbox = Sandbox(workers=1)
    sandbox._without = walls
    try:
        assert all(wall not in sandbox.walls for wall in walls)
    except SandboxError as error:
        sandbox.close()
        pytest.skip(f"refused: {error}")
    return sandbox


WORKS = {
    "user": ("import getpass", "getpass.getuser()", "box"),
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool: found = list(pool.map(abs, [-1, -2]))",
        "found",
        [1, 2],
    ),
    "event loop": (
        "import asyncio\n"
        "async def f():\n"
        "    p = await asyncio.create_subprocess_exec('/proc/none') if False else 3\n"
        "    return await asyncio.sleep(0, p)\n"
        "found = asyncio.run(f())",
        "found",
        3,
    ),
    "a process": (
        "import subprocess, sys\n"
        "found = subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True).stdout",
        "found.decode()",
        "1\n",
    ),
    "streams": (
        "import socket\na, b = socket.socketpair()\na.sendall(b'x')\nfound = b.recv(1)",
        "found.decode()",
        "x",
    ),
    "random bytes": ("import secrets", "len(secrets.token_bytes(3))", 3),
    "a temporary file": (
        "import tempfile\nwith tempfile.TemporaryDirectory() as d: open(d + '/f', 'w').close()",
        "1",
        1,
    ),
}


@pytest.mark.parametrize("name", WORKS)
def test_what_ordinary_programs_do_works(sandbox: Sandbox, name: str) -> None:
    code, result, expected = WORKS[name]
    found = sandbox.run(Job((code,), result=result))
    assert (found.outcome, found.value) == (Outcome.OK, expected), found


def test_the_name_of_the_host_is_hidden(sandbox: Sandbox) -> None:
    if "uts namespace" not in sandbox.walls:
        pytest.skip(f"no uts namespace; {sandbox.walls}")
    names = "[socket.gethostname(), os.uname().nodename]"
    found = sandbox.run(Job(("import os, socket",), result=names))
    assert found.value == ["sandbox"] * 2 and socket.gethostname() not in found.value


_FORKS = """
import os, time
block = bytearray(40 << 20)
children = []
for _ in range(3):
    child = os.fork()
    if not child:
        for i in range(0, {0}, 4096): block[i] = 1
        time.sleep(0.4)
        os._exit(0)
    children.append(child)
for child in children: os.waitpid(child, 0)
"""


def test_what_processes_share_counts_once(sandbox: Sandbox) -> None:
    need_view_of_processes(sandbox)
    limits = Limits(memory_bytes=64 << 20)
    for touched, outcome in ((0, Outcome.OK), (20 << 20, Outcome.MEMORY)):
        result = sandbox.run(Job((_FORKS.format(touched),), limits=limits, reuse=False))
        assert result.outcome is outcome, (touched, result)


def test_what_has_ended_counts_nothing() -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("the kernel does not tell what a process has")
    proc = os.open("/proc", os.O_RDONLY)
    child = subprocess.Popen([sys.executable, "-c", ""])
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it stays to be seen
        assert ProcessTable(proc, alone=False, user=None).shared_bytes({child.pid}) <= 0
    finally:
        child.wait()
        os.close(proc)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (("'text'", "x = 1"), "text"),
        (("x = 1", "'text'"), None),
        (("x = 1", "'text'\n'more'\ny = 2"), None),
        (("x = 1", "'text'\nfrom __future__ import annotations\nx: Unknown = 1"), None),
        (("x = 1", "__doc__ = 'set'"), "set"),
        (("'text'", "'more'"), "text"),
    ],
)
def test_only_the_first_piece_has_a_docstring(
    sandbox: Sandbox, pieces: tuple[str, ...], expected: str | None
) -> None:
    for reuse in (True, False):
        result = sandbox.run(Job(pieces, result="__doc__", reuse=reuse))
        assert (result.outcome, result.value) == (Outcome.OK, expected), result


def test_a_process_with_a_signal_pending_is_not_kept(sandbox: Sandbox) -> None:
    first = (
        "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        "os.kill(os.getpid(), signal.SIGUSR1)"
    )
    for _ in range(2):
        result = sandbox.run(Job((first, "x = 1"), result="signal.SIGUSR1 in signal.sigpending()"))
        if result.outcome is Outcome.ERROR:
            pytest.skip("signals cannot be sent on this machine")
        assert (result.value, result.reused) == (True, 0)


@pytest.mark.parametrize("outcome", ["ok", "timeout", "killed", "gone", 5])
def test_of_its_own_end_a_program_says_only_what_it_can_know(
    sandbox: Sandbox, outcome: object
) -> None:
    code = (
        "import json, os\n"
        f"words = dict(outcome={outcome!r}, error='', message='', line=None)\n"
        "body = b'F0\\n' + json.dumps(words).encode()\n"
        "os.write(3, len(body).to_bytes(4, 'big') + bytes(32) + body)\nraise ValueError"
    )
    assert sandbox.run(Job((code,), reuse=False)).outcome is Outcome.KILLED


@pytest.mark.parametrize("make", ["os.symlink('x', {0})", "os.mkfifo({0})"])
def test_files_are_bounded_where_none_is_mounted(make: str) -> None:
    limits = Limits(wall_seconds=60.0, cpu_seconds=60.0)
    code = f"import os\nn = 0\nwhile True:\n    {make.format('str(n)')}\n    n += 1"
    with _without("mount namespace") as sandbox:
        result = sandbox.run(Job((code,), limits=limits))
        assert result.outcome is Outcome.OUTPUT and "files and folders" in result.message
        assert sandbox.run(Job(("import os",), result="os.listdir()")).value == []


def test_runs_die_with_their_container() -> None:
    """Where no namespace ends them with it."""
    with _without("process namespace") as sandbox:
        code = "import time\ntime.sleep(60)"
        job = Job((code,), limits=Limits(wall_seconds=5.0), reuse=False)
        run = threading.Thread(target=_run_and_lose, args=(sandbox, job))
        run.start()
        until = time.monotonic() + 20
        while len(processes(sandbox)) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        before = processes(sandbox)
        assert len(before) >= 3  # the container, a template, and its copy
        assert sandbox._fork_server is not None
        parent = sandbox._fork_server._process.pid
        stats = {pid: Path(f"/proc/{pid}/stat").read_text() for pid in before}
        # What a container ran is gone with it, so all are read before one is killed.
        for pid, stat in stats.items():
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 20
        while alive(before) and time.monotonic() < until:
            time.sleep(0.01)
        assert not alive(before)
        sandbox.close()
        run.join()


def _run_and_lose(sandbox: Sandbox, job: Job) -> None:
    """Run a program whose container dies, and is replaced until the sandbox is closed."""
    try:
        sandbox.run(job)
    except SandboxError:
        return


_OWNER = """
import sys
from potentials.sandbox import Job, Sandbox
sandbox = Sandbox(workers=1)
sandbox._without = tuple(filter(None, sys.argv[1].split("+")))
sandbox.walls
print(sandbox._fork_server.base, flush=True)
sandbox.run(Job(("open('f', 'w').write('x' * 1000)\\nimport time; time.sleep(30)",)))
"""


@pytest.mark.parametrize("without", ["", "mount namespace"])
def test_the_folder_of_an_owner_that_is_killed_goes(without: str, tmp_path: Path) -> None:
    if without:
        _without(without).close()
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, without],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert owner.stdout is not None
    base = Path(owner.stdout.readline().strip())
    assert base.is_dir() and base.parent == tmp_path
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    until = time.monotonic() + 20
    while base.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []
