"""`smc serve` as a process: it ends within its grace, whatever hangs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from tests.integrations.server.test_malformed import post
from tests.integrations.server.test_server import read
from tests.models import saved_model

START = "import sys; from smc.cli import main; sys.exit(main())"
POTENTIALS = """
import re
import time
import smc


class Sleeps(smc.Potential):
    def prefix(self, text):
        time.sleep(1000)


class Spins(smc.Potential):
    def prefix(self, text):
        while True:
            pass


class Backtracks(smc.Potential):
    # Never gives other threads a turn.
    def prefix(self, text):
        return float(bool(re.fullmatch("(a|a?)+b", "a" * 60)))
"""
GRACE_SECONDS = 5.0
LATE = 3.5
"""Seconds that a busy machine adds; less than to where the default grace, ten, would end."""
KINDS = ("sleeps", "spins", "backtracks")


class Process:
    """A server with potentials that hang."""

    def __init__(self, folder, *options):
        mine = folder / "mine.py"
        mine.write_text(POTENTIALS)
        model = saved_model(folder / "tiny")
        registered = [f"--potential={kind}={mine}:{kind.title()}" for kind in KINDS]
        self.log = folder / "log.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-c", START, "serve", "--model", str(model)),
                    *("--name", "tiny", "--port", "0", *registered, *options),
                    *("--shutdown-seconds", str(GRACE_SECONDS)),
                ],
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        until = time.monotonic() + 120
        while not self._listens():
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            time.sleep(0.1)

    def _listens(self):
        told = re.search(r"http://\S+", self.log.read_text())
        if told is None:
            return False
        self.url = told[0].removesuffix("/v1")
        try:
            return read(f"{self.url}/health") == "ok"
        except OSError:
            return False

    def ask(self, answers, **more):
        """Ask in a thread; the answer comes into a list."""

        def call():
            data = json.dumps({"model": "tiny", "prompt": "x", "max_tokens": 3, **more}).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(f"{self.url}/v1/completions", data, headers)
            try:
                with urllib.request.urlopen(request, timeout=60) as reply:
                    answers.append((reply.status, dict(reply.headers), reply.read().decode()))
            except urllib.error.HTTPError as error:
                answers.append((error.code, dict(error.headers), error.read().decode()))
            except OSError as error:
                answers.append((0, {}, str(error)))

        thread = threading.Thread(target=call)
        thread.start()
        return thread

    def end(self, *signals):
        """Send signals; return for how long the process lives on, and its status."""
        began = time.monotonic()
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.3)
        try:
            status = self.process.wait(timeout=3 * GRACE_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
        return time.monotonic() - began, status


@pytest.fixture
def start(tmp_path):
    started = []

    def make(*options):
        started.append(Process(tmp_path, *options))
        return started[-1]

    yield make
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.mark.slow
def test_it_ends_within_its_grace_while_potentials_hang(start):
    """Each of the three kinds, in a request that waits for the whole and in a stream."""
    server = start("--potential-seconds", "60")
    answers, events = [], []
    asking = [server.ask(answers, potentials=[kind]) for kind in KINDS]
    time.sleep(1.5)
    assert post(f"{server.url}/v1/completions", {"model": "tiny", "prompt": "x"})[0] in (200, 422)
    asking += [server.ask(events, potentials=[kind], stream=True) for kind in KINDS]
    time.sleep(0.5)
    seconds, status = server.end(signal.SIGTERM)
    assert seconds <= GRACE_SECONDS + LATE and status == 0, server.log.read_text()
    for thread in asking:
        thread.join()
    assert len(answers) == len(events) == len(KINDS)
    for code, headers, text in answers:
        assert code == 503 and headers.get("retry-after", headers.get("Retry-After")) == "1"
        assert "shutting down" in text
    for code, _, text in events:
        assert code == 200 and "shutting down" in text and text.endswith("data: [DONE]\n\n")


@pytest.mark.slow
@pytest.mark.parametrize("first, second", [("SIGTERM", "SIGTERM"), ("SIGINT", "SIGINT")])
def test_a_second_signal_ends_it_at_once(start, first, second):
    server = start("--potential-seconds", "60")
    answers = []
    asking = server.ask(answers, potentials=["spins"])
    time.sleep(1.0)
    seconds, _ = server.end(getattr(signal, first), getattr(signal, second))
    assert seconds < GRACE_SECONDS
    asking.join()


@pytest.mark.slow
def test_it_ends_soon_where_nothing_runs(start):
    server = start()
    assert post(f"{server.url}/v1/completions", {"model": "tiny", "prompt": "x"})[0] in (200, 422)
    seconds, status = server.end(signal.SIGTERM)
    assert seconds <= GRACE_SECONDS + LATE and status == 0
