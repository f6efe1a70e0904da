"""Connections to an endpoint: reused while they are good, and each under its deadline."""

from __future__ import annotations

import gc
import multiprocessing
import pickle
import shutil
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from smc.backends.connections import ConnectionPool, ExchangeError
from smc.backends.http import Endpoint
from smc.errors import EndpointError
from tests.backends.endpoint import Request, serving


def echo(request: Request) -> None:
    request.complete(request.text, stop_reason=None, tokens=1)


def endpoint(url: str, **changes) -> Endpoint:
    return Endpoint(url, **({"timeout": 20.0, "retries": 0, "backoff": 0.0} | changes))


def ask(at: Endpoint, text: str) -> str:
    return at.ask("/completions", {"prompt": text}, lambda reply: reply["choices"][0]["text"])


def test_requests_in_a_row_share_one_connection():
    with serving(echo, keep_alive=True) as served:
        at = endpoint(served.url)
        assert [ask(at, str(i)) for i in range(5)] == list("01234")
    assert (served.connections, len(served.requests)) == (1, 5)


def test_requests_at_once_have_one_each_and_keep_them():
    together = threading.Barrier(4)

    def reply(request: Request) -> None:
        together.wait(10)
        echo(request)

    with serving(reply, keep_alive=True) as served:
        at = endpoint(served.url)
        with ThreadPoolExecutor(4) as threads:
            for _ in range(3):
                answers = threads.map(lambda i: ask(at, str(i)), range(4))
                assert list(answers) == list("0123")
    assert (served.connections, len(served.requests)) == (4, 12)


def test_a_server_that_closes_is_connected_to_again():
    with serving(echo) as served:
        at = endpoint(served.url)
        assert [ask(at, str(i)) for i in range(3)] == list("012")
    assert (served.connections, len(served.requests)) == (3, 3)


def test_a_connection_that_was_closed_while_idle_is_replaced():
    """The answer promises to keep it, and the server does not."""

    def reply(request: Request) -> None:
        echo(request)
        request.handler.close_connection = True

    with serving(reply, keep_alive=True) as served:
        at = endpoint(served.url)
        for i in range(3):
            assert ask(at, str(i)) == str(i)
            time.sleep(0.1)  # the end arrives
    assert (served.connections, len(served.requests)) == (3, 3)


def test_a_connection_that_closes_under_a_request_is_replaced_without_a_try():
    """As when the server's time for idle connections runs out at that very moment."""

    def reply(request: Request) -> None:
        if request.number == 1:
            request.handler.close_connection = True
        else:
            echo(request)

    with serving(reply, keep_alive=True) as served:
        at = endpoint(served.url)
        assert [ask(at, "a"), ask(at, "b")] == ["a", "b"]
    assert (served.connections, len(served.requests)) == (2, 3)


def test_a_new_connection_that_closes_is_a_failure():
    with serving(lambda r: None, keep_alive=False) as served:
        at = endpoint(served.url)
        with pytest.raises(EndpointError, match="RemoteDisconnected"):
            ask(at, "a")
    assert len(served.requests) == 1


@pytest.mark.parametrize("drips", [True, False], ids=["drips", "stalls"])
def test_the_deadline_holds_on_a_kept_connection(drips):
    def reply(request: Request) -> None:
        if request.number != 1:
            return echo(request)
        request.handler.send_response(200)
        request.handler.send_header("Content-Length", "1000000")
        request.handler.end_headers()
        while not request.closing.wait(0.02):
            if drips:
                request.handler.wfile.write(b" ")

    with serving(reply, keep_alive=True) as served:
        at = endpoint(served.url, timeout=0.3)
        assert ask(at, "a") == "a"
        began = time.monotonic()
        with pytest.raises(EndpointError, match=r"0\.3 seconds"):
            ask(at, "b")
        assert time.monotonic() - began < 30
        assert ask(at, "c") == "c"
    assert served.connections == 2


