"""The process spawner of a container: template processes without rights, and their copies."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import time
from collections import OrderedDict
from typing import Any

from . import harness, kernel
from .monitor import Monitor
from .process_table import ProcessTable
from .rights import Rights, give_up
from .run_process import Bounds, Order, RunProcess, command
from .snapshots import end, pause, wake
from .statuses import Status

_CHANNEL = 3
"""Descriptor of the channel in a run."""

_READY = b"+"
_COPY_SECONDS = 2.0
_TEMPLATES = 4
_SPARE = 256
"""Processes that a template may have beyond the limit of a job, which is set on each copy."""


class BrokenWallError(Exception):
    """A wall that stood when the container was made does not stand."""


class ProcessSpawner:
    """Makes processes.

    Args:
        folder: Path of where programs write.
        processes: Those of this container.
        rights: How a run is shut in.
        monitor: Waits for answers.
        waiting: Ids of the processes that wait to be copied, kept up to date.
    """

    def __init__(
        self,
        folder: str,
        processes: ProcessTable,
        rights: Rights,
        monitor: Monitor,
        waiting: set[int],
    ) -> None:
        self._folder = folder
        self._processes = processes
        self._rights = rights
        self._monitor = monitor
        self._waiting = waiting
        self._templates: OrderedDict[str, RunProcess] = OrderedDict()
        self.copies = kernel.KNOWN and rights.filter and rights.hidden
        """Whether processes wait to be copied: else a run could write into them."""

    def template(self, limits: dict[str, Any]) -> RunProcess:
        """Return a process shut in under these limits, that has run nothing and waits.

        Raises:
            BrokenWallError: A right could not be given up.
        """
        name = json.dumps(limits, sort_keys=True)
        if name in self._templates:
            self._templates.move_to_end(name)
            return self._templates[name]
        run = self._start(limits)
        if self.copies:
            self._templates[name] = run
            self._waiting.add(run.pid)
            while len(self._templates) > _TEMPLATES:
                old = self._templates.popitem(last=False)[1]
                self._waiting.discard(old.pid)
                end(old)
        return run

    def unwatched(self, limits: dict[str, Any]) -> RunProcess:
        """Return a process as `template` does, into which no other process of its user can look.

        Where processes wait to be copied none can look into another anyway.

        Raises:
            BrokenWallError: A right could not be given up.
        """
        return self.template(limits) if self.copies else self._start(limits, dumpable=False)

    def forget(self, dead: set[int]) -> None:
        """These processes are gone, or are to go."""
        for name, run in list(self._templates.items()):
            if run.pid in dead:
                del self._templates[name]
                self._waiting.discard(run.pid)
                end(run)

    def forget_all(self) -> None:
        """All the processes are gone."""
        for run in self._templates.values():
            run.close()
            self._waiting.discard(run.pid)
        self._templates.clear()

    def _start(self, limits: dict[str, Any], dumpable: bool = True) -> RunProcess:
        near, far = socket.socketpair()
        (out, far_out), (err, far_err) = os.pipe(), os.pipe()
        pid = kernel.copy_process() if self.copies else os.fork()
        if pid == 0:
            self._become_run(far.fileno(), far_out, far_err, limits, dumpable)
        for place in (far_out, far_err):
            os.close(place)
        far.close()
        run = RunProcess(pid, near, out, err, _CHANNEL, trusted=True)
        said = near.recv(1 << 12)
        if said != _READY:
            end(run)
            raise BrokenWallError(said.decode("utf-8", "replace") or "a run died before it began")
        if self.copies:
            run.close_output()
        else:
            self._allow_processes(run, limits)
            _do_not_wait(run)
        return run

    def _become_run(
        self, channel: int, out: int, err: int, limits: dict[str, Any], dumpable: bool
    ) -> None:
        """In the new process: give up all rights, then wait for pieces; never returns."""
        try:
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            keep = [os.dup(n) for n in (channel, out, err)]
            null = os.open("/dev/null", os.O_RDONLY)
            # All new numbers are above those that are set now: none is set twice.
            os.dup2(null, 0)
            os.dup2(keep[1], 1)
            os.dup2(keep[2], 2)
            give_up(self._rights, limits, _SPARE + self._not_ours(), dumpable)
            # After the change of user, which would clear it.
            kernel.die_with_parent()
            os.dup2(keep[0], _CHANNEL, False)
            os.closerange(_CHANNEL + 1, 1 << 16)
            os.chdir(self._folder)
            os.write(_CHANNEL, _READY)
        except BaseException as error:
            try:
                os.write(channel, f"{type(error).__name__}: {error}".encode())
            finally:
                os._exit(70)
        try:
            gc.enable()
            harness.run(_CHANNEL)
        finally:
            os._exit(71)

    def _not_ours(self) -> int:
        """Return how many processes outside of this container count against the user's limit."""
        if self._rights.shared_user:
            return self._processes.of_user(os.getuid())
        # The container itself, unless its runs are another user.
        return int(self._rights.user is None)

    def _allow_processes(self, run: RunProcess, limits: dict[str, Any]) -> None:
        if self._rights.shared_user:
            # All that there are have been counted, this one as well.
            others = self._not_ours() - 1
        else:
            others = self._not_ours() + len(self._waiting)
        most = limits["processes"] + others
        self._processes.limit(run.pid, most)

    def copy(
        self, run: RunProcess, order: Order, limits: dict[str, Any], bounds: Bounds
    ) -> RunProcess | None:
        """Return a copy of a waiting process, to which an order was given.

        Args:
            run: The process.
            order: What the copy is to do.
            limits: Of the job.
            bounds: Of the job.

        Returns:
            The copy; None if the process makes none: it was killed by a run of its own kind, or
            does not listen.
        """
        near, far = socket.socketpair()
        (out, far_out), (err, far_err) = os.pipe(), os.pipe()
        copy = RunProcess(-1, near, out, err, run.channel, run.stdout, run.stderr)
        _do_not_wait(copy)
        try:
            # A template is not paused, but another run of its user may have stopped it.
            wake(run)
            until = min(bounds.deadline, time.monotonic() + _COPY_SECONDS)
            fds = far.fileno(), far_out, far_err
            if not command(run, Order(harness.COPY, fds=fds), until):
                return None
            answer = self._monitor.answer(run, Bounds(until, 1e9, 1 << 62, 1 << 62, 64))
            if not run.trusted:
                pause(run)
            if answer.status is not Status.COPIED:
                return None
            pid = int(answer.body)
            if pid in self._waiting or os.waitpid(pid, os.WNOHANG)[0]:
                return None
            copy.pid = pid
        except (ValueError, ChildProcessError):
            return None
        finally:
            for place in (far_out, far_err):
                os.close(place)
            far.close()
            if copy.pid < 0:
                copy.close()
        self._allow_processes(copy, limits)
        command(copy, order, bounds.deadline)
        return copy


def _do_not_wait(run: RunProcess) -> None:
    for place in (run.out, run.err):
        os.set_blocking(place, False)
