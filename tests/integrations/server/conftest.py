"""A live server on a free port, with a tiny model."""

from __future__ import annotations

import socket
import threading
import time

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")
pytest.importorskip("openai", reason="needs the openai client")

import openai
import uvicorn

import smc
from smc.integrations.server import Served, create_app
from smc.integrations.server.connections import ConnectionLimits, protocol
from smc.integrations.server.limits import ServerLimits
from tests.models import byte_level_tokenizer, tiny_model

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


class NoA(smc.Potential):
    """No text with an "a" in it."""

    def prefix(self, text):
        return float("-inf") if "a" in text else 0.0


class NoSpace(smc.Potential):
    """No white space: a random model would write nothing else between the marks of JSON."""

    def prefix(self, text):
        return float("-inf") if any(map(str.isspace, text)) else 0.0


class Broken(smc.Potential):
    """Raises on the second token."""

    def prefix(self, text):
        if len(text) > 1:
            raise RuntimeError("broken on purpose")
        return 0.0


class Live:
    """A server in a thread."""

    def __init__(self, app, **options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = {"http": protocol(ConnectionLimits()), "ws": "none", **options}
        config = uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="error", **options)
        self.app = app
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0)

    def close(self):
        self.client.close()
        self._server.should_exit = True
        self._thread.join(timeout=30)


def served(validate=None, name="tiny", **potentials):
    tokenizer = byte_level_tokenizer()
    tokenizer.chat_template = TEMPLATE
    known = {"no-a": NoA(), "no-space": NoSpace(), "broken": Broken(), **potentials}
    return Served(name, tiny_model("llama", len(tokenizer)), tokenizer, known, validate=validate)


@pytest.fixture(scope="package")
def live():
    server = Live(
        create_app(served(), ServerLimits(max_queue=64, max_particles=64, max_tokens=100))
    )
    yield server
    server.close()
