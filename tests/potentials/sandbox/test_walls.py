"""What holds when walls are missing, and when there are too few to run anything.

The programs here multiply. They give up by themselves (see `hostile`), and run only where the
sandbox, which tries first whether processes are limited in number, agrees to run.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time

import pytest

from potentials.sandbox import Job, Limits, Outcome, Sandbox, SandboxError, Walls
from potentials.sandbox.walls import HOLD_FILES, HOLD_PROCESSES
from tests.potentials.sandbox.hostile import BOMB, BOMB_DEPTH, CHAIN
from tests.potentials.sandbox.watching import alive, descendants, processes

WALLS = (
    "user namespace",
    "process namespace",
    "mount namespace",
    "network namespace",
    "ipc namespace",
    "uid",
    "landlock",
    "seccomp",
)
# Long enough for a busy machine to start a few of them.
LIMITS = Limits(wall_seconds=0.8, processes=12)
SUBSETS = [
    (),
    *((wall,) for wall in WALLS),
    ("user namespace", "process namespace"),
    ("process namespace", "seccomp"),
    WALLS[:5],
    WALLS,
]
ROOT = os.geteuid() == 0


def _sandbox(without: tuple[str, ...], unsafe: bool = False) -> Sandbox:
    sandbox = Sandbox(workers=1, unsafe=unsafe)
    sandbox._without = without
    try:
        walls = sandbox.walls
    except SandboxError as error:
        sandbox.close()
        if ("fork bomb" if ROOT else "too few walls") in str(error):
            pytest.skip(f"refused: {error}")
        raise
    assert all(wall not in walls and wall in str(walls) for wall in without)
    return sandbox


@pytest.mark.parametrize("without", SUBSETS, ids=lambda w: "+".join(w) or "none")
def test_whatever_multiplies_is_held_without(without: tuple[str, ...]) -> None:
    before = descendants(os.getpid())  # sandboxes that other tests share
    with _sandbox(without, unsafe=without == WALLS) as sandbox:
        result = sandbox.run(Job((BOMB,), limits=LIMITS, reuse=False))
        assert result.outcome is Outcome.TIMEOUT
        # Who shares a user with others is counted with them, and they come and go.
        most = LIMITS.processes if ROOT else 2 * LIMITS.processes
        assert 0 < result.stdout.count("child") < most < (1 << BOMB_DEPTH) - 1
        assert len(processes(sandbox)) <= 2
        if any(wall in sandbox.walls for wall in HOLD_PROCESSES):
            chain = sandbox.run(Job((CHAIN,), limits=LIMITS, reuse=False))
            # Beside programs of the same user it may be refused its very first child.
            refused = chain.error == "BlockingIOError"
            assert refused or chain.outcome in (Outcome.KILLED, Outcome.TIMEOUT)
            assert len(processes(sandbox)) <= 2
        stay = "import os, time\nif os.fork() == 0:\n    time.sleep(20)"
        assert sandbox.run(Job((stay,), reuse=False)).outcome is Outcome.OK
        assert len(processes(sandbox)) <= 3
        read = Job(("x = 6",), (("a/b", b"x"),), result="[x, open('a/b').read()]")
        assert sandbox.run(read).value == [6, "x"]
        assert sandbox.run(Job(("import os",), result="os.listdir()")).value == []
    assert descendants(os.getpid()) <= before


@pytest.mark.skipif(not ROOT, reason="only root escapes the limit on processes")
@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("without", [("uid",), (*WALLS[:5], "uid"), WALLS], ids="+".join)
def test_root_runs_nothing_as_itself(without: tuple[str, ...], unsafe: bool) -> None:
    with Sandbox(workers=1, unsafe=unsafe) as sandbox:
        sandbox._without = without
        with pytest.raises(SandboxError, match=r"fork bomb.*unsafe=True does not.*another user"):
            sandbox.run(Job(("x = 1",)))


@pytest.mark.skipif(ROOT, reason="for root the limit on processes is missing as well")
def test_without_a_wall_that_holds_processes_it_refuses() -> None:
    with Sandbox(workers=1) as sandbox:
        sandbox._without = WALLS
        with pytest.raises(SandboxError, match="unsafe=True"):
            sandbox.run(Job(("x = 1",)))


@pytest.mark.skipif(ROOT, reason="root's programs are another user")
def test_without_a_wall_that_holds_files_it_refuses() -> None:
    """With but the filter of system calls a program could write into its owner's memory."""
    with Sandbox(workers=1) as sandbox:
        sandbox._without = tuple(wall for wall in WALLS if wall != "seccomp")
        with pytest.raises(SandboxError, match="from your files"):
            sandbox.run(Job(("x = 1",)))


def test_walls_that_hold_no_processes_or_no_files_are_not_enough() -> None:
    others = ("network namespace", "rlimits")
    for processes_, files in itertools.product(HOLD_PROCESSES, HOLD_FILES):
        assert Walls((*others, processes_, files), ()).enough
    for wall in {*HOLD_PROCESSES, *HOLD_FILES, *others} - {"uid"}:
        assert not Walls((*others, wall), ()).enough


def test_a_folder_that_is_not_mounted_goes_with_the_sandbox() -> None:
    """However deep its folders are, and whatever their permissions."""
    code = (
        "import os\nos.mkdir('closed', 0)\n"
        "for _ in range(2000):\n    os.mkdir('d')\n    os.chdir('d')"
    )
    with _sandbox(("mount namespace",)) as sandbox:
        assert sandbox.run(Job((code,), reuse=False)).outcome is Outcome.OK
        fork_server = sandbox._fork_server
        assert fork_server is not None and os.path.isdir(fork_server.base)
    assert not os.path.lexists(fork_server.base)


_OWNER = """
import sys
from potentials.sandbox import Job, Sandbox
with Sandbox(workers=1) as sandbox:
    sandbox._without = tuple(filter(None, sys.argv[1].split("+")))
    sandbox.walls
    print(sandbox._fork_server._process.pid, flush=True)
    sandbox.run(Job(("import os, time\\nos.fork()\\nos.fork()\\ntime.sleep(20)",), reuse=False))
"""


@pytest.mark.parametrize("without", ["", "process namespace", "process namespace+seccomp"])
def test_nothing_outlives_an_owner_that_is_killed(without: str) -> None:
    _sandbox(tuple(filter(None, without.split("+")))).close()
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, without], stdout=subprocess.PIPE, text=True
    )
    try:
        assert owner.stdout is not None
        fork_server = int(owner.stdout.readline())
        until = time.monotonic() + 10
        # The container, the template or its copy, and three more.
        while len(descendants(fork_server)) < 5 and time.monotonic() < until:
            time.sleep(0.01)
        found = descendants(fork_server) | {fork_server}
        assert len(found) >= 6
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.communicate()
    until = time.monotonic() + 10
    while alive(found) and time.monotonic() < until:
        time.sleep(0.01)
    assert not alive(found)
