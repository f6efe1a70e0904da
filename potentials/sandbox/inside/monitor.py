"""The monitor: waits for the answer to an order, while output flows and limits hold."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from typing import Any

from . import harness
from .folder import Folder
from .process_table import ProcessTable
from .run_process import PART, STATUSES, Answer, Bounds, RunProcess, cpu_seconds, frame, hear
from .statuses import Status

_OUTPUTS = ("", "beside ")
_TICK = 0.05
"""Seconds between two looks at memory and time."""


class Monitor:
    """Waits for answers while output flows and limits hold.

    Args:
        caller: The connection whose end ends everything.
        processes: Of the container.
        folder: Where its programs write.
        paused: Process ids that do not count, kept up to date by the caller.
    """

    def __init__(
        self, caller: socket.socket, processes: ProcessTable, folder: Folder, paused: set[int]
    ) -> None:
        self._caller = caller
        self._folder = folder
        self._processes = processes
        self._paused = paused

    def answer(self, run: RunProcess, bounds: Bounds, beside: RunProcess | None = None) -> Answer:
        """Return what becomes of the order that a process has been given.

        Args:
            run: The process.
            bounds: Of the job.
            beside: Another one whose output and time count, and whose words do not.
        """
        pieces = 0
        both = [run] if beside is None else [run, beside]
        began = sum(cpu_seconds(r.pid) for r in both)
        look = time.monotonic() + _TICK
        with _EventSources(self._caller, run, beside) as sources:
            while True:
                now = time.monotonic()
                cpu = bounds.used + sum(cpu_seconds(r.pid) for r in both) - began
                if now >= bounds.deadline:
                    return Answer(Status.TIMEOUT, b"wall", pieces)
                if cpu >= bounds.cpu_seconds:
                    return Answer(Status.TIMEOUT, b"cpu", pieces)
                wait = min(bounds.deadline - now, _TICK, bounds.cpu_seconds - cpu)
                ready = sources.wait(max(0.0005, wait))
                if "caller" in ready:
                    return Answer(Status.GONE)
                for name, place in ((n, p) for n in _OUTPUTS for p in ("out", "err")):
                    source = run if name == "" else beside
                    if name + place in ready and source and not hear(source, place):
                        sources.drop(name + place)
                if sum(len(r.stdout) + len(r.stderr) for r in both) > bounds.output_bytes:
                    return Answer(Status.OUTPUT, b"", pieces)
                most = bounds.frame_bytes if "dead" in ready else 0
                if {"link", "dead"} & ready and not self._receive(run, most):
                    ready.add("dead")
                while True:
                    body = frame(run, bounds.frame_bytes)
                    if body is None:
                        break
                    if body == b"":
                        return Answer(Status.KILLED, b"it wrote into the harness's channel", pieces)
                    if body == harness.PROGRESS:
                        pieces += 1
                        continue
                    bounds.used = cpu
                    return Answer(STATUSES[body[:1]], bytes(body[1:]), pieces)
                if "dead" in ready:
                    return self._last_words(run, bounds, pieces)
                if now >= look:
                    look = now + _TICK
                    if self._folder.overfull():
                        return Answer(Status.OUTPUT, b"files", pieces)
                    if self._too_much_memory(bounds):
                        return Answer(Status.MEMORY, b"", pieces)

    def _receive(self, run: RunProcess, most: int) -> bool:
        """Take what was said, at once up to `most` bytes and a part; return whether more may come.

        What the dead had to say is bounded: their children may go on writing.
        """
        while True:
            try:
                part = run.link.recv(PART, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return True
            except OSError:
                return False
            run.heard += part
            if not part or len(run.heard) >= most:
                return bool(part)

    def _last_words(self, run: RunProcess, bounds: Bounds, pieces: int) -> Answer:
        """Say how a process ended without an answer."""
        try:
            os.kill(run.pid, signal.SIGKILL)
            _, status = os.waitpid(run.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            return Answer(Status.KILLED, b"it vanished", pieces)
        if os.WIFEXITED(status):
            said = f"it left with os._exit({os.WEXITSTATUS(status)}) or the like"
            return Answer(Status.KILLED, said.encode(), pieces)
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return Answer(Status.TIMEOUT, b"cpu", pieces)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return Answer(Status.KILLED, f"it died of {name}".encode(), pieces)

    def _too_much_memory(self, bounds: Bounds) -> bool:
        """Whether processes and the kernel's buffers for them take more than one may have."""
        table = self._processes
        if not table.visible:
            return False
        running = table.others() - self._paused
        buffers = table.buffer_bytes(running)
        # The address space of a single one is limited.
        if len(running) < 2:
            return buffers > bounds.memory_bytes
        bound = buffers + sum(table.own_bytes(p) for p in running)
        return bound > bounds.memory_bytes < buffers + table.shared_bytes(running)


class _EventSources:
    """What the container listens to while a process runs."""

    def __init__(
        self, caller: socket.socket, run: RunProcess, beside: RunProcess | None = None
    ) -> None:
        self._selector = selectors.PollSelector()
        self._places: dict[str, Any] = {}
        self._dead = os.pidfd_open(run.pid) if hasattr(os, "pidfd_open") else -1
        wanted = {"caller": caller, "link": run.link, "out": run.out, "err": run.err}
        if beside is not None:
            wanted |= {"beside out": beside.out, "beside err": beside.err}
        if self._dead >= 0:
            wanted["dead"] = self._dead
        for name, place in wanted.items():
            if isinstance(place, int) and place < 0:
                continue
            self._selector.register(place, selectors.EVENT_READ, name)
            self._places[name] = place

    def __enter__(self) -> _EventSources:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        if self._dead >= 0:
            os.close(self._dead)

    def wait(self, seconds: float) -> set[str]:
        return {key.data for key, _ in self._selector.select(seconds)}

    def drop(self, name: str) -> None:
        place = self._places.pop(name, None)
        if place is not None:
            self._selector.unregister(place)
