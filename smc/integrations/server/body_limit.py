"""A limit of request bodies, kept before they are in memory; ASGI middleware."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException


class BodyLimit:
    """Wraps an application.

    Args:
        app: Of ASGI.
        most: Bytes of a request's body.
    """

    def __init__(self, app: Any, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request; whoever reads too much of its body gets a 413 to answer with."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        size = int(declared) if declared.isdigit() else 0

        async def counted() -> Any:
            nonlocal size
            if size > self._most:
                raise HTTPException(413, f"the request is longer than {self._most} bytes")
            message = await receive()
            if not declared:
                size += len(message.get("body", b""))
            return message

        await self._app(scope, counted, send)
