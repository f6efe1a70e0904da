"""Gathered calls: several runs, each in a thread, write with one model in common batches."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from smc.model import Prompt
from smc.strategies.writing.protocol import Writer, WrittenText


@dataclass(eq=False)
class _Request:
    """A call that waits for the batch it will be part of."""

    prompts: Sequence[Prompt]
    rngs: Sequence[np.random.Generator]
    options: tuple[float | None, int | None]
    texts: list[WrittenText] | None = None
    passes: int = 0
    error: BaseException | None = None


class Gathering:
    """One writer for many runs at a time: a batch begins when every run waits for a text.

    A strategy asks for a few texts and waits for them, and a model takes hardly longer for fifty
    than for five. Runs of many problems side by side, each in a thread with a member of its own,
    so cost little more than the longest. What a run writes does not depend on the others, up to
    the rounding of a batch.

    Args:
        writer: That all share.

    Example:
        >>> gathering = Gathering(writer)                           # doctest: +SKIP
        >>> def run(problem):
        ...     with gathering.member() as mine:
        ...         return tpo(mine, problem, reward)
        >>> with ThreadPoolExecutor(8) as pool:                     # doctest: +SKIP
        ...     results = list(pool.map(run, problems))
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._changed = threading.Condition()
        self._members = 0
        self._waiting: list[_Request] = []

    @contextmanager
    def member(self) -> Iterator[Member]:
        """Return the writer of one run, which the others wait for until it is given back."""
        with self._changed:
            self._members += 1
        try:
            yield Member(self)
        finally:
            with self._changed:
                self._members -= 1
                self._changed.notify_all()

    def _write(self, request: _Request) -> list[WrittenText]:
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()
            while request.texts is None and request.error is None:
                if len(self._waiting) >= self._members:
                    waiting, self._waiting = self._waiting, []
                    self._serve(waiting)
                    self._changed.notify_all()
                else:
                    self._changed.wait()
        if request.error is not None:
            raise request.error
        assert request.texts is not None
        return request.texts

    def _serve(self, waiting: Sequence[_Request]) -> None:
        """Write for all; a batch for each temperature and limit."""
        for options in dict.fromkeys(r.options for r in waiting):
            alike = [r for r in waiting if r.options == options]
            before = self._writer.passes
            try:
                texts = self._writer.write(
                    [p for r in alike for p in r.prompts],
                    rngs=[g for r in alike for g in r.rngs],
                    temperature=options[0],
                    max_tokens=options[1],
                )
            except BaseException as error:
                for request in alike:
                    request.error = error
                continue
            passes, tokens = self._writer.passes - before, sum(t.num_tokens for t in texts)
            left = iter(texts)
            for request in alike:
                request.texts = [next(left) for _ in request.prompts]
                own = sum(t.num_tokens for t in request.texts)
                request.passes = round(passes * own / tokens) if tokens else 0


class Member:
    """The writer of one run; made by `Gathering.member`."""

    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering
        self._passes = 0

    @property
    def passes(self) -> int:
        """This run's share of the batches, by tokens."""
        return self._passes

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """Write one text for each prompt, with what the others ask for; see `Writer.write`.

        Raises:
            SMCError: What the shared writer raised for the batch.
        """
        if not prompts:
            return []
        request = _Request(prompts, rngs, (temperature, max_tokens))
        texts = self._gathering._write(request)
        self._passes += request.passes
        return texts
