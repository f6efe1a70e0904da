"""Jobs that run together, one token a turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smc.engine import Problem, Run
from smc.integrations.server.jobs import Job
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.settled import settled_text
from smc.model import LanguageModel
from smc.posterior import Posterior


class Batch:
    """Jobs of one kind in one run of the engine.

    Args:
        model: With the temperature and the like that the jobs ask for.
        jobs: At least one, all of one kind.
        metrics: Where counts go.

    Raises:
        SMCError: A prompt does not fit, or a potential failed at the empty text.
    """

    def __init__(self, model: LanguageModel, jobs: Sequence[Job], metrics: Metrics) -> None:
        problems = [
            Problem(j.order.prompt, j.order.potentials, np.random.default_rng(j.order.seed))
            for j in jobs
        ]
        order = jobs[0].order
        self._run = Run(model, problems, order.settings, order.stop)
        self._jobs = dict(enumerate(jobs))
        self._metrics = metrics

    @property
    def jobs(self) -> list[Job]:
        """Those that are not answered yet."""
        return list(self._jobs.values())

    def step(self) -> None:
        """Drop the jobs that nobody waits for, draw a token of the others, tell what is new.

        Raises:
            SMCError: A potential failed; `jobs` are those that are left without an answer.
        """
        for index, job in list(self._jobs.items()):
            if job.cancelled:
                self._run.cancel(index)
                del self._jobs[index]
                self._metrics.cancelled.inc()
        if self._jobs and self._run.running:
            self._run.step()
        unfinished = self._run.unfinished()
        for index, job in list(self._jobs.items()):
            if index in unfinished:
                if job.on_text is not None:
                    job.tell(settled_text(self._run.texts(index), job.order.stop))
            else:
                self._finish(job, self._run.posterior(index))
                del self._jobs[index]

    def _finish(self, job: Job, posterior: Posterior) -> None:
        self._metrics.tokens.inc(posterior.num_tokens)
        if job.on_text is not None:
            job.tell(posterior.best or "")
        job.on_done(posterior)
