"""Request ids, and a log of requests; ASGI middleware."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any

from fastapi import Request

logger = logging.getLogger(__name__)

_HEADER = b"x-request-id"
_GIVEN = re.compile(rb"[\w.:-]{1,128}")
_KEY = "smc_request_id"


class RequestLog:
    """Wraps an application; each answer has an id, of the client's choice or its own.

    The id is in the answer's header `x-request-id`, in the log, and in the references of failures.

    Args:
        app: Of ASGI.
        shown: Whether lines are of the level INFO, and not DEBUG.
    """

    def __init__(self, app: Any, *, shown: bool = False) -> None:
        self._app = app
        self._level = logging.INFO if shown else logging.DEBUG

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(_HEADER, b"")
        name = given.decode() if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})[_KEY] = name
        began, status = time.perf_counter(), 0

        async def named(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (_HEADER, name.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, named)
        finally:
            seconds = time.perf_counter() - began
            line = "%s %s %d %.3f s %s"
            logger.log(
                self._level, line, scope["method"], scope["path"][:200], status, seconds, name
            )


def reference_of(request: Request) -> str:
    """Return what an answer and its failures are called by: the request's id."""
    return f"smc-{getattr(request.state, _KEY, None) or uuid.uuid4().hex}"
