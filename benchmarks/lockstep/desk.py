"""Many runs in lockstep: each in a thread of its own, and what they want done in one batch.

Only one thread runs at any time, so that judges and sandboxes need not be safe for threads. A run
goes on until it wants something of a model; once all want something, requests of one kind are
served together, and their runs go on. What is drawn does not depend on the others, so the
results are those of the runs one by one (up to how a network rounds batches of different sizes).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar

T = TypeVar("T")


class Request:
    """What a run wants; a subclass says how a group of one kind is served.

    Attributes:
        rank: Those of the lowest rank among all that wait are served first.
        patient: Of the highest rank: waits until nothing else is wanted, or half of the runs wait
            for such; so what interrupts the others is done for many at once, and none waits for
            the end of a long text.
        done: Whether it was served.
        error: What serving it raised, for its own run.
    """

    rank: ClassVar[int] = 0
    patient: ClassVar[bool] = False
    done: bool = False
    error: Exception | None = None

    def key(self) -> Hashable:
        """Return what those have in common that can be served together."""
        return type(self)

    @classmethod
    def serve(cls, group: Sequence[Any]) -> None:
        """Do what a group wants."""
        raise NotImplementedError


class Lockstep:
    """The meeting point of runs, which wait there for each other."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._waiting: list[Request] = []
        self._running = 0

    def run(
        self, jobs: Sequence[Callable[[], T]], keep: Callable[[T], None] | None = None
    ) -> list[T]:
        """Do all jobs side by side; return what they return, in order.

        Args:
            jobs: What is done.
            keep: Called with what a job returned as soon as it has: what is on disk then is not
                lost with a job that fails, or with all of them.

        Raises:
            Exception: What the first job that failed raised, once all have ended.
        """
        if not jobs:
            return []
        self._running = len(jobs)
        with ThreadPoolExecutor(len(jobs)) as pool:
            futures = [pool.submit(self._work, job, keep) for job in jobs]
        return [future.result() for future in futures]

    def wait(self, request: Request) -> None:
        """Wait until all runs want something, and this is served.

        Raises:
            Exception: What serving it raised.
        """
        with self._turn:
            self._waiting.append(request)
            self._serve()
            while not request.done:
                self._turn.wait()
        if request.error is not None:
            raise request.error

    def _work(self, job: Callable[[], T], keep: Callable[[T], None] | None) -> T:
        with self._turn:
            try:
                result = job()
                if keep is not None:
                    keep(result)
                return result
            finally:
                self._running -= 1
                self._serve()

    def _serve(self) -> None:
        """Serve those of the lowest rank, if nobody is left who might want more."""
        if not self._waiting or len(self._waiting) < self._running:
            return
        patient = [request.rank for request in self._waiting if request.patient]
        enough = 2 * len(patient) >= len(self._waiting)
        rank = min(patient if enough else [request.rank for request in self._waiting])
        groups: dict[Any, list[Request]] = {}
        for request in (r for r in self._waiting if r.rank == rank):
            groups.setdefault(request.key(), []).append(request)
        self._waiting = [r for r in self._waiting if r.rank != rank]
        for group in groups.values():
            try:
                type(group[0]).serve(group)
            except Exception as error:  # each run that waits is to know of it
                for request in group:
                    request.error = error
            for request in group:
                request.done = True
        self._turn.notify_all()