def test_an_answer_that_comes_too_late_is_nobody_elses():
    def reply(request: Request) -> None:
        if request.text == "slow":
            time.sleep(0.5)
        echo(request)

    with serving(reply, keep_alive=True) as served:
        at = endpoint(served.url, timeout=0.2)
        assert ask(at, "a") == "a"
        with pytest.raises(EndpointError):
            ask(at, "slow")
        time.sleep(0.5)
        assert ask(at, "b") == "b"


def test_bytes_that_nobody_asked_for_are_not_the_next_answer():
    def reply(request: Request) -> None:
        echo(request)
        request.handler.wfile.flush()
        time.sleep(0.05)
        request.handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with serving(reply, keep_alive=True) as served:
        at = endpoint(served.url)
        for i in range(3):
            assert ask(at, str(i)) == str(i)
            time.sleep(0.2)
    assert served.connections == 3


@pytest.mark.parametrize("status", [404, 503])
def test_an_answer_of_any_status_leaves_a_good_connection(status):
    def reply(request: Request) -> None:
        if request.number == 0:
            request.say(b'{"error": "no"}', status)
        else:
            echo(request)

    with serving(reply, keep_alive=True) as served:
        at = endpoint(served.url)
        with pytest.raises(EndpointError):
            ask(at, "a")
        assert ask(at, "b") == "b"
    assert served.connections == 1


def test_copies_and_forks_have_connections_of_their_own():
    with serving(echo, keep_alive=True) as served:
        at = endpoint(served.url)
        ask(at, "a")
        again = pickle.loads(pickle.dumps(at))
        assert again == at
        assert ask(again, "b") == "b"
        assert served.connections == 2
        process = multiprocessing.get_context("fork").Process(target=ask, args=(at, "c"))
        process.start()
        process.join(20)
        assert process.exitcode == 0
        assert ask(at, "d") == "d"
    assert served.connections == 3
    assert [r.text for r in served.requests] == list("abcd")


def test_a_pool_that_is_gone_closes_its_connections():
    with serving(echo, keep_alive=True) as served:
        at = endpoint(served.url)
        ask(at, "a")
        assert not served.closed.wait(0.1)
        del at
        gc.collect()
        assert served.closed.wait(10)


def test_an_answer_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("smc.backends.connections._MOST_BYTES", 100)
    with serving(lambda r: r.say(b"x" * 101), keep_alive=True) as served:
        host, port = served.url.removeprefix("http://").removesuffix("/v1").split(":")
        pool = ConnectionPool("http", host, int(port))
        with pytest.raises(ExchangeError, match="longer than 100 bytes"):
            pool.exchange("/v1/completions", b"{}", {"Content-Type": "application/json"}, 10)


def test_small_answers_do_not_wait_for_an_acknowledgement():
    """A server that sends head and body apart holds the body back for 40 ms otherwise."""
    with serving(echo, keep_alive=True) as served:
        at = endpoint(served.url)
        times = []
        for _ in range(20):
            began = time.perf_counter()
            ask(at, "a")
            times.append(time.perf_counter() - began)
    assert min(times[1:]) < 0.03


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_connections_with_tls_are_kept(tmp_path):
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
        f"-addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    with serving(echo, keep_alive=True, tls=server) as served:
        port = int(served.url.removesuffix("/v1").rsplit(":", 1)[1])
        pool = ConnectionPool("https", "localhost", port)
        body, headers = b'{"prompt": "a"}', {"Content-Type": "application/json"}
        with pytest.raises(ExchangeError, match="CERTIFICATE_VERIFY_FAILED"):
            pool.exchange("/v1/completions", body, headers, 10)
        trusting = ConnectionPool("https", "localhost", port)
        trusting.__dict__["_tls"] = ssl.create_default_context(cafile=certificate)
        for _ in range(3):
            status, _, raw = trusting.exchange("/v1/completions", body, headers, 10)
            assert status == 200 and b'"a"' in raw
    assert len(served.requests) == 3
    assert served.connections == 1
