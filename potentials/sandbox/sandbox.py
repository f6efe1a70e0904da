"""The sandbox: a pool of warm containers in which programs run, shut in."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from potentials.sandbox import messages
from potentials.sandbox.connections import ContainerConnection, ForkServer, Gone, interpreter
from potentials.sandbox.errors import SandboxError
from potentials.sandbox.jobs import Job, Limits, RunResult
from potentials.sandbox.walls import HOLD_FILES, HOLD_PROCESSES, Walls
from smc.errors import SettingsError

_SNAPSHOT_BYTES = 2 << 30
"""Memory that all paused processes may have of their own."""

_SLACK_SECONDS = 30.0
"""Beyond the wall limit: a container that has not answered by then is given up."""


class Sandbox:
    """Runs Python programs that are not to be trusted, fast.

    A parent process imports the heavy modules once; each run is a copy of it, made in milliseconds,
    that gives up all rights before the program's first line and is killed with all it started.
    It has no network, sees no file but what the interpreter needs, writes nowhere but in its own
    folder, and is limited in time, memory, processes, files and output; `walls` says which of the
    walls stand on this machine. Nothing of the parent's environment is left in it.

    A program is a tuple of pieces. Processes that have run the beginning of one are kept, paused,
    and copied for the next job that begins alike: not if the program left threads, processes,
    timers, handlers of signals, signals pending, open files, shared memory or a changed folder
    behind. What a copy can tell from a run anew is its process id, which changes between pieces:
    what an earlier piece has noted of `os.getpid()`, and objects of `multiprocessing` that were
    made and not started, are another process's; and caches are warm. `Job(reuse=False)` runs anew.
    Without a seed of its own a program draws the same random numbers in every run.

    That a program went through is its own word: see `potentials.sandbox.inside.harness`. Neither
    accident nor an object of the program turns its failure into a success; one that searches the
    memory of its own process can, and gains no rights by it. What a hostile program does is
    told by a test in another process: see `Job.setup`.

    Memory is limited for each process as address space, and for all together as what they have
    written to, pages that they share counted once, with what the kernel may hold in their pipes
    and sockets; the second is looked at every 50 ms, and needs the "view of processes". Without a
    "mount namespace" so are the files of the folder, of which a program may make 4,096 (16,384
    with one), and emptying the folder takes as long as the file system needs for that many.

    Programs have no network, no `/proc`, and no `/dev/shm`, so no locks, queues and pools of
    `multiprocessing`; `os.fork`, `subprocess`, threads and `concurrent.futures` with threads work.
    Sockets come in connected pairs of streams only. The folder of a sandbox whose owner is killed
    is removed by its fork server; it stays only where both are killed at once.

    Args:
        python: Another interpreter, 3.9 or later; it needs no package of ours. Default: this one.
        imports: Modules to import once.
        limits: Of a run whose job names none.
        workers: How many programs run at the same time; default: the cores of this process.
        snapshots: How many paused processes are kept at most, all workers together.
        unsafe: Whether to run even where too few walls stand; see `SandboxError` for the one case
            in which it does not help.

    Raises:
        SettingsError: A number is out of its range.
        SandboxError: On first use: the interpreter is missing, an import fails, too few walls
            stand, or the processes of a program could not be limited in number: the kernel lets
            root have as many as it likes, so for root a run must be able to become another user.

    Example:
        >>> with Sandbox(workers=1) as sandbox:
        ...     sandbox.run(Job(("x = 6", "y = 7"), result="x * y")).value
        42
    """

    def __init__(
        self,
        *,
        python: str | Path | None = None,
        imports: Sequence[str] = (),
        limits: Limits | None = None,
        workers: int | None = None,
        snapshots: int = 64,
        unsafe: bool = False,
    ) -> None:
        if workers is None:
            workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        if workers < 1:
            raise SettingsError(f"Sandbox: workers is {workers}; expected at least 1.")
        if snapshots < 0:
            raise SettingsError(f"Sandbox: snapshots is {snapshots}; expected at least 0.")
        if isinstance(imports, str):
            raise SettingsError(
                f"Sandbox: imports is the text {imports!r}; expected a sequence, as ({imports!r},)."
            )
        self.python = interpreter(python)
        self.imports = tuple(imports)
        self.limits = Limits() if limits is None else limits
        self.workers = workers
        self.snapshots = snapshots
        self.unsafe = unsafe
        self._without: tuple[str, ...] = ()
        self._changed = threading.Condition()
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._fork_server: ForkServer | None = None
        self._deaths = 0
        self._free: list[ContainerConnection | None] = [None] * self.workers
        self._closed = False

    @property
    def walls(self) -> Walls:
        """Which walls stand; starts the pool if need be."""
        with self._container([]) as slot:
            return slot.ready().walls

    def run(self, job: Job) -> RunResult:
        """Run a program; whatever it does, the answer is a result.

        Raises:
            SettingsError: The job's files take more than they may.
            SandboxError: The sandbox itself is broken or closed.
        """
        limits = job.limits or self.limits
        given = sum(len(content) for _, content in job.files)
        if given > limits.file_bytes:
            raise SettingsError(
                f"Sandbox: the files of a job have {given} bytes; expected at most file_bytes of "
                f"its limits, {limits.file_bytes}. Give it more: Limits(file_bytes=...)."
            )
        known = messages.keys(job, limits)
        message = messages.message(job, limits, known)
        with self._container(known) as slot:
            for _ in range(2):
                try:
                    answer = slot.ready().ask(message, limits.wall_seconds + _SLACK_SECONDS)
                    return messages.result(answer, limits)
                except Gone:
                    slot.container = None
                except BaseException:
                    # Half an answer may be on its way.
                    slot.abandon()
                    raise
        raise SandboxError("Sandbox: a container died twice while it ran the same program.")

    def run_many(self, jobs: Sequence[Job]) -> list[RunResult]:
        """Run programs, as many at a time as there are workers; results in the order of jobs.

        Raises:
            SandboxError: The sandbox itself is broken or closed.
        """
        if self.workers == 1 or len(jobs) < 2:
            return [self.run(job) for job in jobs]
        with ThreadPoolExecutor(min(self.workers, len(jobs))) as threads:
            return list(threads.map(self.run, jobs))

    def close(self) -> None:
        """End all processes; the sandbox cannot be used any more."""
        with self._changed:
            self._closed = True
            containers, self._free = self._free, []
            fork_server, self._fork_server = self._fork_server, None
            self._changed.notify_all()
        if self._process != os.getpid():
            return
        for container in containers:
            if container is not None:
                container.close()
        if fork_server is not None:
            fork_server.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError("a Sandbox holds processes and cannot be copied or pickled")

    @contextmanager
    def _container(self, known: list[str]) -> Iterator[_Slot]:
        """Lend a place at a container, best one that keeps much of the program."""
        with self._changed:
            if self._process != os.getpid():
                # This is a fork of the process that the pool belongs to.
                self._start()
            while not self._free and not self._closed:
                self._changed.wait()
            if self._closed:
                raise SandboxError("Sandbox: it is closed.")
            best = max(self._free, key=lambda container: _fit(container, known))
            self._free.remove(best)
        slot = _Slot(self, best)
        try:
            yield slot
        finally:
            with self._changed:
                if self._closed:
                    slot.abandon()
                else:
                    self._free.append(slot.container)
                    self._changed.notify()

    def _new_container(self) -> ContainerConnection:
        """Return a container, from a new fork server if the old one died."""
        with self._changed:
            container = self._any_container()
        if not (container.walls.enough or self.unsafe):
            container.close()
            raise SandboxError(
                "Sandbox: too few walls stand on this machine to be sure to end all that a program "
                f"starts, and to keep it from your files and processes; {container.walls}. Expected"
                f" one of: {', '.join(HOLD_PROCESSES)}; and one of: {', '.join(HOLD_FILES)}. Allow "
                "user namespaces, or say unsafe=True to run programs all the same."
            )
        return container

    def _any_container(self) -> ContainerConnection:
        while self._deaths < 2:
            if self._fork_server is None:
                self._fork_server = ForkServer(self.python, self.imports, self._settings())
            try:
                return self._fork_server.container()
            except Gone:
                self._fork_server.close()
                self._fork_server = None
                self._deaths += 1
        raise SandboxError("Sandbox: its fork server died twice.")

    def _settings(self) -> dict[str, Any]:
        return {
            "snapshots": -(-self.snapshots // self.workers),
            "snapshot_bytes": _SNAPSHOT_BYTES // self.workers,
            "without": list(self._without),
        }


class _Slot:
    """One of the places at which programs can run; its container is made when needed."""

    def __init__(self, sandbox: Sandbox, container: ContainerConnection | None) -> None:
        self._sandbox = sandbox
        self.container = container

    def ready(self) -> ContainerConnection:
        if self.container is None:
            self.container = self._sandbox._new_container()
        return self.container

    def abandon(self) -> None:
        if self.container is not None:
            self.container.close()
            self.container = None


def _fit(container: ContainerConnection | None, known: list[str]) -> tuple[int, bool]:
    """Return how many pieces a container need not run again, and whether it exists."""
    if container is None:
        return 0, False
    longest = max((n for n, key in enumerate(known, 1) if key in container.kept), default=0)
    return longest, True
