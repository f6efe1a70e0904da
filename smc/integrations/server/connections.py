"""Connections of `smc serve`: how many there may be, and how long each may say or read nothing.

Time limits for headers and for readers belong to the connection, which only the web server's
protocol sees; a body's is kept where it is read (`bodies`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_LINGER_SECONDS = 5.0
"""For a client to read why its body was refused, before the connection is cut."""
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
)
_BUSY_BODY = (
    b'{"error": {"message": "too many connections; try again later", "type": "overloaded", '
    b'"param": null, "code": null}}'
)


@dataclass(frozen=True)
class ConnectionLimits:
    """What connections may do.

    Attributes:
        most: At a time. One more takes the place of the one that has been silent longest; where
            none is silent, it is answered with 503.
        header_seconds: From the first byte that is expected to the last of a request's headers.
        write_seconds: For which a client may read nothing of its answer.
    """

    most: int = 512
    header_seconds: float = 15.0
    write_seconds: float = 60.0


def protocol(limits: ConnectionLimits) -> type[H11Protocol]:
    """Return uvicorn's protocol with limits; for `uvicorn.Config(http=…)`."""
    return type("LimitedProtocol", (_LimitedProtocol,), {"limits": limits})


class _LimitedProtocol(H11Protocol):
    limits = ConnectionLimits()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deaf = False
        self._since = self.loop.time()
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for it, or refuse it; its first request must come soon."""
        if len(self.connections) >= self.limits.most and not self._evict():
            self._deaf = True
            self.transport = transport
            transport.write(_BUSY % (len(_BUSY_BODY), _BUSY_BODY))
            transport.close()
            return
        super().connection_made(_Lingering(transport, self))  # type: ignore[arg-type]
        self._watch_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its timers."""
        self._header_timer = _cancelled(self._header_timer)
        self._write_timer = _cancelled(self._write_timer)
        if self.flow is not None:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take data, unless the answer is given and the rest of the request of no use."""
        if not self._deaf:
            super().data_received(data)

    def handle_events(self) -> None:
        """Take what there is of requests; what has begun must go on."""
        super().handle_events()
        if self._answering:
            self._header_timer = _cancelled(self._header_timer)
        elif self.timeout_keep_alive_task is None:  # else nothing of the next request is here
            self._watch_headers()

    def on_response_complete(self) -> None:
        """Go on with the next request, unless there is a body that nobody will read."""
        self._since = self.loop.time()
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; a request that it breaks off has no other answer."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        super().send_400_response(msg)

    def linger(self, transport: asyncio.Transport) -> bool:
        """Read on for a while, without listening, so that the client comes to read its answer.

        Closed at once, the connection would be reset by what the client still sends, and the
        answer lost with it.

        Returns:
            Whether that is needed: the client is in the middle of a body.
        """
        if self._deaf or self.conn.their_state is not h11.SEND_BODY:
            return False
        self._deaf = True
        self._unset_keepalive_if_required()
        with suppress(OSError, NotImplementedError):  # the client has gone, or it is TLS
            transport.write_eof()
        transport.resume_reading()
        self.loop.call_later(_LINGER_SECONDS, transport.abort)
        return True

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that idles; one whose answer is not even read is cut."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """The client does not read: give it some time."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(
                self.limits.write_seconds, self.transport.abort
            )

    def resume_writing(self) -> None:
        """The client reads."""
        self._write_timer = _cancelled(self._write_timer)
        super().resume_writing()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch_headers(self) -> None:
        if self._header_timer is None and not self.transport.is_closing():
            self._header_timer = self.loop.call_later(
                self.limits.header_seconds, self.transport.abort
            )

    def _evict(self) -> bool:
        """Cut the connection that has been silent longest; whether there is one."""
        silent = [c for c in self.connections if isinstance(c, _LimitedProtocol)]
        silent = [c for c in silent if not c._answering]
        if not silent:
            return False
        longest = min(silent, key=lambda c: c._since)
        self.connections.discard(longest)
        longest.transport.abort()
        return True


class _Lingering:
    """A transport that closes only when the other side has had time to read."""

    def __init__(self, transport: asyncio.Transport, protocol: _LimitedProtocol) -> None:
        self._transport, self._protocol = transport, protocol
        self._lingers = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        """Close, at once or after a while."""
        self._lingers = self._lingers or self._protocol.linger(self._transport)
        if not self._lingers:
            self._transport.close()

    def is_closing(self) -> bool:
        """Whether it closes or will."""
        return self._lingers or self._transport.is_closing()


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
