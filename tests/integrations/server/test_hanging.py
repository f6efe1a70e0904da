"""Potentials that hang or fail, an engine that is stuck, and what is cut when the server ends."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request

import openai
import pytest

import smc
from smc.integrations.server import create_app
from smc.integrations.server.continuous_batch import ContinuousBatch
from smc.integrations.server.limits import ServerLimits
from smc.potential import IncrementalPotential
from tests.integrations.server.conftest import Live, served
from tests.integrations.server.test_malformed import GOOD, post
from tests.integrations.server.test_server import complete, read

SECONDS = 0.3
MANY_SECONDS = 1.5
"""So many that even a busy machine answers an ordinary request well within them."""


class Hangs(smc.Potential):
    """Never comes back from a text, until it is let go."""

    def __init__(self):
        self.reached, self.release = threading.Event(), threading.Event()

    def prefix(self, text):
        self.reached.set()
        self.release.wait(60)
        return 0.0


class HangsAdvancing(IncrementalPotential):
    """Never comes back from reading a text."""

    def __init__(self):
        self.release = threading.Event()

    def start(self):
        return 0

    def advance(self, state, new_bytes):
        self.release.wait(60)
        return state + len(new_bytes)

    def complete(self, state):
        return 0.0


class Leaves(smc.Potential):
    """Asks the interpreter to end."""

    def prefix(self, text):
        raise SystemExit("secret")


@pytest.fixture
def hanging(request):
    seconds = getattr(request, "param", SECONDS)
    potentials = {"hangs": Hangs(), "advancing": HangsAdvancing(), "leaves": Leaves()}
    server = Live(create_app(served(**potentials), ServerLimits(potential_seconds=seconds)))
    server.potentials = potentials
    yield server
    for name in ("hangs", "advancing"):
        potentials[name].release.set()
    server.close()


@pytest.mark.parametrize("name", ["hangs", "advancing"])
def test_a_call_that_does_not_come_back_is_given_up(hanging, name):
    began = time.monotonic()
    with pytest.raises(openai.InternalServerError, match=f"potential {name}: it does not") as late:
        complete(hanging, potentials=[name])
    assert time.monotonic() - began >= SECONDS
    assert late.value.status_code == 503 and late.value.response.headers["Retry-After"] == "1"
    assert read(f"{hanging.url}/health") == "ok"
    assert complete(hanging).choices


@pytest.mark.parametrize("hanging", [MANY_SECONDS], indirect=True)
def test_others_go_on_while_a_potential_hangs(hanging):
    """It is asked for again and again, and holds up no one else for as long as it may take."""
    until = time.monotonic() + 4 * MANY_SECONDS

    def ask():
        body = {**GOOD, "potentials": ["hangs"]}
        while time.monotonic() < until:
            assert post(f"{hanging.url}/v1/completions", body)[0] == 503

    attackers = [threading.Thread(target=ask) for _ in range(4)]
    for thread in attackers:
        thread.start()
    assert hanging.potentials["hangs"].reached.wait(30)
    seconds = []
    while time.monotonic() < until:
        began = time.monotonic()
        assert complete(hanging, potentials=["no-space"], guided_regex="[a-e]{2,5}").choices
        seconds.append(time.monotonic() - began)
    for thread in attackers:
        thread.join()
    # Were there one engine thread, every answer would take some of the seconds of a call.
    assert len(seconds) > 2 and sorted(seconds)[len(seconds) // 2] < MANY_SECONDS
    hanging.potentials["hangs"].release.set()
    back = time.monotonic() + 30
    while True:  # it is asked again as soon as its calls have come back
        try:
            assert complete(hanging, potentials=["hangs"]).choices
            return
        except openai.InternalServerError:
            assert time.monotonic() < back


def test_a_stream_that_is_given_up_ends_with_an_error(hanging):
    data = json.dumps({**GOOD, "potentials": ["hangs"], "stream": True}).encode()
    headers = {"Content-Type": "application/json"}
    ask = urllib.request.Request(f"{hanging.url}/v1/completions", data, headers)
    with urllib.request.urlopen(ask, timeout=60) as reply:
        *_, failed, done = reply.read().decode().split("\n\n")[:-1]
    assert "does not answer" in json.loads(failed.removeprefix("data: "))["error"]["message"]
    assert done == "data: [DONE]"


def test_an_operator_s_exception_is_for_the_log_alone(hanging, caplog):
    with pytest.raises(openai.InternalServerError, match="potential leaves: it failed") as failed:
        complete(hanging, potentials=["leaves"])
    assert "secret" not in str(failed.value)
    assert "secret" in caplog.text
    assert complete(hanging).choices


def test_an_engine_that_is_stuck_is_not_healthy(monkeypatch):
    server = Live(create_app(served(), ServerLimits(stuck_seconds=0.2)))
    release, reached = threading.Event(), threading.Event()

    def step(batch):
        reached.set()
        release.wait(60)
        raise smc.errors.ModelError("model: too late")

    try:
        assert complete(server).choices
        monkeypatch.setattr(ContinuousBatch, "step", step)
        asking = threading.Thread(target=post, args=(f"{server.url}/v1/completions", GOOD))
        asking.start()
        assert reached.wait(30)
        time.sleep(0.3)
        with pytest.raises(urllib.error.HTTPError, match="503") as unhealthy:
            read(f"{server.url}/health")
        with unhealthy.value as answer:
            assert answer.read().startswith(b"engine stuck")
        release.set()
        asking.join()
        until = time.monotonic() + 60
        while not healthy(server):  # the answer may be out before the step is done
            assert time.monotonic() < until
    finally:
        release.set()
        server.close()


def healthy(server):
    try:
        return read(f"{server.url}/health") == "ok"
    except urllib.error.HTTPError as error:
        error.close()
        return False


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_cut_is_told_to_come_back(stream):
    hangs = Hangs()
    server = Live(create_app(served(hangs=hangs)))
    answers = []

    def ask():
        data = json.dumps({**GOOD, "potentials": ["hangs"], "stream": stream}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{server.url}/v1/completions", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                answers.append((reply.status, reply.headers, reply.read().decode()))
        except urllib.error.HTTPError as error:
            answers.append((error.code, error.headers, error.read().decode()))

    try:
        asking = threading.Thread(target=ask)
        asking.start()
        assert hangs.reached.wait(30)
        began = time.monotonic()
        server.app.state.worker.close(0.1)
        asking.join(timeout=30)
        assert time.monotonic() - began < 60
        ((status, headers, text),) = answers
        assert "shutting down" in text
        if stream:
            assert status == 200 and text.endswith("data: [DONE]\n\n")
        else:
            assert status == 503 and headers["Retry-After"] == "1"
    finally:
        hangs.release.set()
        server.close()
