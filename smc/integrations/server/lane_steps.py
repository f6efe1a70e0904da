"""A step model over the server's engine: every step is a job among those of other requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np

from smc.integrations.server.errors import JobResult
from smc.integrations.server.jobs import Job, LogitsParameters, QueueFull, SamplingRequest
from smc.integrations.server.lanes import Lanes
from smc.integrations.server.models import Served
from smc.model import Prompt
from smc.posterior import Posterior
from smc.settings import Settings, method_settings
from smc.steps import Extension, Solution, TokenText

_PATIENCE = 0.02
_LOOK = 0.2
_WAIT = 60.0


class Cancelled(Exception):  # noqa: N818 - nobody's fault
    """Nobody waits for the answer any more."""


class LaneSteps:
    """Steps drawn by the lanes; see `StepModel`.

    They share the engine's batch with all that other clients ask for. Keys and values of what a
    step goes on from are those that the model keeps of earlier prompts, where it keeps any.

    Args:
        served: The model.
        lanes: The engine.
        parameters: Temperature, top_p and top_k.
        mark: What a step ends with.
        stop: Strings that end a solution.
        max_tokens: Of a solution.
        gone: Set when the run is to end.
    """

    def __init__(
        self,
        served: Served,
        lanes: Lanes,
        parameters: LogitsParameters,
        *,
        mark: str,
        stop: Sequence[str],
        max_tokens: int,
        gone: threading.Event,
    ) -> None:
        self._served = served
        self._lanes = lanes
        self._parameters = parameters
        self._mark = mark
        self._stop = tuple(stop)
        self._max_tokens = max_tokens
        self._gone = gone
        self._passes = 0

    @property
    def passes(self) -> int:
        """One for each token of each step, and one for each step's prompt."""
        return self._passes

    def extend(
        self,
        prompt: Prompt,
        solutions: Sequence[Solution],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
        keep: Sequence[Solution] = (),
    ) -> list[Extension]:
        """Draw one step for each solution; see `StepModel.extend`.

        Raises:
            PromptError: The prompt does not fit the model.
            Cancelled: The run is to end.
            QueueFull: The engine has had no room for a minute.
            ShuttingDown: The server ends.
        """
        ids = self._served.encode(prompt, 1)
        seeds = [int(rng.integers(2**53)) for rng in rngs]
        rooms = [self._room(s, max_tokens) for s in solutions]
        futures = [
            self._submitted(ids, s, seed, room, temperature) if room > 0 else None
            for s, seed, room in zip(solutions, seeds, rooms, strict=True)
        ]
        jobs = [job for future in futures if future is not None for job in (future[0],)]
        try:
            return [
                Extension("", False, 0, truncated=True)
                if future is None
                else self._extension(self._result(future[1]), len(_ids(s)))
                for future, s in zip(futures, solutions, strict=True)
            ]
        finally:
            for job in jobs:
                job.cancel()  # nothing to those that are done

    def _room(self, solution: Solution, limit: int | None) -> int:
        left = self._max_tokens - len(_ids(solution))
        return left if limit is None else min(left, limit)

    def _submitted(
        self,
        prompt: tuple[int, ...],
        solution: Solution,
        seed: int,
        room: int,
        temperature: float | None,
    ) -> tuple[Job, Future[JobResult]]:
        future: Future[JobResult] = Future()
        hot, top_p, top_k = self._parameters
        request = SamplingRequest(
            prompt=(*prompt, *_ids(solution)),
            potentials=(),
            settings=method_settings("lm", Settings(num_particles=1, max_tokens=room)),
            stop=(self._mark, *self._stop),
            parameters=(hot if temperature is None else temperature, top_p, top_k),
            seed=seed,
        )
        job = Job(request, future.set_result)
        ends = time.monotonic() + _WAIT
        while not self._gone.is_set():
            try:
                self._lanes.submit([job])
                return job, future
            except QueueFull:
                if time.monotonic() > ends:
                    raise
                time.sleep(_PATIENCE)
        raise Cancelled

    def _result(self, future: Future[JobResult]) -> Posterior:
        while not self._gone.is_set():
            try:
                result = future.result(timeout=_LOOK)
            except TimeoutError:
                continue
            if isinstance(result, Posterior):
                return result
            raise result
        raise Cancelled

    def _extension(self, posterior: Posterior, before: int) -> Extension:
        (sequence,) = posterior.sequences
        vocabulary = self._served.at(self._parameters).vocabulary
        tokens = tuple(int(t) for t in sequence.tokens)
        self._passes += len(tokens) + 1
        ended = bool(tokens) and tokens[-1] in vocabulary.eos_set
        spelled = b"".join(vocabulary.tokens[t] or b"" for t in tokens[: len(tokens) - ended])
        text = spelled.decode("utf-8", "replace")
        stops = [at for stop in self._stop if (at := text.find(stop)) >= 0]
        if stops:  # a solution ends there, and the string is none of it
            return Extension(text[: min(stops)], True, len(tokens))
        full = not ended and before + len(tokens) >= self._max_tokens
        step = TokenText.of(text, tokens, (text,)) if text else ""
        return Extension(step, ended, len(tokens), truncated=full)


def _ids(solution: Solution) -> tuple[int, ...]:
    """Token ids of steps, which were all drawn here."""
    return tuple(t for step in solution if isinstance(step, TokenText) for t in step.tokens)
