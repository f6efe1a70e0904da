"""The engine worker, a thread: its jobs share one batch, which they join and leave at any token.

Jobs start in the order in which they came, as soon as there is room for their particles; a few at
a time, and those with long prompts once these are read, which goes on between the tokens of those
that run. Only where the
engine failed do jobs run in batches of their own, to show which is at fault.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from smc.integrations.server.continuous_batch import ContinuousBatch
from smc.integrations.server.jobs import (
    PLAIN,
    Job,
    LogitsParameters,
    QueueFull,
    ShuttingDown,
)
from smc.integrations.server.memory import MemoryTrimmer
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.prompt_reading import PromptReading
from smc.integrations.server.turns import Turn
from smc.model import LanguageModel

logger = logging.getLogger(__name__)

_STARTS_A_STEP = 4
_IDLE_SECONDS = 10.0


class EngineWorker:
    """Runs jobs.

    Args:
        model: From a temperature, top_p and top_k to the model that has them.
        max_queue: Jobs that may wait; more are turned away.
        max_particles: That run at a time, unless a single job has more.
        metrics: Where counts go.
        turn: Had while the model computes; None: nobody else has the model.
        max_prefill: Tokens of prompts that are read between two tokens of the jobs that run.
    """

    def __init__(
        self,
        model: Callable[[LogitsParameters], LanguageModel],
        *,
        max_queue: int,
        max_particles: int,
        metrics: Metrics,
        turn: Turn | None = None,
        max_prefill: int = 512,
    ) -> None:
        self._turn = turn or Turn()
        self._reading = PromptReading(max_prefill)
        self._model = model
        self._max_queue = max_queue
        self._max_particles = max_particles
        self._metrics = metrics
        self._waiting: deque[Job] = deque()
        self._batches: list[ContinuousBatch] = []
        self._shared: ContinuousBatch | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._starting: list[Job] = []
        self._reported = (0, 0, 0)
        self._thread = threading.Thread(target=self._loop, name="smc-engine", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the engine's thread runs."""
        return self._thread.is_alive() and not self._closed

    @property
    def particles(self) -> int:
        """Particles of the jobs that run now, or whose prompts are being read."""
        reading = sum(job.particles for job in self._reading.jobs)
        return reading + sum(batch.particles for batch in list(self._batches))

    @property
    def idle(self) -> bool:
        """Whether there is no job."""
        with self._changed:
            return not (self._starting or self._has_jobs())

    def submit(self, jobs: list[Job]) -> None:
        """Queue all jobs of a request, or none.

        Raises:
            QueueFull: They do not fit in the queue.
            ShuttingDown: The server is shutting down.
        """
        with self._changed:
            if self._closed:
                raise ShuttingDown
            self._drop_cancelled()
            if len(self._waiting) + len(jobs) > self._max_queue:
                raise QueueFull
            self._waiting.extend(jobs)
            self._report()
            self._changed.notify()

    def stop(self) -> None:
        """Take no more jobs, and end after the current token."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def close(self, seconds: float | None = None) -> None:
        """Stop after the current token; what waits or runs fails with `ShuttingDown`.

        Args:
            seconds: To wait for that token; None: as long as it takes.
        """
        self.stop()
        self._thread.join(seconds)
        self._fail_all()

    def _loop(self) -> None:
        give_back, dirty = MemoryTrimmer(), False
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(self._has_work, _IDLE_SECONDS if dirty else None)
                    if self._closed:
                        break
                    self._starting = self._take()
                    self._report()
                with self._turn:
                    ready = self._reading.begin_round()
                    self._starting = ready + self._starting
                    while self._starting:
                        job = self._starting[0]
                        if job in ready or not self._is_set_aside(job):
                            self._start(job)
                        del self._starting[0]
                    for batch in list(self._batches):
                        self._step(batch)
                with self._changed:
                    self._report()
                dirty = not give_back() or bool(self._batches)
        except BaseException:
            logger.critical("the engine's thread ends", exc_info=True)
            raise
        finally:
            self._fail_all()

    def _fail_all(self) -> None:
        """Tell all jobs that are left that the server ends."""
        with self._changed:
            self._closed = True
            left = [job for batch in self._batches for job in batch.jobs]
            left += [*self._reading.jobs, *self._starting, *self._waiting]
            self._waiting.clear()
            self._report()
        for job in left:
            job.finish(ShuttingDown())

    def _report(self) -> None:
        """Add to the gauges, which several workers share, what has changed since the last time."""
        now = len(self._waiting), self.particles, len(self._batches)
        gauges = self._metrics.queued, self._metrics.particles, self._metrics.batches
        for gauge, value, before in zip(gauges, now, self._reported, strict=True):
            gauge.inc(value - before)
        self._reported = now

    def _has_work(self) -> bool:
        return self._closed or self._has_jobs()

    def _has_jobs(self) -> bool:
        return bool(self._waiting or self._batches or self._reading.jobs)

    def _take(self) -> list[Job]:
        """Take the oldest jobs that there is room for; none overtakes another."""
        taken: list[Job] = []
        room = self._max_particles - self.particles
        self._drop_cancelled()
        while self._waiting and len(taken) < _STARTS_A_STEP:
            job = self._waiting[0]
            if job.particles > room and (taken or self._batches or self._reading.jobs):
                break
            room -= job.particles
            taken.append(self._waiting.popleft())
        return taken

    def _drop_cancelled(self) -> None:
        """Forget those that wait and that nobody waits for."""
        kept = deque(job for job in self._waiting if not job.cancelled)
        self._metrics.cancelled.inc(len(self._waiting) - len(kept))
        self._waiting = kept

    def _is_set_aside(self, job: Job) -> bool:
        """Whether its prompt is too long to be read now."""
        try:
            model = self._model(job.request.parameters)
            return not job.cancelled and self._reading.takes(job, model)
        except Exception:  # starting it shows why
            return False

    def _start(self, job: Job) -> None:
        if job.cancelled:
            self._metrics.cancelled.inc()
            return
        try:
            model = self._model(job.request.parameters)
            batch = self._shared
            if batch is None or job.alone:
                batch = ContinuousBatch(model, self._metrics)
            batch.add(job, model, self._model(PLAIN) if job.request.scored else None)
        except Exception as error:
            job.finish(error)
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
            jobs[0].finish(error)
            return
        with self._changed:
            for job in reversed(jobs):
                job.alone = True
                self._waiting.appendleft(job)
