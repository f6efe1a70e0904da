"""Counts of requests and their seconds; ASGI middleware.

Plain, since the framework's own base class hides from the routes that a client left.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from smc.integrations.server.metrics import Metrics
from smc.integrations.server.routes import route_of


class RequestCounter:
    """Wraps an application.

    Args:
        app: Of ASGI.
        metrics: Where counts go.
        routes: What is counted under its own name; the rest as `other`.
    """

    def __init__(self, app: Any, metrics: Metrics, routes: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        path = route_of(scope)
        path = path if path in self._routes else "other"

        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.labels(path, str(message["status"])).inc()
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            self._metrics.seconds.observe(time.perf_counter() - began)
