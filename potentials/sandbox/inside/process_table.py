"""The process table of a container: which processes it has, and how every one is ended."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import stat
import time
from typing import Any

_PAGE = resource.getpagesize()
_SWEEP_SECONDS = 5.0
_WARM_PROCESSES = 2
"""The container and the fork server, which have what all its processes were copied from."""
_BUFFERS = {stat.S_IFSOCK: 212_992, stat.S_IFIFO: 65_536}
"""Bytes that Linux lets one queue, as long as the filter keeps a program from asking for more."""


class ProcessTable:
    """The processes of a container.

    Args:
        proc: Descriptor of the `/proc` that shows them; -1: there is none.
        alone: Whether the container is the first process of a namespace of its own, so that all
            other processes in it belong to its runs.
        user: Whom the runs of this container, and nobody else, are; None: there is no such user.
    """

    def __init__(self, proc: int, alone: bool, user: int | None) -> None:
        self._proc = proc
        self._alone = alone
        self._user = user
        self.group = 0
        """The process group of the last run; 0: none yet."""
        self.visible = proc >= 0
        self._before = int(self._stat(os.getpid())[21]) * _PAGE if self.visible else 0

    def others(self) -> set[int]:
        """Return the ids of all processes of the container but itself."""
        here = os.getpid()
        ids = [int(name) for name in os.listdir(self._proc) if name.isdigit()]
        if self._alone:
            return {pid for pid in ids if pid != here}
        parents = {pid: self._parent(pid) for pid in ids}
        children: set[int] = set()
        grew = True
        while grew:
            more = {p for p, up in parents.items() if up == here or up in children} - children
            grew = bool(more)
            children |= more
        return children

    def _parent(self, pid: int) -> int:
        return int(self._stat(pid)[1] or 0)

    def _stat(self, pid: int) -> list[str]:
        """Return the fields of `stat` from the state on; zeros for a process that is gone."""
        text = self.read(pid, "stat").decode("ascii", "replace")
        return text.rpartition(")")[2].split() or ["0"] * 50

    def read(self, pid: int, name: str) -> bytes:
        """Return a file of `/proc`; nothing if the process is gone or hidden."""
        try:
            place = os.open(f"{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
        except OSError:
            return b""
        try:
            content = b""
            while True:
                part = os.read(place, 1 << 18)
                if not part:
                    return content
                content += part
        except OSError:
            return b""
        finally:
            os.close(place)

    def open_files(self, pid: int) -> set[int] | None:
        """Return the descriptors that a process has; None if that cannot be seen."""
        try:
            place = os.open(f"{pid}/fd", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
        except OSError:
            return None
        try:
            return {int(name) for name in os.listdir(place)}
        except OSError:
            return None
        finally:
            os.close(place)

    def open_file(self, pid: int, number: int) -> os.stat_result | None:
        """Return what a descriptor of a process leads to; None if that cannot be seen."""
        try:
            return os.stat(f"{pid}/fd/{number}", dir_fd=self._proc)
        except OSError:
            return None

    def threads(self, pid: int) -> int:
        """Return how many threads a process has; 0 if it is gone."""
        return int(self._stat(pid)[17])

    def of_user(self, user: int) -> int:
        """Return how many threads a user has, in all of the machine that can be seen."""
        threads = 0
        for name in os.listdir(self._proc) if self.visible else ():
            try:
                if name.isdigit() and os.stat(name, dir_fd=self._proc).st_uid == user:
                    threads += self.threads(int(name))
            except OSError:
                continue
        return threads

    def own_bytes(self, pid: int) -> int:
        """Return about what a process has in memory beyond what it was copied from."""
        fields = self._stat(pid)
        # Each page that a copy writes to is a fault; of new memory some pages are large.
        faults, resident = int(fields[7]) * _PAGE, int(fields[21]) * _PAGE
        return max(min(faults, resident), resident - self._before)

    def shared_bytes(self, pids: set[int]) -> int:
        """Return what processes have in memory together, what they share counted once.

        Without what they have in common with all processes of the container. It takes
        milliseconds; `own_bytes` is the bound that takes none.
        """
        # What ends between two processes' turns is shared out among those that are read later, and
        # so counted more than once: what is really there shows in both readings.
        return min(self._together(pids) for _ in range(2))

    def _together(self, pids: set[int]) -> int:
        everybody = len(self.others()) + _WARM_PROCESSES
        return sum(self._proportional(pid) for pid in pids) - self._before * len(pids) // everybody

    def _proportional(self, pid: int) -> int:
        """Return a process's resident memory, each page divided by the processes that map it."""
        for line in self.read(pid, "smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) << 10
        if not int(self._stat(pid)[21]):  # it has ended, whether or not it was taken leave of
            return 0
        return self.own_bytes(pid) + self._before

    def buffer_bytes(self, pids: set[int]) -> int:
        """Return what the kernel may hold for the sockets and pipes of processes, at most."""
        sizes: dict[int, int] = {}
        for pid in pids:
            for number in self.open_files(pid) or ():
                about = self.open_file(pid, number)
                if about is not None:
                    kind = stat.S_IFMT(about.st_mode)
                    sizes[about.st_ino] = _BUFFERS.get(kind, 0)
        return sum(sizes.values())

    def shares_memory(self, pid: int) -> bool:
        """Whether a process has memory that a copy of it would not get a copy of."""
        maps = self.read(pid, "maps")
        if not maps:
            return True
        return b" rw-s " in maps or b" rwxs " in maps or b" -w-s " in maps

    def has_signals_waiting(self, pid: int) -> bool:
        """Whether a process has signals pending, which a copy of it would not have."""
        lines = self.read(pid, "status").splitlines()
        pending = [line.split()[1] for line in lines if line.startswith((b"SigPnd:", b"ShdPnd:"))]
        return not pending or any(int(mask, 16) for mask in pending)

    def end_all(self) -> None:
        """Kill every process of the container but itself, and wait until none is left."""
        until = time.monotonic() + _SWEEP_SECONDS
        while True:
            if self._alone:
                with contextlib.suppress(ProcessLookupError):
                    # All in this namespace at one stroke: none can fork away.
                    os.kill(-1, signal.SIGKILL)
            else:
                # At one stroke likewise, where there is one; each by itself else.
                if self._user is not None:
                    # Who is that user reaches no others.
                    _as_user(self._user, os.kill, -1, signal.SIGKILL)
                elif self.group and self.group != os.getpgrp():
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(self.group, signal.SIGKILL)
                self._kill_each()
            self.reap()
            if not self._any_left():
                return
            if time.monotonic() > until:
                raise RuntimeError("processes of a run are left after SIGKILL")
            time.sleep(0.0005)

    def follow(self, pid: int) -> None:
        """Note the process group of a run that is about to begin."""
        with contextlib.suppress(OSError):
            self.group = os.getpgid(pid)

    def limit(self, pid: int, most: int) -> None:
        """Let the user of a process have this many, as far as that process can start more."""
        wanted = pid, resource.RLIMIT_NPROC, (most, most)
        try:
            resource.prlimit(*wanted)
        except PermissionError:
            # Root that lacks the right to; the user itself has it.
            if self._user is not None:
                _as_user(self._user, resource.prlimit, *wanted)
        except (OSError, ValueError):
            return

    def _kill_each(self) -> None:
        for pid in self.others() if self.visible else ():
            with contextlib.suppress(OSError, ValueError):
                # Who may have no more children does not run away from the sweep.
                resource.prlimit(pid, resource.RLIMIT_NPROC, (0, 0))
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _any_left(self) -> bool:
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    @staticmethod
    def reap() -> set[int]:
        """Take leave of dead children; return their ids."""
        reaped = set()
        while True:
            try:
                pid = os.waitpid(-1, os.WNOHANG)[0]
            except ChildProcessError:
                return reaped
            if pid == 0:
                return reaped
            reaped.add(pid)


def _as_user(user: int, act: Any, *arguments: Any) -> None:
    """Have something done by a process of a user, if that user may."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            act(*arguments)
        finally:
            os._exit(0)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
