"""The application: its routes, and what lives as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from smc.integrations.server import errors
from smc.integrations.server.api_keys import ApiKeys
from smc.integrations.server.constraint_cache import ConstraintCache
from smc.integrations.server.cut_short import CutShort
from smc.integrations.server.handler import RequestHandler
from smc.integrations.server.health import ailment
from smc.integrations.server.lanes import Lanes
from smc.integrations.server.limits import ServerLimits
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.models import Served
from smc.integrations.server.openapi import describe
from smc.integrations.server.pools import WorkPools
from smc.integrations.server.reading import RequestReader
from smc.integrations.server.registered import RegisteredPotentials
from smc.integrations.server.request_counter import RequestCounter
from smc.integrations.server.request_log import RequestLog
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.integrations.server.responses_api.request import ResponsesRequest
from smc.integrations.server.routes import RootPath
from smc.integrations.server.tokenize_requests import DetokenizeRequest, TokenizeRequest
from smc.integrations.server.turns import Turn

ROUTES = (
    "/health",
    "/metrics",
    "/tokenize",
    "/detokenize",
    "/version",
    "/v1/models",
    "/v1/completions",
    "/v1/chat/completions",
    "/v1/responses",
)
BODIES: dict[str, type[BaseModel]] = {
    "/tokenize": TokenizeRequest,
    "/detokenize": DetokenizeRequest,
    "/v1/completions": CompletionRequest,
    "/v1/chat/completions": ChatRequest,
    "/v1/responses": ResponsesRequest,
}


def create_app(
    served: Served,
    limits: ServerLimits | None = None,
    *,
    api_keys: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
    root_path: str = "",
    log_requests: bool = False,
) -> FastAPI:
    """Return an application that serves a model.

    Args:
        served: The model.
        limits: Of requests and of the queue.
        api_keys: One of which requests must carry; none: nobody is asked for one.
        allowed_origins: Of web pages whose scripts may ask (CORS); `*`: any.
        root_path: Under which a proxy shows the server to the world.
        log_requests: Whether each request has a line in the log.
    """
    limits = limits or ServerLimits()
    metrics = Metrics.fresh()

    turn = Turn()
    registered = RegisteredPotentials(served.potentials, limits.potential_seconds, turn)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.worker = Lanes(
            served.at,
            max_queue=limits.max_queue,
            max_particles=limits.max_batch_particles,
            metrics=metrics,
            turn=turn,
            max_prefill=limits.max_prefill_tokens,
        )
        constraints, pools = ConstraintCache(served.validate), WorkPools()
        reader = RequestReader(served, limits, constraints, registered, pools)
        app.state.handler = RequestHandler(served, metrics, app.state.worker, reader, pools)
        yield
        constraints.close()
        pools.close()
        await asyncio.to_thread(app.state.worker.close)

    app = FastAPI(
        title="smc",
        version=metadata.version("smc-lm"),
        lifespan=lifespan,
    )
    describe(app, BODIES)
    app.add_middleware(CutShort)
    app.add_middleware(ApiKeys, keys=api_keys)
    if allowed_origins:
        any_ = ["*"]
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(allowed_origins),
            allow_methods=any_,
            allow_headers=any_,
            expose_headers=["x-request-id"],
        )
    app.add_middleware(RequestCounter, metrics=metrics, routes=ROUTES)
    app.add_middleware(RequestLog, shown=log_requests)
    app.add_middleware(RootPath, root_path=root_path.rstrip("/"))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return errors.error(error.status_code, str(error.detail), "invalid_request_error")

    @app.get("/health")
    async def health(request: Request) -> Response:
        wrong = ailment(request.app.state.worker, limits.stuck_seconds)
        return PlainTextResponse(wrong or "ok", 503 if wrong else 200)

    @app.get("/metrics")
    async def show_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    entries = {
        name: {"id": name, "object": "model", "created": 0, "owned_by": "smc", "root": served.name}
        for name in served.names
    }

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": list(entries.values())}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> Any:
        return entries.get(name) or errors.not_served(name, served.names)

    @app.get("/version")
    async def version() -> dict[str, str]:
        return {"version": metadata.version("smc-lm")}

    @app.post("/tokenize")
    async def tokenize(request: Request) -> Response:
        return await request.app.state.handler.tokenize(request)

    @app.post("/detokenize")
    async def detokenize(request: Request) -> Response:
        return await request.app.state.handler.detokenize(request)

    @app.post("/v1/completions")
    async def completions(request: Request) -> Response:
        return await request.app.state.handler.answer(request, CompletionRequest)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        return await request.app.state.handler.answer(request, ChatRequest)

    @app.post("/v1/responses")
    async def responses(request: Request) -> Response:
        return await request.app.state.handler.answer(request, ResponsesRequest)

    return app
