"""The route of a request: its path as the application knows it."""

from __future__ import annotations

from typing import Any


def route_of(scope: Any) -> str:
    """Return the path of an ASGI scope, without what a proxy puts before it."""
    path, root = scope["path"], scope.get("root_path", "")
    within = root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/")
    return path[len(root) :] or "/" if within else path
