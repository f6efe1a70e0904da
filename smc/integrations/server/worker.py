"""The engine worker, a thread: all jobs share one batch, which they join and leave at any token.

Jobs start in the order in which they came, as soon as there is room for their particles; a few at
a time, so that reading their prompts does not keep those that run waiting for long. Only where the
engine failed do jobs run in batches of their own, to show which is at fault.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from smc.integrations.server.continuous_batch import ContinuousBatch
from smc.integrations.server.jobs import Job, LogitsParameters, QueueFull, ShuttingDown
from smc.integrations.server.memory import MemoryTrimmer
from smc.integrations.server.metrics import Metrics
from smc.model import LanguageModel

_STARTS_A_STEP = 4
_IDLE_SECONDS = 10.0


class EngineWorker:
    """Owns the model.

    Args:
        model: From a temperature, top_p and top_k to the model that has them.
        max_queue: Jobs that may wait; more are turned away.
        max_particles: That run at a time, unless a single job has more.
        metrics: Where counts go.
    """

    def __init__(
        self,
        model: Callable[[LogitsParameters], LanguageModel],
        *,
        max_queue: int,
        max_particles: int,
        metrics: Metrics,
    ) -> None:
        self._model = model
        self._max_queue = max_queue
        self._max_particles = max_particles
        self._metrics = metrics
        self._waiting: deque[Job] = deque()
        self._batches: list[ContinuousBatch] = []
        self._shared: ContinuousBatch | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="smc-engine", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the engine's thread runs."""
        return self._thread.is_alive() and not self._closed

    @property
    def particles(self) -> int:
        """Particles of the jobs that run now."""
        return sum(batch.particles for batch in list(self._batches))

    def submit(self, jobs: list[Job]) -> None:
        """Queue all jobs of a request, or none.

        Raises:
            QueueFull: They do not fit in the queue.
            ShuttingDown: The server is shutting down.
        """
        with self._changed:
            if self._closed:
                raise ShuttingDown
            self._waiting = deque(j for j in self._waiting if not j.cancelled)
            if len(self._waiting) + len(jobs) > self._max_queue:
                raise QueueFull
            self._waiting.extend(jobs)
            self._metrics.queued.set(len(self._waiting))
            self._changed.notify()

    def close(self) -> None:
        """Stop after the current token; what waits or runs fails with `ShuttingDown`."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _loop(self) -> None:
        give_back, dirty = MemoryTrimmer(), False
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work, _IDLE_SECONDS if dirty else None)
                if self._closed:
                    break
                taken = self._take()
                self._metrics.queued.set(len(self._waiting))
            for job in taken:
                self._start(job)
            for batch in list(self._batches):
                self._step(batch)
            self._metrics.particles.set(self.particles)
            self._metrics.batches.set(len(self._batches))
            dirty = not give_back() or bool(self._batches)
        left = [job for batch in self._batches for job in batch.jobs]
        self._batches = []
        for job in [*left, *self._waiting]:
            job.on_done(ShuttingDown())

    def _has_work(self) -> bool:
        return self._closed or bool(self._waiting or self._batches)

    def _take(self) -> list[Job]:
        """Take the oldest jobs that there is room for; none overtakes another."""
        taken: list[Job] = []
        room = self._max_particles - self.particles
        while self._waiting and len(taken) < _STARTS_A_STEP:
            job = self._waiting[0]
            if job.cancelled:
                self._waiting.popleft()
                continue
            if job.particles > room and (taken or self._batches):
                break
            room -= job.particles
            taken.append(self._waiting.popleft())
        return taken

    def _start(self, job: Job) -> None:
        try:
            model = self._model(job.request.parameters)
            batch = self._shared
            if batch is None or job.alone:
                batch = ContinuousBatch(model, self._metrics)
            batch.add(job, model)
        except Exception as error:
            job.on_done(error)
            return
        if batch not in self._batches:
            self._batches.append(batch)
        if not job.alone:
            self._shared = batch

    def _step(self, batch: ContinuousBatch) -> None:
        began = time.perf_counter()
        try:
            batch.step()
        except Exception as error:
            self._end(batch)
            self._failed(batch.jobs, error)
            return
        self._metrics.step_seconds.observe(time.perf_counter() - began)
        if not batch.jobs:
            self._end(batch)

    def _end(self, batch: ContinuousBatch) -> None:
        self._batches.remove(batch)
        if batch is self._shared:
            self._shared = None

    def _failed(self, jobs: list[Job], error: Exception) -> None:
        """Tell a single job; of several, let each show by itself whether it is at fault."""
        if len(jobs) == 1:
            jobs[0].on_done(error)
            return
        with self._changed:
            for job in reversed(jobs):
                job.alone = True
                self._waiting.appendleft(job)
