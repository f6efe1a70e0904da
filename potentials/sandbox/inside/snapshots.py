"""Snapshots: paused processes that have run the beginning of a program."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import OrderedDict
from dataclasses import dataclass

from .run_process import RunProcess


@dataclass
class Snapshot:
    """A paused process.

    Attributes:
        run: The process, with what it has written so far.
        weight: Bytes of memory of its own, about.
    """

    run: RunProcess
    weight: int


class Snapshots:
    """The snapshots of a container, the longest unused given up first.

    Args:
        most: How many are kept.
        most_bytes: How much memory of their own they may have together.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, Snapshot] = OrderedDict()
        self.pids: set[int] = set()
        """Of the processes kept; the same set always."""
        self.dropped: list[str] = []
        """Keys given up since the caller was last told."""

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def wanted(self) -> bool:
        """Whether any may be kept at all."""
        return self._most > 0

    def longest(self, keys: list[str]) -> int:
        """Return how many pieces the longest snapshot has run, by the keys of the beginnings."""
        for count in range(len(keys), 0, -1):
            if keys[count - 1] in self._kept:
                return count
        return 0

    def get(self, key: str) -> RunProcess:
        """Return a snapshot's process, which is the latest used from now on."""
        self._kept.move_to_end(key)
        return self._kept[key].run

    def keep(self, key: str, run: RunProcess, weight: int) -> None:
        """Pause a process and keep it."""
        pause(run)
        self._kept[key] = Snapshot(run, weight)
        self.pids.add(run.pid)
        while len(self._kept) > 1 and (
            len(self._kept) > self._most
            or sum(s.weight for s in self._kept.values()) > self._most_bytes
        ):
            self.drop(next(iter(self._kept)))

    def drop(self, key: str) -> None:
        """End a snapshot."""
        snapshot = self._kept.pop(key)
        self.pids.discard(snapshot.run.pid)
        self.dropped.append(key)
        end(snapshot.run)

    def forget(self, dead: set[int]) -> None:
        """These processes are gone."""
        for key, snapshot in list(self._kept.items()):
            if snapshot.run.pid in dead:
                self.drop(key)

    def forget_all(self) -> None:
        """All the processes are gone."""
        for key, snapshot in self._kept.items():
            snapshot.run.close()
            self.dropped.append(key)
        self._kept.clear()
        self.pids.clear()


def pause(run: RunProcess) -> None:
    """Let a process do nothing, whatever it is up to."""
    _signal(run, signal.SIGSTOP)


def wake(run: RunProcess) -> None:
    """Let a paused process go on."""
    _signal(run, signal.SIGCONT)


def end(run: RunProcess) -> None:
    """Kill a process, take leave of it, and close what led to it."""
    _signal(run, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(run.pid, 0)
    run.close()


def _signal(run: RunProcess, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(run.pid, number)
