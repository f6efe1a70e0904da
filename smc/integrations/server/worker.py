"""The engine's thread: takes waiting jobs in batches, one token a turn.

Jobs of one kind that wait together run as one batch of the engine. As a rule two batches run at a
time, taking turns: what arrives meanwhile gathers into the next batch. A job that has waited long
does not wait for them, so that a short request need not outlast long ones.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from smc.integrations.server.batches import Batch
from smc.integrations.server.jobs import Busy, Closed, Job, Warp
from smc.integrations.server.memory import GivesBack
from smc.integrations.server.metrics import Metrics
from smc.model import LanguageModel

_RUNS = 2
_MOST_RUNS = 8
_PATIENCE_SECONDS = 2.0
_IDLE_SECONDS = 10.0


class Worker:
    """Owns the model.

    Args:
        model: From a temperature, top_p and top_k to the model that has them.
        max_queue: Jobs that may wait; more are turned away.
        max_particles: In one batch, unless a single job has more.
        metrics: Where counts go.
    """

    def __init__(
        self,
        model: Callable[[Warp], LanguageModel],
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
        self._batches: list[Batch] = []
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
        return sum(j.order.settings.num_particles for b in list(self._batches) for j in b.jobs)

    def submit(self, jobs: list[Job]) -> None:
        """Queue all jobs of a request, or none.

        Raises:
            Busy: They do not fit in the queue.
            Closed: The server is shutting down.
        """
        with self._changed:
            if self._closed:
                raise Closed
            self._waiting = deque(j for j in self._waiting if not j.cancelled)
            if len(self._waiting) + len(jobs) > self._max_queue:
                raise Busy
            self._waiting.extend(jobs)
            self._metrics.queued.set(len(self._waiting))
            self._changed.notify()

    def close(self) -> None:
        """Stop after the current token; what waits or runs fails with `Closed`."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _loop(self) -> None:
        give_back, dirty = GivesBack(), False
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work, _IDLE_SECONDS if dirty else None)
                if self._closed:
                    break
                taken = self._take() if self._may_start() else []
                self._metrics.queued.set(len(self._waiting))
            if taken:
                self._start(taken)
            for batch in list(self._batches):
                self._step(batch)
            self._metrics.particles.set(self.particles)
            self._metrics.batches.set(len(self._batches))
            dirty = not give_back() or bool(self._batches)
        left = [job for batch in self._batches for job in batch.jobs]
        self._batches = []
        for job in [*left, *self._waiting]:
            job.on_done(Closed())

    def _has_work(self) -> bool:
        return self._closed or bool(self._waiting or self._batches)

    def _may_start(self) -> bool:
        """Whether there is room for a further batch."""
        if len(self._batches) < _RUNS or not self._waiting:
            return True
        waited = time.monotonic() - self._waiting[0].since
        return len(self._batches) < _MOST_RUNS and waited > _PATIENCE_SECONDS

    def _take(self) -> list[Job]:
        """Take the oldest job, and those of its kind that fit beside it; the others wait."""
        waiting, self._waiting = self._waiting, deque()
        taken: list[Job] = []
        room = self._max_particles
        for job in waiting:
            if job.cancelled:
                continue
            particles = job.order.settings.num_particles
            if not taken or (particles <= room and _alike(job, taken[0])):
                taken.append(job)
                room -= particles
            else:
                self._waiting.append(job)
        return taken

    def _start(self, jobs: list[Job]) -> None:
        try:
            self._batches.append(Batch(self._model(jobs[0].order.warp), jobs, self._metrics))
        except Exception as error:
            self._failed(jobs, error)

    def _step(self, batch: Batch) -> None:
        began = time.perf_counter()
        try:
            batch.step()
        except Exception as error:
            self._batches.remove(batch)
            self._failed(batch.jobs, error)
            return
        self._metrics.step_seconds.observe(time.perf_counter() - began)
        if not batch.jobs:
            self._batches.remove(batch)

    def _failed(self, jobs: list[Job], error: Exception) -> None:
        """Tell a single job; of several, let each show by itself whether it is at fault."""
        if len(jobs) == 1:
            jobs[0].on_done(error)
            return
        with self._changed:
            for job in reversed(jobs):
                job.alone = True
                self._waiting.appendleft(job)


def _alike(job: Job, other: Job) -> bool:
    """Whether two jobs may run as one batch."""
    return not (job.alone or other.alone) and job.order.kind == other.order.kind
