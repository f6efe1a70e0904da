"""The routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from smc.errors import GrammarError, PromptError, SettingsError
from smc.integrations.server.counting import Counting
from smc.integrations.server.jobs import Busy, Closed, Job
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.models import Served
from smc.integrations.server.orders import Limits, orders
from smc.integrations.server.replies import Reply, error_body, error_event
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.integrations.server.worker import Worker
from smc.posterior import Posterior, Status

_LOOK_SECONDS = 0.2
"""How often a waiting request looks whether its client is still there."""

ROUTES = ("/health", "/metrics", "/v1/models", "/v1/completions", "/v1/chat/completions")

Found = Posterior | BaseException


def create_app(served: Served, limits: Limits | None = None) -> FastAPI:
    """Return an application that serves a model.

    Args:
        served: The model.
        limits: Of requests and of the queue.
    """
    limits = limits or Limits()
    metrics = Metrics.fresh()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.worker = Worker(
            served.at,
            max_queue=limits.max_queue,
            max_particles=limits.max_batch_particles,
            metrics=metrics,
        )
        yield
        await asyncio.to_thread(app.state.worker.close)

    app = FastAPI(title="smc", lifespan=lifespan, openapi_url=None)

    app.add_middleware(Counting, metrics=metrics, routes=ROUTES)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return _error(400, _told(error), "invalid_request_error")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return _error(error.status_code, str(error.detail), "invalid_request_error")

    @app.get("/health")
    async def health(request: Request) -> Response:
        alive = request.app.state.worker.alive
        return PlainTextResponse("ok" if alive else "engine stopped", 200 if alive else 503)

    @app.get("/metrics")
    async def show_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        entry = {"id": served.name, "object": "model", "created": 0, "owned_by": "smc"}
        return {"object": "list", "data": [entry]}

    @app.post("/v1/completions")
    async def completions(body: CompletionRequest, request: Request) -> Response:
        return await _answer(served, limits, metrics, body, request, chat=False)

    @app.post("/v1/chat/completions")
    async def chat(body: ChatRequest, request: Request) -> Response:
        if not served.can_chat:
            return _error(400, f"{served.name} has no chat template", "invalid_request_error")
        return await _answer(served, limits, metrics, body, request, chat=True)

    return app


async def _answer(
    served: Served,
    limits: Limits,
    metrics: Metrics,
    body: CompletionRequest | ChatRequest,
    request: Request,
    *,
    chat: bool,
) -> Response:
    if body.model != served.name:
        return _error(
            404, f"model {body.model!r}: only {served.name!r} is served here", "not_found"
        )
    try:
        # Grammars take time to read; others are answered meanwhile.
        asked = await asyncio.to_thread(orders, served, limits, body)
    except (SettingsError, PromptError, GrammarError, ValueError) as error:
        return _error(400, str(error), "invalid_request_error")
    loop = asyncio.get_running_loop()
    results: list[asyncio.Future[Found]] = [loop.create_future() for _ in asked]
    pieces: asyncio.Queue[str] = asyncio.Queue()

    def hand_over(put: Callable[..., Any]) -> Callable[[Any], None]:
        """Call it in the server's thread; a client that is gone needs nothing."""

        def call(value: Any) -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(put, value)

        return call

    jobs = [
        Job(
            order,
            on_done=hand_over(lambda found, r=result: r.done() or r.set_result(found)),
            on_text=hand_over(pieces.put_nowait) if body.stream else None,
        )
        for order, result in zip(asked, results, strict=True)
    ]
    worker: Worker = request.app.state.worker
    try:
        worker.submit(jobs)
    except Busy:
        reply = _error(429, "the queue is full; try again later", "overloaded")
        reply.headers["Retry-After"] = "1"
        return reply
    except Closed:
        return _error(503, "the server is shutting down", "unavailable")
    reply = Reply(served.name, chat)
    if body.stream:
        events = _events(reply, jobs[0], results[0], pieces, body.max_tokens, metrics)
        return StreamingResponse(events, media_type="text/event-stream")
    if not await _wait(results, jobs, request):
        return _error(499, "the client went away", "cancelled")
    found = [r.result() for r in results]
    for one in found:
        failed = _failure(one, metrics)
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


async def _wait(results: list[asyncio.Future[Found]], jobs: list[Job], request: Request) -> bool:
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
            job.cancel()  # nothing to a job that is done


async def _events(
    reply: Reply,
    job: Job,
    result: asyncio.Future[Found],
    pieces: asyncio.Queue[str],
    max_tokens: int,
    metrics: Metrics,
) -> AsyncIterator[str]:
    """Yield settled text as it comes; a client that goes away ends the generator, and the job."""
    first = True
    try:
        while True:
            waiting = asyncio.ensure_future(pieces.get())
            await asyncio.wait({waiting, result}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                yield reply.piece(waiting.result(), first=first)
                first = False
                continue
            waiting.cancel()
            if pieces.empty():
                break
        found = result.result()
        failed = _failure(found, metrics)
        if failed is not None:
            yield error_event(bytes(failed.body).decode(), "failed")
        elif isinstance(found, Posterior):
            yield reply.last(found, max_tokens)
    finally:
        job.cancel()


def _failure(found: Found, metrics: Metrics) -> JSONResponse | None:
    """Return the error that a result means; None if it is an answer."""
    if isinstance(found, Posterior):
        if found.status is not Status.EXTINCT:
            return None
        metrics.extinct.inc()
        return _error(
            422,
            f"no text satisfies the constraints: {found.reason}. Use more particles or tokens, or "
            "ask for less.",
            "extinct",
        )
    if isinstance(found, Closed):
        return _error(503, "the server is shutting down", "unavailable")
    if isinstance(found, SettingsError | PromptError | GrammarError):
        return _error(400, str(found), "invalid_request_error")
    return _error(500, f"{type(found).__name__}: {found}", "engine_error")


def _error(status: int, message: str, kind: str) -> JSONResponse:
    return JSONResponse(error_body(message, kind), status)


def _told(error: RequestValidationError) -> str:
    """What is wrong, where, in one line."""
    told = []
    for one in error.errors()[:5]:
        where = ".".join(str(part) for part in one["loc"] if part != "body")
        got = "" if one["type"] == "missing" else f", got {str(one.get('input'))[:80]!r}"
        told.append(f"{where or 'body'}: {one['msg']}{got}")
    return "; ".join(told)
