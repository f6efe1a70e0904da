"""The engine's thread: takes waiting jobs in batches, one token a turn.

Jobs of one kind that wait together run as one batch of the engine. At most two batches run at a
time, taking turns: what arrives meanwhile gathers into the next batch, and a short request need not
outlast a long one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from smc.engine import Problem, Run
from smc.integrations.server.jobs import Busy, Closed, Job, Warp
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.settled import settled_text
from smc.model import LanguageModel

_RUNS = 2


@dataclass
class _Batch:
    """Jobs that run together; a job at None is answered."""

    run: Run
    jobs: list[Job | None]
    sent: list[str] = field(default_factory=list)


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
        self._batches: list[_Batch] = []
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
        running = (j for b in list(self._batches) for j in b.jobs if j is not None)
        return sum(j.order.settings.num_particles for j in running)

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
        while True:
            with self._changed:
                while not (self._closed or self._waiting or self._batches):
                    self._changed.wait()
                if self._closed:
                    break
                taken = self._take() if len(self._batches) < _RUNS else []
                self._metrics.queued.set(len(self._waiting))
            if taken:
                self._start(taken)
            for batch in list(self._batches):
                self._step(batch)
            self._metrics.particles.set(self.particles)
        left = [j for b in self._batches for j in b.jobs if j is not None]
        self._batches = []
        for job in [*left, *self._waiting]:
            job.on_done(Closed())

    def _take(self) -> list[Job]:
        """Take the oldest job, and those of its kind that fit beside it; the others wait."""
        self._waiting = deque(j for j in self._waiting if not j.cancelled)
        if not self._waiting:
            return []
        first = self._waiting[0]
        taken, room = [], self._max_particles
        for job in list(self._waiting):
            fits = job.order.settings.num_particles <= room
            if job is first or (fits and not (first.alone or job.alone) and _alike(job, first)):
                taken.append(job)
                room -= job.order.settings.num_particles
                self._waiting.remove(job)
        return taken

    def _start(self, jobs: list[Job]) -> None:
        order = jobs[0].order
        problems = [
            Problem(j.order.prompt, j.order.potentials, np.random.default_rng(j.order.seed))
            for j in jobs
        ]
        try:
            run = Run(self._model(order.warp), problems, order.settings, order.stop)
        except Exception as error:
            self._failed(list(jobs), error)
            return
        self._batches.append(_Batch(run, list(jobs), [""] * len(jobs)))

    def _step(self, batch: _Batch) -> None:
        for index, job in enumerate(batch.jobs):
            if job is not None and job.cancelled:
                batch.run.cancel(index)
                batch.jobs[index] = None
                self._metrics.cancelled.inc()
        began = time.perf_counter()
        try:
            if batch.run.running and any(batch.jobs):
                batch.run.step()
        except Exception as error:
            self._batches.remove(batch)
            self._failed([j for j in batch.jobs if j is not None], error)
            return
        self._metrics.step_seconds.observe(time.perf_counter() - began)
        for index, job in enumerate(batch.jobs):
            if job is not None:
                self._report(batch, index, job)
        if not any(batch.jobs):
            self._batches.remove(batch)

    def _report(self, batch: _Batch, index: int, job: Job) -> None:
        """Hand on what is settled, and the result once it is there."""
        done = not batch.run.is_running(index)
        if not done and job.on_text is None:
            return
        posterior = batch.run.posterior(index)
        if job.on_text is not None:
            text = posterior.best or "" if done else settled_text(posterior, job.order.stop)
            if len(text) > len(batch.sent[index]):
                job.on_text(text[len(batch.sent[index]) :])
                batch.sent[index] = text
        if done:
            batch.jobs[index] = None
            self._metrics.tokens.inc(posterior.num_tokens)
            job.on_done(posterior)

    def _failed(self, jobs: list[Job], error: Exception) -> None:
        """Tell a single job; of several, let each show by itself whether it is at fault."""
        if len(jobs) == 1 or any(j.on_text is not None for j in jobs):
            for job in jobs:
                job.on_done(error)
            return
        with self._changed:
            for job in reversed(jobs):
                job.alone = True
                self._waiting.appendleft(job)


def _alike(job: Job, other: Job) -> bool:
    return job.order.kind == other.order.kind
