"""Lanes of the engine: workers that hold each other up no longer than one token takes.

Requests without registered potentials share one lane, and those that ask for the same registered
potentials share another: a potential that is slow, or never comes back, is waited for by those that
asked for it alone. The lanes compute in turns, on one model.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from smc.integrations.server.jobs import Job, LogitsParameters, QueueFull, ShuttingDown
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.turns import Turn
from smc.integrations.server.worker import EngineWorker
from smc.model import LanguageModel

_MOST_LANES = 8
"""Of sets of registered potentials; each has a thread."""


class Lanes:
    """Owns the model.

    Args:
        model: From a temperature, top_p and top_k to the model that has them.
        max_queue: Jobs that may wait in a lane; more are turned away.
        max_particles: That run at a time in the lane without registered potentials, unless a
            single job has more; the others may have half as many.
        metrics: Where counts go.
        turn: Had by the lane that computes.
        max_prefill: Tokens of prompts that a lane reads between two tokens of its jobs.
    """

    def __init__(
        self,
        model: Callable[[LogitsParameters], LanguageModel],
        *,
        max_queue: int,
        max_particles: int,
        metrics: Metrics,
        turn: Turn,
        max_prefill: int = 512,
    ) -> None:
        self._turn = turn
        self._new = partial(
            EngineWorker,
            model,
            max_queue=max_queue,
            metrics=metrics,
            turn=turn,
            max_prefill=max_prefill,
        )
        self._max_particles = max_particles
        self._lock = threading.Lock()
        self._closed = False
        self._lanes = {frozenset[str](): self._new(max_particles=max_particles)}

    @property
    def alive(self) -> bool:
        """Whether the threads of all lanes run."""
        with self._lock:
            return not self._closed and all(lane.alive for lane in self._lanes.values())

    @property
    def turn(self) -> Turn:
        """Had by whoever computes: a lane, or what else uses the model."""
        return self._turn

    @property
    def step_seconds(self) -> float:
        """For how long the step that is computed now has been; 0 where none is."""
        return self._turn.held_seconds

    @property
    def particles(self) -> int:
        """Particles of the jobs that run now."""
        with self._lock:
            return sum(lane.particles for lane in self._lanes.values())

    def submit(self, jobs: list[Job]) -> None:
        """Queue all jobs of a request, or none.

        Args:
            jobs: All with the same registered potentials.

        Raises:
            QueueFull: They do not fit in the queue, or there are too many lanes.
            ShuttingDown: The server is shutting down.
        """
        with self._lock:
            if self._closed:
                raise ShuttingDown
            self._lane(jobs[0].request.registered).submit(jobs)

    def stop(self) -> None:
        """Take no more jobs; those that are there go on."""
        with self._lock:
            self._closed = True

    def close(self, seconds: float = 5.0) -> None:
        """End; what waits or runs fails with `ShuttingDown`.

        Args:
            seconds: To wait for the tokens that are drawn now. A thread that hangs is left behind.
        """
        self.stop()
        until = time.monotonic() + seconds
        for lane in self._lanes.values():
            lane.stop()
        for lane in self._lanes.values():
            lane.close(max(0.0, until - time.monotonic()))

    def _lane(self, registered: frozenset[str]) -> EngineWorker:
        if registered not in self._lanes:
            if len(self._lanes) > _MOST_LANES:
                self._drop_idle()
            limit = max(1, self._max_particles // 2)
            self._lanes[registered] = self._new(max_particles=limit)
        return self._lanes[registered]

    def _drop_idle(self) -> None:
        """Make room for a lane.

        Raises:
            QueueFull: All are at work.
        """
        for registered, lane in self._lanes.items():
            if registered and lane.idle:
                lane.stop()
                del self._lanes[registered]
                return
        raise QueueFull
