"""The request handler: make the constraint, queue the jobs, wait or stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from smc.errors import GrammarError, PromptError, SettingsError
from smc.integrations.server.constraint_cache import ConstraintCache
from smc.integrations.server.errors import (
    JobResult,
    busy,
    closing,
    error,
    failure,
    invalid,
    not_served,
)
from smc.integrations.server.jobs import Job, QueueFull, SamplingRequest, ShuttingDown
from smc.integrations.server.limits import ServerLimits
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.models import Served
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.integrations.server.responses import ResponseBuilder, error_event
from smc.integrations.server.sampling_requests import sampling_requests
from smc.integrations.server.worker import EngineWorker
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential

_LOOK_SECONDS = 0.2
"""How often a waiting request looks whether its client is still there."""


class RequestHandler:
    """Answers the requests of one server.

    Args:
        served: The model.
        limits: Of requests and of the queue.
        metrics: Where counts go.
        worker: The engine's thread.
        constraints: Makes the constraints of requests.
    """

    def __init__(
        self,
        served: Served,
        limits: ServerLimits,
        metrics: Metrics,
        worker: EngineWorker,
        constraints: ConstraintCache,
    ) -> None:
        self._served = served
        self._limits = limits
        self._metrics = metrics
        self._worker = worker
        self._constraints = constraints

    async def answer(
        self, body: CompletionRequest | ChatRequest, request: Request, *, chat: bool
    ) -> Response:
        """Answer a request; whatever is wrong with it is an answer too."""
        name = self._served.name
        if body.model != name:
            return not_served(body.model, name)
        if chat and not self._served.can_chat:
            return invalid(f"{name} has no chat template")
        try:
            constraint = await self._constraint(body)
            asked = await asyncio.to_thread(
                sampling_requests, self._served, self._limits, body, constraint
            )
        except (SettingsError, PromptError, GrammarError, ValueError) as problem:
            return invalid(str(problem))
        except QueueFull:
            return busy("the queue of constraints to be made")
        except TimeoutError:
            return error(
                503, "the constraint is not made yet; try again later", "overloaded", retry=True
            )
        except Exception as problem:  # where constraints are made there may be no memory, say
            return error(500, f"{type(problem).__name__}: {problem}", "engine_error")
        return await self._run(asked, constraint, body, request, ResponseBuilder(name, chat))

    async def _constraint(self, body: CompletionRequest | ChatRequest) -> Sequence[AnyPotential]:
        """Return what the request's grammar, pattern or schema means.

        Raises:
            GrammarError: It is malformed, or takes too much to make.
            QueueFull: Too many wait to be made.
            TimeoutError: It is not made within the limit.
        """
        asked = body.constraint()
        if asked is None:
            return ()
        made = asyncio.wrap_future(self._constraints.make(*asked))
        # Not cancelled: others may wait for the same one, and this client may come back for it.
        await asyncio.wait({made}, timeout=self._limits.constraint_seconds)
        if not made.done():
            made.add_done_callback(lambda late: late.exception())  # nobody waits for it here
            raise TimeoutError
        return made.result()

    async def _run(
        self,
        asked: Sequence[SamplingRequest],
        constraint: Sequence[AnyPotential],
        body: CompletionRequest | ChatRequest,
        request: Request,
        reply: ResponseBuilder,
    ) -> Response:
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[JobResult]] = [loop.create_future() for _ in asked]
        news: asyncio.Queue[str | JobResult] = asyncio.Queue()

        def in_loop(put: Callable[[Any], Any]) -> Callable[[Any], None]:
            """Call it in the server's thread; a server that is gone needs nothing."""

            def call(value: Any) -> None:
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(put, value)

            return call

        if body.stream:
            tell = in_loop(news.put_nowait)
            jobs = [Job(asked[0], on_done=tell, on_text=tell)]
        else:
            jobs = [
                Job(
                    sampling,
                    on_done=in_loop(lambda result, r=future: r.done() or r.set_result(result)),
                )
                for sampling, future in zip(asked, futures, strict=True)
            ]
        try:
            self._worker.submit(jobs)
        except QueueFull:
            return busy("the queue")
        except ShuttingDown:
            return closing()
        if body.stream:
            usage = body.stream_options is not None and body.stream_options.include_usage
            events = self._events(reply, news, constraint, asked[0], usage=usage)
            return _Stream(events, jobs[0])
        if not await _wait(futures, jobs, request):
            return error(499, "the client went away", "cancelled")
        return self._whole([f.result() for f in futures], asked, constraint, body, reply)

    def _whole(
        self,
        results: Sequence[JobResult],
        asked: Sequence[SamplingRequest],
        constraint: Sequence[AnyPotential],
        body: CompletionRequest | ChatRequest,
        reply: ResponseBuilder,
    ) -> Response:
        """Return the answer, or the first error."""
        for result in results:
            failed = self._failure(result, constraint)
            if failed is not None:
                return failed
        return JSONResponse(
            reply.whole(
                [p for p in results if isinstance(p, Posterior)],
                sum(len(o.prompt) for o in asked),
                n=body.n,
                draw=body.answer == "draw",
                seed=body.seed,
                max_tokens=body.max_tokens,
            )
        )

    async def _events(
        self,
        reply: ResponseBuilder,
        news: asyncio.Queue[str | JobResult],
        constraint: Sequence[AnyPotential],
        sampling: SamplingRequest,
        *,
        usage: bool,
    ) -> AsyncIterator[str]:
        """Yield settled text as it comes, then how it ended."""
        if reply.chat:
            yield reply.first()
        while isinstance(item := await news.get(), str):
            yield reply.piece(item)
        failed = self._failure(item, constraint)
        if failed is not None:
            yield error_event(json.loads(bytes(failed.body)))
        elif isinstance(item, Posterior):
            max_tokens = sampling.settings.max_tokens
            yield reply.last(item, max_tokens, len(sampling.prompt), usage=usage)

    def _failure(
        self, result: JobResult, constraint: Sequence[AnyPotential]
    ) -> JSONResponse | None:
        if isinstance(result, Posterior) and result.status is Status.EXTINCT:
            self._metrics.extinct.inc()
        return failure(result, constraint)


class _Stream(StreamingResponse):
    """A stream whose job ends with it, also where a client goes before the first event."""

    def __init__(self, events: AsyncIterator[str], job: Job) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._job = job

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._job.cancel()  # nothing to a job that is done


async def _wait(
    results: Sequence[asyncio.Future[JobResult]], jobs: Sequence[Job], request: Request
) -> bool:
    """Wait for all results; False, and the jobs cancelled, if the client goes away before."""
    try:
        while True:
            _, pending = await asyncio.wait(results, timeout=_LOOK_SECONDS)
            if not pending:
                return True
            if await request.is_disconnected():
                return False
    finally:
        for job in jobs:
            job.cancel()
