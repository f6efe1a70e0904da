"""Concurrent evaluation: expensive potentials at work at the same time, beside the forward pass.

Whatever they say is remembered by their evaluators before it is asked for in the order of the
potentials, so that nothing depends on who comes first, and the weights are those of calls one after
the other. An error is kept, and raised where the same texts are asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial

from smc.engine.candidates import Candidate, is_judged
from smc.engine.evaluator import PotentialEvaluator
from smc.engine.requests import Request

_MOST_AT_ONCE = 32

Questions = dict[tuple[PotentialEvaluator, bool], list[Request]]
"""Which texts to ask an evaluator about, as prefixes or (True) as finished ones."""


def questions(candidates: Iterable[Candidate]) -> Questions:
    """What `evaluate` will ask the concurrent potentials that they have not said before."""
    found: dict[tuple[PotentialEvaluator, bool], dict[bytes, Request]] = {}
    for candidate in candidates:
        population, prefix = candidate.population, candidate.prefix
        if prefix is None or not (candidate.alive and is_judged(candidate)):
            continue
        complete = candidate.ending is not None
        for k, evaluator in enumerate(population.evaluators):
            due = complete or prefix.states[k].due
            if evaluator.concurrent and due and (complete, prefix.raw) not in evaluator.known:
                own = found.setdefault((evaluator, complete), {})
                own.setdefault(prefix.raw, Request(prefix, k, population.costs[k]))
    return {key: list(own.values()) for key, own in found.items()}


class Workers:
    """Threads in which evaluators learn what will be asked of them; none before they are needed."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    @contextmanager
    def learning(self, questions: Questions) -> Iterator[None]:
        """Have evaluators learn while the caller does something else; in the end all have."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="potentials")
        # A potential may have evaluators for several vocabularies, and is called once at a time.
        own: dict[int, list[Callable[[], None]]] = {}
        for (evaluator, complete), requests in questions.items():
            call = partial(_learn, evaluator, requests, complete)
            own.setdefault(id(evaluator.source), []).append(call)
        futures = [
            self._pool.submit(copy_context().run, _one_by_one, calls) for calls in own.values()
        ]
        try:
            yield
        except Exception:
            wait(futures)  # nothing goes on behind the caller's back
            raise
        for future in futures:
            future.result()


def _one_by_one(calls: Sequence[Callable[[], None]]) -> None:
    for call in calls:
        call()


def _learn(evaluator: PotentialEvaluator, requests: Sequence[Request], complete: bool) -> None:
    """Have an evaluator remember what will be asked; an error is raised to those who ask it."""
    evaluator.failed.pop(complete, None)
    try:
        evaluator.log_values(requests, complete=complete)
    except BaseException as error:
        evaluator.failed[complete] = {r.prefix.raw for r in requests}, error
