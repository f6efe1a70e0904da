"""Waiting for jobs: until all are done, or as a stream, or until the client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from smc.integrations.server.errors import JobResult
from smc.integrations.server.jobs import Job

_LOOK_SECONDS = 0.2
"""How often a waiting request looks whether its client is still there."""


def in_loop(loop: asyncio.AbstractEventLoop, put: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return what calls `put` in the server's thread; a server that is gone needs nothing."""

    def call(value: Any) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(put, value)

    return call


class JobStream(StreamingResponse):
    """A stream whose job ends with it, also where a client goes before the first event."""

    def __init__(self, events: AsyncIterator[str], job: Job) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._job = job

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Stream, as the protocol of web servers has it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._job.cancel()  # nothing to a job that is done


async def wait_for(
    futures: Sequence[asyncio.Future[JobResult]], jobs: Sequence[Job], request: Request
) -> bool:
    """Wait for all results; False, and the jobs cancelled, if the client goes away before."""
    try:
        while True:
            _, pending = await asyncio.wait(futures, timeout=_LOOK_SECONDS)
            if not pending:
                return True
            if await request.is_disconnected():
                return False
    finally:
        for job in jobs:
            job.cancel()
