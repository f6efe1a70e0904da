"""Requests that mean harm, clients that go, and neighbours that fail."""

from __future__ import annotations

import http.client
import json
import threading
import time

import openai
import pytest

import smc
from smc.integrations.server import create_app
from smc.integrations.server.limits import ServerLimits
from tests.integrations.server.conftest import Live, served
from tests.integrations.server.test_malformed import CHAT, GOOD, post
from tests.integrations.server.test_server import complete, gone, read

LONE = "\ud800"  # a surrogate: JSON can say it, UTF-8 cannot


@pytest.mark.parametrize(
    "change",
    [
        {"model": LONE},
        {"prompt": LONE},
        {"stop": [LONE]},
        {LONE: 1},
        {"potentials": [LONE]},
        {"method": LONE},
        {"guided_regex": LONE},
        {"guided_choice": [LONE]},
        {"guided_grammar": f'start: "{LONE}"'},
        {"guided_json": {"const": LONE}},
        {"guided_json": {"description": LONE, "type": "planet"}},
        {"prompt": [10**30]},
        {"seed": -(10**30)},
        {"seed": 1.5},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"ess_threshold": float("nan")},
        {"top_k": -2},
        {"max_tokens": 10**30},
    ],
    ids=str,
)
def test_strange_values_are_refused_with_a_message(live, change):
    status, answer = post(f"{live.url}/v1/completions", {**GOOD, **change})
    assert 400 <= status < 500, answer
    assert answer["error"]["message"]


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"seed": ' + b"9" * 10_000 + b"}", b"\xff"])
def test_strange_json_is_refused(live, body):
    status, answer = post(f"{live.url}/v1/completions", body)
    assert status == 400 and answer["error"]["message"]


def test_a_lone_surrogate_in_a_conversation_is_refused(live):
    status, answer = post(
        f"{live.url}/v1/chat/completions", {**CHAT, "messages": [{"role": "user", "content": LONE}]}
    )
    assert status == 400 and answer["error"]["message"]


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_long_is_refused(declared):
    server = Live(create_app(served(), ServerLimits(max_body_bytes=10_000)))
    try:
        data = json.dumps({**GOOD, "user": "x" * 200_000}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        body = data if declared else iter([data[:50_000], data[50_000:]])
        connection.request(
            "POST",
            "/v1/completions",
            body=body,
            headers={"Content-Type": "application/json"},
            encode_chunked=not declared,
        )
        reply = connection.getresponse()
        assert reply.status == 413
        assert "10000 bytes" in json.loads(reply.read())["error"]["message"]
        connection.close()
        assert complete(server).choices
    finally:
        server.close()


def test_weight_zero_from_the_start_is_an_answer():
    class Nothing(smc.Potential):
        def prefix(self, text):
            return float("-inf")

    server = Live(create_app(served(nothing=Nothing())))
    try:
        for stream in (False, True):
            with pytest.raises(openai.APIError, match="Nothing"):
                list(complete(server, potentials=["nothing"], stream=stream))
    finally:
        server.close()


def test_a_neighbour_that_fails_ends_alone():
    """The stream beside it goes on, and nothing of it is computed twice."""
    streamed, failed, pause = (threading.Event() for _ in range(3))

    class Fails(smc.Potential):
        """Once the other has streamed some text; and it is seen that the other goes on."""

        def prefix(self, text):
            pause.wait(0.05)
            if streamed.is_set():
                failed.set()
                raise RuntimeError("on purpose")
            return 0.0

    class Waits(smc.Potential):
        """Slow until the other has failed."""

        def prefix(self, text):
            if streamed.is_set():
                failed.wait(30)
            return 0.0

    server = Live(create_app(served(fails=Fails(), waits=Waits())))
    options = {"max_tokens": 30, "particles": 1, "method": "smc"}
    try:
        whole = complete(server, seed=3, **options).choices[0].text
        found = {}

        def stream():
            pieces = []
            events = complete(server, seed=3, stream=True, potentials=["waits"], **options)
            for event in events:
                pieces.append(event.choices[0].text)
                streamed.set()
            found["stream"] = "".join(pieces)

        def fail():
            with pytest.raises(openai.InternalServerError, match="potential fails: it failed"):
                complete(server, seed=4, potentials=["fails"], **options)
            found["neighbour"] = True

        drawn = tokens_drawn(server)
        threads = [threading.Thread(target=f) for f in (fail, stream)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found["stream"] == whole and found["neighbour"]
        assert tokens_drawn(server) <= drawn + 30
    finally:
        server.close()


def tokens_drawn(server):
    (line,) = (x for x in metrics(server).splitlines() if x.startswith("smc_particle_tokens_total"))
    return float(line.split()[1])


def metrics(server):
    return read(f"{server.url}/metrics")


def test_a_stream_that_nobody_reads_is_ended_before_its_first_event():
    """With many particles nothing settles for long; its client's going is seen all the same."""

    class Slow(smc.Potential):
        def prefix(self, text):
            pause.wait(0.05)
            return 0.0

    pause = threading.Event()
    server = Live(create_app(served(slow=Slow())))
    worker = server.app.state.worker
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        body = {**GOOD, "max_tokens": 100, "particles": 60, "potentials": ["slow"], "stream": True}
        connection.request(
            "POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"}
        )
        while worker.particles < 60:
            pause.wait(0.01)
        connection.close()
        gone(worker, pause)
        until = time.monotonic() + 10
        while "smc_cancelled_total 1.0" not in metrics(server):
            assert time.monotonic() < until
    finally:
        server.close()


def test_a_short_request_does_not_wait_for_long_ones():
    """It joins them, and leaves before them."""
    release = threading.Event()

    class Endless(smc.Potential):
        def prefix(self, text):
            release.wait(0.005)
            return 0.0

    server = Live(create_app(served(endless=Endless())))
    try:
        long = [
            threading.Thread(
                target=complete,
                args=(server,),
                kwargs={"potentials": ["endless"], "max_tokens": n, "particles": 10},
            )
            for n in (99, 100)
        ]
        for thread in long:
            thread.start()
        while server.app.state.worker.particles < 20:
            assert all(thread.is_alive() for thread in long)
        assert complete(server, max_tokens=3).choices
        assert all(thread.is_alive() for thread in long)
        release.set()
        for thread in long:
            thread.join()
    finally:
        release.set()
        server.close()
