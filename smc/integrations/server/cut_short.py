"""Requests cut short by the server's end get a 503; ASGI middleware."""

from __future__ import annotations

import asyncio
from typing import Any

from smc.integrations.server import errors


class CutShort:
    """Wraps an application.

    Args:
        app: Of ASGI.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request; the web server cancels those that outlast its grace."""
        begun = False

        async def watched(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            if scope["type"] != "http" or begun:
                raise
            await errors.closing()(scope, receive, send)
