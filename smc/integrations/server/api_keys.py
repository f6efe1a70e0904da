"""API keys: requests under /v1 carry one of them; ASGI middleware."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from smc.integrations.server import errors
from smc.integrations.server.routes import route_of


class ApiKeys:
    """Wraps an application.

    Args:
        app: Of ASGI.
        keys: Any of which will do; none: nobody is asked for one.
    """

    def __init__(self, app: Any, keys: Sequence[str]) -> None:
        self._app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request, or answer it with 401."""
        if scope["type"] != "http" or not self._keys or not _is_guarded(route_of(scope)):
            await self._app(scope, receive, send)
            return
        kind, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        # All are compared, each in constant time, so that the time tells nothing of them.
        known = [hmac.compare_digest(given.strip(), key) for key in self._keys]
        if kind.lower() == b"bearer" and any(known):
            await self._app(scope, receive, send)
            return
        refused = errors.error(
            401, "expected the header Authorization: Bearer KEY, of this server", "unauthorized"
        )
        await refused(scope, receive, send)


def _is_guarded(path: str) -> bool:
    return path.startswith("/v1/") or path in ("/tokenize", "/detokenize")
