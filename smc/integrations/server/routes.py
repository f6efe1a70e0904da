"""The route of a request: its path as the application knows it, and what a proxy puts before it."""

from __future__ import annotations

from typing import Any


def route_of(scope: Any) -> str:
    """Return the path of an ASGI scope, without what a proxy puts before it."""
    path, root = scope["path"], scope.get("root_path", "")
    within = root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/")
    return path[len(root) :] or "/" if within else path


class RootPath:
    """Tells an ASGI application under which path a proxy shows it to the world."""

    def __init__(self, app: Any, root_path: str) -> None:
        self._app, self._root_path = app, root_path

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See ASGI."""
        if self._root_path and scope["type"] in ("http", "websocket"):
            scope = {**scope, "root_path": self._root_path}
        await self._app(scope, receive, send)
