"""Continuous batching: jobs that run together, one token a turn, and come and go between tokens.

Source: Yu et al. (2022), "Orca: a distributed serving system for transformer-based generative
models" (iteration-level scheduling).
"""

from __future__ import annotations

import numpy as np

from smc.engine import Problem, Run
from smc.integrations.server.common_prefix import common_prefix, leader
from smc.integrations.server.jobs import Job
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.scoring import Scoring
from smc.model import LanguageModel
from smc.posterior import Posterior, Status


class ContinuousBatch:
    """Jobs in one run of the engine.

    Args:
        model: That of some job; see `add`.
        metrics: Where counts go.
    """

    def __init__(self, model: LanguageModel, metrics: Metrics) -> None:
        self._run = Run(model)
        self._jobs: dict[int, Job] = {}
        self._scorers: dict[Job, LanguageModel] = {}
        self._scorings: list[Scoring] = []
        self._metrics = metrics

    @property
    def jobs(self) -> list[Job]:
        """Those that are not answered yet."""
        return [*self._jobs.values(), *(scoring.job for scoring in self._scorings)]

    @property
    def particles(self) -> int:
        """Of those jobs."""
        return sum(job.particles for job in self.jobs)

    def add(self, job: Job, model: LanguageModel, scorer: LanguageModel | None = None) -> None:
        """Let a job take part from the next step on.

        Args:
            job: Any.
            model: With the temperature and the like that it asks for.
            scorer: The model that tells log probabilities, where they are asked for.

        Raises:
            SMCError: Its prompt does not fit, or a potential failed at the empty text.
        """
        asked = job.request
        problem = Problem(asked.prompt, asked.potentials, np.random.default_rng(asked.seed))
        number = self._run.add(problem, asked.settings, asked.stop, model=model)
        self._jobs[number] = job
        if scorer is not None:
            self._scorers[job] = scorer

    def step(self) -> None:
        """Drop the jobs that nobody waits for, draw a token of the others, tell what is new.

        Raises:
            SMCError: The model failed; `jobs` are those that are left without an answer.
        """
        for number, job in list(self._jobs.items()):
            if job.cancelled:
                self._forget(number)
                self._metrics.cancelled.inc()
        if self._jobs and self._run.running:
            self._run.step()
        unfinished = self._run.unfinished()
        for number, job in list(self._jobs.items()):
            try:
                done = number not in unfinished
                if done:
                    self._finish(job, self._run.posterior(number))
                else:
                    self._tell_so_far(number, job)
            except Exception as error:  # the job's own: its neighbours go on
                done = True
                job.finish(error)
            if done:
                self._forget(number)
        for scoring in list(self._scorings):
            self._score(scoring)

    def _tell_so_far(self, number: int, job: Job) -> None:
        stop = job.request.stop
        if job.on_text is not None:
            job.tell(common_prefix(self._run.texts(number), stop))
        elif job.on_update is not None:
            texts = self._run.weighted_texts(number)
            leading = leader(texts, job.told, stop)
            job.update(leading, min(len(leading), len(common_prefix(list(texts), stop))))

    def _forget(self, number: int) -> None:
        self._run.remove(number)
        self._scorers.pop(self._jobs.pop(number), None)

    def _finish(self, job: Job, posterior: Posterior) -> None:
        self._metrics.tokens.inc(posterior.num_tokens)
        scorer = self._scorers.get(job)
        if scorer is not None and posterior.status is not Status.EXTINCT:
            self._scorings.append(Scoring(job, posterior, scorer))
        else:
            self._tell(job, posterior)

    def _score(self, scoring: Scoring) -> None:
        job = scoring.job
        try:
            if not job.cancelled and not scoring.step():
                return
            if job.cancelled:
                self._metrics.cancelled.inc()
            else:
                self._tell(job, scoring.posterior)
        except Exception as error:
            job.finish(error)
        self._scorings.remove(scoring)

    def _tell(self, job: Job, posterior: Posterior) -> None:
        best = posterior.best or ""
        job.tell(best)
        if posterior.best is not None:
            job.update(best, len(best))
        job.finish(posterior)
