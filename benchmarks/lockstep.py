"""Many runs in lockstep: each in a thread of its own, and what they want written in one batch.

Only one thread runs at any time, so that judges and sandboxes need not be safe for threads. A run
goes on until it wants texts; once all want some, they are written together. What a text is does
not depend on the others, so the results are those of the runs one by one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from smc.model import Prompt
from smc.strategies.writing import Writer, WrittenText

T = TypeVar("T")
Terms = tuple[float | None, int | None]
"""Temperature and most tokens."""


@dataclass
class _Request:
    """What a run wants written; the others wait for it, too."""

    writer: Writer
    terms: Terms
    prompts: Sequence[Prompt]
    rngs: Sequence[np.random.Generator]
    texts: list[WrittenText] | None = None
    error: Exception | None = None


class Lockstep:
    """The meeting point of runs; `writer` makes the writers that they use."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._waiting: list[_Request] = []
        self._running = 0

    def writer(self, writer: Writer) -> Writer:
        """Return a writer that waits for the other runs before it writes."""
        return _Waiting(self, writer)

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Do all jobs side by side; return what they return, in order.

        Raises:
            Exception: What the first job that failed raised, once all have ended.
        """
        if not jobs:
            return []
        self._running = len(jobs)
        with ThreadPoolExecutor(len(jobs)) as pool:
            futures = [pool.submit(self._work, job) for job in jobs]
        return [future.result() for future in futures]

    def write(self, request: _Request) -> list[WrittenText]:
        """Wait until all runs want texts; return those of this one.

        Raises:
            Exception: What the writer raised.
        """
        with self._turn:
            self._waiting.append(request)
            self._serve()
            while request.texts is None and request.error is None:
                self._turn.wait()
        if request.error is not None:
            raise request.error
        assert request.texts is not None
        return request.texts

    def _work(self, job: Callable[[], T]) -> T:
        with self._turn:
            try:
                return job()
            finally:
                self._running -= 1
                self._serve()

    def _serve(self) -> None:
        """Write all that is wanted, if nobody is left who might want more."""
        if not self._waiting or len(self._waiting) < self._running:
            return
        requests, self._waiting = self._waiting, []
        groups: dict[tuple[int, Terms], list[_Request]] = {}
        for request in requests:
            groups.setdefault((id(request.writer), request.terms), []).append(request)
        for (_, (temperature, max_tokens)), group in groups.items():
            try:
                texts = iter(
                    group[0].writer.write(
                        [p for r in group for p in r.prompts],
                        rngs=[g for r in group for g in r.rngs],
                        temperature=temperature,
                        max_tokens=max_tokens,
                    )
                )
                for request in group:
                    request.texts = [next(texts) for _ in request.prompts]
            except Exception as error:  # each run that waits is to know of it
                for request in group:
                    request.error = error
        self._turn.notify_all()


class _Waiting:
    """A writer of one run among many; `passes` are those of all of them."""

    def __init__(self, desk: Lockstep, writer: Writer) -> None:
        self._desk, self._writer = desk, writer

    @property
    def passes(self) -> int:
        """Forward passes so far, of all runs."""
        return self._writer.passes

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """See `Writer.write`."""
        return self._desk.write(_Request(self._writer, (temperature, max_tokens), prompts, rngs))
