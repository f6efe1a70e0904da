"""Connections that say nothing, say it slowly, do not read, or are too many."""

from __future__ import annotations

import json
import logging
import socket
import time
from contextlib import ExitStack

import pytest

from smc.integrations.server import create_app
from smc.integrations.server.connections import ConnectionLimits, protocol
from smc.integrations.server.limits import ServerLimits
from tests.integrations.server.conftest import Live, served
from tests.integrations.server.test_malformed import GOOD, post
from tests.integrations.server.test_server import read

_LONG = 60.0
"""Seconds that a busy machine may take; a limit that is not kept lets a test time out."""
HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def strict():
    limits = ConnectionLimits(most=20, header_seconds=0.5, write_seconds=0.5)
    server = Live(
        create_app(served(), ServerLimits(body_seconds=0.5, max_body_bytes=300_000)),
        http=protocol(limits),
        timeout_keep_alive=1,
    )
    yield server
    server.close()


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=_LONG)
    return connection


def until_closed(connection):
    """Return what comes until the other side closes, and for how long that takes."""
    began, said = time.monotonic(), b""
    try:
        while piece := connection.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said, time.monotonic() - began


@pytest.mark.parametrize("sent", [b"", b"POST /v1/compl", HEAD], ids=["nothing", "a part", "most"])
def test_headers_that_do_not_come(strict, sent):
    with connect(strict) as connection:
        connection.sendall(sent)
        said, seconds = until_closed(connection)
    assert said == b"" and 0.3 < seconds < _LONG


def test_a_body_that_is_no_http_has_one_answer_and_no_error_in_the_log(strict, caplog):
    log = logging.getLogger("uvicorn.error")
    log.addHandler(caplog.handler)
    try:
        with connect(strict) as connection:
            # The application refuses the type while the connection refuses the body.
            head = HEAD.replace(b"application/json", b"text/plain")
            connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n")
            said, _ = until_closed(connection)
        assert post(f"{strict.url}/v1/completions", GOOD)[0] == 200
    finally:
        log.removeHandler(caplog.handler)
    assert said.startswith(b"HTTP/1.1 400") and said.count(b"HTTP/1.1") == 1
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


def test_headers_that_come_byte_by_byte(strict):
    with connect(strict) as connection:
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            for byte in HEAD * 20:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
        assert time.monotonic() - began < _LONG


def test_a_body_that_does_not_come_is_told_so(strict):
    with connect(strict) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        said, seconds = until_closed(connection)
    assert said.startswith(b"HTTP/1.1 408 ") and b"not here after 0.5 s" in said
    assert seconds < _LONG


def test_a_second_request_must_come_in_time_too(strict):
    with connect(strict) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /hea")
        said, seconds = until_closed(connection)
    assert said.endswith(b"ok") and seconds < _LONG


def test_pipelined_requests_are_answered_in_order(strict):
    body = json.dumps(GOOD).encode()
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with connect(strict) as connection:
        connection.sendall(one + b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said, _ = until_closed(connection)
    assert said.count(b"HTTP/1.1 200 OK") == 2
    assert said.index(b"text_completion") < said.index(b"\r\n\r\nok")


def test_a_body_that_nobody_reads_ends_the_connection(strict):
    with connect(strict) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < _LONG:
                connection.sendall(b"x" * 1000)
                time.sleep(0.02)
        assert time.monotonic() - began < _LONG


def test_silent_connections_make_room_for_others(strict):
    """As many as there may be, and more: ordinary clients are served all the same."""
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(strict)) for _ in range(60)]
        began = time.monotonic()
        for _ in range(5):
            assert post(f"{strict.url}/v1/completions", GOOD)[0] == 200
        assert time.monotonic() - began < _LONG
        assert len(silent) == 60
    assert read(f"{strict.url}/health") == "ok"


def test_where_all_are_at_work_one_more_is_told_to_come_back(strict):
    with ExitStack() as stack:
        busy = [stack.enter_context(connect(strict)) for _ in range(20)]
        for connection in busy:
            connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        time.sleep(0.2)
        with connect(strict) as late:
            said, _ = until_closed(late)
        assert said.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in said


def test_an_answer_that_nobody_reads_is_cut(strict):
    """The page of metrics, asked for again and again, fills all buffers.

    The client's own is small from the first packet on, so that few answers fill them.
    """
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(_LONG)
        connection.connect(("127.0.0.1", strict.port))
        with pytest.raises(ConnectionError):
            while True:
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
