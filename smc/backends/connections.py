"""A pool of HTTP connections that are kept alive, and exchanges over them with a deadline."""

from __future__ import annotations

import contextlib
import http.client
import os
import selectors
import socket
import ssl
import threading
import weakref
from collections.abc import Mapping
from functools import cached_property

_MOST_BYTES = 2**25
_MOST_IDLE = 64

_Connection = http.client.HTTPConnection


class ExchangeError(Exception):
    """No whole answer came; the message says why."""


class ConnectionPool:
    """Connections to one server, reused where the server keeps them open.

    Threads may share it: each exchange has a connection of its own. A process that was forked off
    starts with an empty pool, and so does a copy.

    Args:
        scheme: `http` or `https`.
        host: Of the server.
        port: None: that of the scheme.
    """

    def __init__(self, scheme: str, host: str, port: int | None) -> None:
        self._scheme = scheme
        self._host = host
        self._port = port
        self._idle: list[_Connection] = []
        self._owner = os.getpid()
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    def __reduce__(self) -> tuple[type[ConnectionPool], tuple[str, str, int | None]]:
        return ConnectionPool, (self._scheme, self._host, self._port)

    def exchange(
        self, path: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Post a body, and read the answer to its end.

        A connection that the server closed while it lay idle is replaced by a new one, within the
        same time limit.

        Args:
            path: Of the request.
            body: Of the request.
            headers: Of the request.
            seconds: For all of it, connecting included, however slowly the answer comes in.

        Returns:
            The status, the headers and the body of the answer.

        Raises:
            ExchangeError: There was no whole answer in time.
        """
        with _Deadline(seconds) as deadline:
            kept = self._take()
            if kept is not None:
                try:
                    return self._ask(kept, path, body, headers, deadline)
                except _Closed:
                    pass
            return self._ask(self._new(seconds), path, body, headers, deadline)

    def _ask(
        self,
        connection: _Connection,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        deadline: _Deadline,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        was_idle, answered, whole = connection.sock is not None, False, False
        try:
            if not was_idle:
                connection.connect()
            deadline.watch(connection.sock)
            connection.request("POST", path, body, dict(headers))
            _acknowledge_at_once(connection.sock)
            response = connection.getresponse()
            answered = True
            raw = response.read(_MOST_BYTES)
            if not response.isclosed() and response.read(1):
                raise ExchangeError(f"the answer is longer than {_MOST_BYTES} bytes")
            deadline.check()
            whole = not response.will_close
            return response.status, response.headers, raw
        # ValueError: sizes of chunks below 0, and a TLS socket that is shut while it is read from.
        except (OSError, http.client.HTTPException, ValueError) as error:
            deadline.check()
            if isinstance(error, TimeoutError):
                raise deadline.error() from error
            if was_idle and not answered and isinstance(error, ConnectionError):
                raise _Closed from error
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise ExchangeError(what) from error
        finally:
            # From here on the deadline leaves the socket alone: it may be another exchange's soon.
            if deadline.release() and whole:
                self._keep(connection)
            else:
                connection.close()

    def _new(self, seconds: float) -> _Connection:
        if self._scheme == "https":
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=seconds, context=self._tls
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=seconds)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _take(self) -> _Connection | None:
        """Return an idle connection, the one that was used last; None if there is none."""
        with self._lock:
            if self._owner != os.getpid():  # the sockets are the parent's
                _close_all(self._idle)
                self._owner = os.getpid()
            while self._idle:
                connection = self._idle.pop()
                if _is_quiet(connection.sock):
                    return connection
                connection.close()
        return None

    def _keep(self, connection: _Connection) -> None:
        with self._lock:
            if len(self._idle) < _MOST_IDLE and self._owner == os.getpid():
                self._idle.append(connection)
                return
        connection.close()


class _Closed(Exception):  # noqa: N818  it never leaves this file
    """The server had closed the connection before it read the request."""


class _Deadline:
    """A time limit on whatever sockets do, that no trickle of bytes puts off."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._late = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._give_up)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def watch(self, own: socket.socket) -> None:
        """Shut this socket when the time is over.

        Raises:
            ExchangeError: It is.
        """
        with self._lock:
            self._socket = own
        self.check()

    def release(self) -> bool:
        """Let the socket be; return whether the time was not over before."""
        with self._lock:
            self._socket = None
            return not self._late

    def check(self) -> None:
        """Raise if the time is over.

        Raises:
            ExchangeError: It is.
        """
        with self._lock:
            if self._late:
                raise self.error()

    def error(self) -> ExchangeError:
        """Return the error of a time that is over."""
        return ExchangeError(f"no whole answer within {self._seconds:g} seconds")

    def _give_up(self) -> None:
        with self._lock:
            self._late = True
            if self._socket is not None:
                with contextlib.suppress(OSError):  # wakes whoever reads from it
                    self._socket.shutdown(socket.SHUT_RDWR)


def _acknowledge_at_once(own: socket.socket) -> None:
    """Spare the wait of 40 ms where a server sends head and body apart (Nagle's algorithm).

    Sending anything unsets the option, so it is set behind every request.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _is_quiet(own: socket.socket | None) -> bool:
    """Whether nothing waits to be read: neither the end, nor what nobody asked for."""
    if own is None or own.fileno() < 0:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(own, selectors.EVENT_READ)
        return not selector.select(0)


def _close_all(connections: list[_Connection]) -> None:
    while connections:
        connections.pop().close()
