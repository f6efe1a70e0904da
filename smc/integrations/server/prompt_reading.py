"""Prompts that are read between the tokens of jobs that run, so that a long one holds nobody up.

Source: Agrawal et al. (2023), "SARATHI: efficient LLM inference by piggybacking decodes with
chunked prefills".
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from smc.integrations.server.jobs import Job
from smc.model import LanguageModel


class _Ahead(Protocol):
    """A prompt that is read some tokens at a time; see `smc.backends.hf.read_ahead`."""

    left: int

    def read(self, most: int, /) -> None:
        """Read on."""
        ...


class PromptReading:
    """The jobs of a worker whose prompts are being read, in turns.

    Args:
        most_tokens: Of prompts that are read in a round, those of jobs that start included. Where
            a backend reads prompts whole, all of it comes when the job starts.
    """

    def __init__(self, most_tokens: int) -> None:
        self._most = most_tokens
        self._room = most_tokens
        self._reading: deque[tuple[Job, _Ahead]] = deque()

    @property
    def jobs(self) -> list[Job]:
        """Those whose prompts are being read."""
        return [job for job, _ in self._reading]

    def begin_round(self) -> list[Job]:
        """Read on in the prompt whose turn it is; return the jobs that can start now.

        These are also those that nobody waits for any more, and one whose prompt cannot be read:
        starting it shows why.
        """
        self._room = self._most
        if not self._reading:
            return []
        job, ahead = self._reading[0]
        before = ahead.left
        try:
            if not job.cancelled:
                ahead.read(self._most)
            ready = job.cancelled or not ahead.left
        except Exception:
            ready = True
        self._room -= before - ahead.left
        self._reading.rotate(-1)
        if ready:
            self._reading.pop()
        return [job] if ready else []

    def takes(self, job: Job, model: LanguageModel) -> bool:
        """Whether a job is to wait until its prompt is read; it is one of `jobs` then.

        Args:
            job: That would start now.
            model: Its own. One without `read_ahead` (vLLM's, which reads prompts in pieces itself)
                makes no job wait.
        """
        read_ahead = getattr(model, "read_ahead", None)
        if read_ahead is None:
            return False
        ahead: _Ahead = read_ahead(job.request.prompt)
        if ahead.left <= self._room:
            self._room -= ahead.left
            return False
        self._reading.append((job, ahead))
        return True
