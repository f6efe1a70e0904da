"""From a request to its answer: make the constraint, queue the jobs, wait or stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from smc.errors import GrammarError, PromptError, SettingsError
from smc.integrations.server.errors import (
    Found,
    busy,
    closing,
    error,
    failure,
    invalid,
    not_served,
)
from smc.integrations.server.jobs import Busy, Closed, Job, Order
from smc.integrations.server.makers import Maker
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.models import Served
from smc.integrations.server.orders import Limits, orders
from smc.integrations.server.replies import Reply, error_event
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.integrations.server.worker import Worker
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential

_LOOK_SECONDS = 0.2
"""How often a waiting request looks whether its client is still there."""


class Answering:
    """Answers the requests of one server.

    Args:
        served: The model.
        limits: Of requests and of the queue.
        metrics: Where counts go.
        worker: The engine's thread.
        maker: Makes the constraints of requests.
    """

    def __init__(
        self, served: Served, limits: Limits, metrics: Metrics, worker: Worker, maker: Maker
    ) -> None:
        self._served = served
        self._limits = limits
        self._metrics = metrics
        self._worker = worker
        self._maker = maker

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
            asked = await asyncio.to_thread(orders, self._served, self._limits, body, constraint)
        except (SettingsError, PromptError, GrammarError, ValueError) as problem:
            return invalid(str(problem))
        except Busy:
            return busy("the queue of constraints to be made")
        except TimeoutError:
            return error(
                503, "the constraint is not made yet; try again later", "overloaded", retry=True
            )
        except Exception as problem:  # where constraints are made there may be no memory, say
            return error(500, f"{type(problem).__name__}: {problem}", "engine_error")
        return await self._run(asked, constraint, body, request, Reply(name, chat))

    async def _constraint(self, body: CompletionRequest | ChatRequest) -> Sequence[AnyPotential]:
        """Return what the request's grammar, pattern or schema means.

        Raises:
            GrammarError: It is malformed, or takes too much to make.
            Busy: Too many wait to be made.
            TimeoutError: It is not made within the limit.
        """
        asked = body.constraint()
        if asked is None:
            return ()
        made = asyncio.wrap_future(self._maker.make(*asked))
        # Not cancelled: others may wait for the same one, and this client may come back for it.
        await asyncio.wait({made}, timeout=self._limits.constraint_seconds)
        if not made.done():
            made.add_done_callback(lambda late: late.exception())  # nobody waits for it here
            raise TimeoutError
        return made.result()

    async def _run(
        self,
        asked: Sequence[Order],
        constraint: Sequence[AnyPotential],
        body: CompletionRequest | ChatRequest,
        request: Request,
        reply: Reply,
    ) -> Response:
        loop = asyncio.get_running_loop()
        results: list[asyncio.Future[Found]] = [loop.create_future() for _ in asked]
        news: asyncio.Queue[str | Found] = asyncio.Queue()

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
                Job(order, on_done=in_loop(lambda found, r=result: r.done() or r.set_result(found)))
                for order, result in zip(asked, results, strict=True)
            ]
        try:
            self._worker.submit(jobs)
        except Busy:
            return busy("the queue")
        except Closed:
            return closing()
        if body.stream:
            usage = body.stream_options is not None and body.stream_options.include_usage
            events = self._events(reply, news, constraint, asked[0], usage=usage)
            return _Stream(events, jobs[0])
        if not await _wait(results, jobs, request):
            return error(499, "the client went away", "cancelled")
        return self._whole([r.result() for r in results], asked, constraint, body, reply)

    def _whole(
        self,
        found: Sequence[Found],
        asked: Sequence[Order],
        constraint: Sequence[AnyPotential],
        body: CompletionRequest | ChatRequest,
        reply: Reply,
    ) -> Response:
        """Return the answer, or the first error."""
        for one in found:
            failed = self._failure(one, constraint)
            if failed is not None:
                return failed
        return JSONResponse(
            reply.whole(
                [p for p in found if isinstance(p, Posterior)],
                sum(len(o.prompt) for o in asked),
                n=body.n,
                draw=body.answer == "draw",
                seed=body.seed,
                max_tokens=body.max_tokens,
            )
        )

    async def _events(
        self,
        reply: Reply,
        news: asyncio.Queue[str | Found],
        constraint: Sequence[AnyPotential],
        order: Order,
        *,
        usage: bool,
    ) -> AsyncIterator[str]:
        """Yield settled text as it comes, then how it ended."""
        if reply.chat:
            yield reply.first()
        while isinstance(found := await news.get(), str):
            yield reply.piece(found)
        failed = self._failure(found, constraint)
        if failed is not None:
            yield error_event(json.loads(bytes(failed.body)))
        elif isinstance(found, Posterior):
            max_tokens = order.settings.max_tokens
            yield reply.last(found, max_tokens, len(order.prompt), usage=usage)

    def _failure(self, found: Found, constraint: Sequence[AnyPotential]) -> JSONResponse | None:
        if isinstance(found, Posterior) and found.status is Status.EXTINCT:
            self._metrics.extinct.inc()
        return failure(found, constraint)


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
    results: Sequence[asyncio.Future[Found]], jobs: Sequence[Job], request: Request
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
