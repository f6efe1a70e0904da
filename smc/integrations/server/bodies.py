"""Request bodies: read within limits of length and time, and parsed as strict JSON."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from pydantic_core import from_json
from starlette.exceptions import HTTPException

MAX_FIELDS = 200
"""Of a request; one error is made for each that is unknown."""


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """Return the body of a request.

    Args:
        request: Whose body is not read yet.
        most: Bytes of it.
        seconds: For all of it.

    Raises:
        HTTPException: 413: it is too long; what is declared so is not read. 408: it is too slow.
        ClientDisconnect: The client went away.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > most:
        raise _too_long(most)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_long(most)
    except TimeoutError:
        raise HTTPException(
            408, f"the request's body is not here after {seconds:g} s; expected all of it"
        ) from None
    return bytes(body)


def parsed(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body.

    Raises:
        ValueError: It is no JSON (NaN, lone surrogates and 200 levels are none), or no object, or
            one with too many fields.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ValueError(f"body: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError("body: expected a JSON object")
    if len(value) > MAX_FIELDS:
        raise ValueError(f"body: {len(value)} fields; expected at most {MAX_FIELDS}")
    return value


def _too_long(most: int) -> HTTPException:
    return HTTPException(413, f"the request is longer than {most} bytes")
