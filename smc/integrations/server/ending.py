"""Graceful shutdown of `smc serve`, which ends within its grace whatever hangs.

told to end          no new connections; what runs and waits goes on
grace − 4 s          what is left is answered with 503, and streams end with an error
grace − 3 s          tasks that are still there are cancelled
grace − 1 s          the process ends, whatever its threads do
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

MIN_GRACE_SECONDS = 4.0
"""A grace is longer, or nothing that runs could finish in it."""
_CUT_SECONDS = 4.0
_CANCEL_SECONDS = 3.0
_END_SECONDS = 1.0
_AT_ONCE_SECONDS = 0.5


class GracefulServer(uvicorn.Server):
    """A web server whose end has a time limit.

    Args:
        config: Of uvicorn; its grace is set here.
        grace_seconds: From the first signal to the end of the process, at most; more than
            `MIN_GRACE_SECONDS`.
        stop: Called when it is told to end: take no more work.
        cut: Called shortly before the grace is over: answer what is left.
        last: Called where the grace is over and the process still there, before it is ended.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        grace_seconds: float,
        stop: Callable[[], None],
        cut: Callable[[], None],
        last: Callable[[], Any],
    ) -> None:
        super().__init__(config)
        self._grace_seconds = grace_seconds
        self._stop, self._cut, self._last = stop, cut, last
        config.timeout_graceful_shutdown = grace_seconds - _CANCEL_SECONDS  # type: ignore[assignment]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end at the first signal; end at once at the second."""
        again = self.should_exit
        super().handle_exit(sig, frame)
        self.should_exit = True
        if again:
            self.force_exit = True
        seconds = _AT_ONCE_SECONDS if again else self._grace_seconds - _END_SECONDS
        timer = threading.Timer(seconds, self._end_process)
        timer.daemon = True
        timer.start()

    async def shutdown(self, sockets: Any = None) -> None:
        """End; see the module."""
        self._stop()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(max(0.0, self._grace_seconds - _CUT_SECONDS), self._cut)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    def _end_process(self) -> None:
        """End it, also where a thread hangs that Python would wait for."""
        try:
            self._last()
        finally:
            os._exit(0)  # flushing could wait for a reader that has stopped
