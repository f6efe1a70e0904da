"""What a server shows to the web: ids, a log, origins, a path, its description, certificates."""

from __future__ import annotations

import json
import logging
import re
import shutil
import ssl
import subprocess
import urllib.request

import pytest
from starlette.testclient import TestClient

from smc.errors import SettingsError
from smc.integrations.server import Served, create_app, request_log
from smc.integrations.server.requests import ChatRequest
from tests.integrations.server.conftest import TEMPLATE, served
from tests.integrations.server.test_ending import Process
from tests.integrations.server.test_malformed import CHAT, GOOD
from tests.models import byte_level_tokenizer, tiny_model


@pytest.fixture
def client_of():
    made = []

    def client(model=None, **options):
        made.append(TestClient(create_app(model or served(), **options)))
        return made[-1].__enter__()

    yield client
    for one in made:
        one.__exit__(None, None, None)


def test_every_answer_has_an_id(client_of, caplog):
    client = client_of(log_requests=True)
    with caplog.at_level(logging.INFO, logger=request_log.__name__):
        one, other = (client.post("/v1/completions", json=GOOD) for _ in range(2))
        named = client.post("/v1/completions", json=GOOD, headers={"x-request-id": "mine-1"})
        strange = client.get("/health", headers={"x-request-id": "a b"})
        client.get("/nothing")
    ids = [answer.headers["x-request-id"] for answer in (one, other, named, strange)]
    assert len(set(ids)) == 4 and ids[2] == "mine-1" and ids[3] != "a b"
    assert [a.json()["id"] for a in (one, other, named)] == [f"smc-{i}" for i in ids[:3]]
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 5
    assert re.fullmatch(rf"POST /v1/completions 200 \d+\.\d{{3}} s {ids[0]}", lines[0])
    assert lines[4].startswith("GET /nothing 404 ")


def test_without_a_log_there_are_no_lines(client_of, caplog):
    client = client_of()
    with caplog.at_level(logging.INFO, logger=request_log.__name__):
        client.get("/health")
    assert not caplog.records


def test_web_pages_may_ask_where_they_are_allowed(client_of):
    asks = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    client = client_of(api_keys=["key"], allowed_origins=["https://example.org"])
    allowed = client.options("/v1/chat/completions", headers=asks)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://example.org"
    other = client.options("/v1/completions", headers={**asks, "Origin": "https://example.com"})
    assert "access-control-allow-origin" not in other.headers
    refused = client.post("/v1/completions", json=GOOD, headers={"Origin": "https://example.org"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://example.org"
    assert client_of().options("/v1/completions", headers=asks).status_code == 405


def test_behind_a_path_keys_are_asked_for_too(client_of):
    client = client_of(api_keys=["key"], root_path="/models/")
    for path in ("/v1/completions", "/models/v1/completions", "/models/tokenize", "/detokenize"):
        body = GOOD if "completions" in path else {"prompt": "x"}
        assert client.post(path, json=body).status_code == 401
    key = {"Authorization": "Bearer key"}
    for path in ("/v1/completions", "/models/v1/completions"):
        assert client.post(path, json=GOOD, headers=key).status_code == 200
    assert client.get("/models/openapi.json").json()["servers"] == [{"url": "/models"}]
    counted = client.get("/metrics").text
    assert 'smc_requests_total{route="/v1/completions",status="200"} 2.0' in counted


def test_the_description_has_the_bodies(client_of):
    client = client_of()
    told = client.get("/openapi.json").json()
    body = told["paths"]["/v1/chat/completions"]["post"]["requestBody"]
    reference = body["content"]["application/json"]["schema"]["$ref"]
    schema = told["components"]["schemas"][reference.rpartition("/")[2]]
    assert set(schema["properties"]) >= set(ChatRequest.model_fields)
    found = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(told))
    assert found and set(found) <= set(told["components"]["schemas"])
    assert "openapi.json" in client.get("/docs").text


def test_detokenize_undoes_tokenize(client_of):
    client = client_of()
    text = "the cat é🙂"
    ids = client.post("/tokenize", json={"model": "tiny", "prompt": text}).json()["tokens"]
    answer = client.post("/detokenize", json={"model": "tiny", "tokens": ids})
    assert answer.json() == {"prompt": text}
    assert client.post("/detokenize", json={"tokens": []}).json() == {"prompt": ""}
    for wrong in ({"tokens": [-1]}, {"tokens": [1 << 40]}, {"tokens": "x"}, {}):
        assert client.post("/detokenize", json=wrong).status_code == 400
    assert client.post("/detokenize", json={"tokens": [1], "model": "x"}).status_code == 404


def test_a_shorter_context(client_of):
    tokenizer = byte_level_tokenizer()
    tokenizer.chat_template = TEMPLATE
    network = tiny_model("llama", len(tokenizer))
    client = client_of(Served("tiny", network, tokenizer, max_model_len=20))
    assert client.post("/tokenize", json={"prompt": "x"}).json()["max_model_len"] == 20
    assert client.post("/v1/completions", json=GOOD).status_code == 200
    long = client.post("/v1/chat/completions", json={**CHAT, "max_tokens": 19})
    assert long.status_code == 400 and "context of 20" in long.json()["error"]["message"]
    assert Served("tiny", network, tokenizer, max_model_len=999).context == 128
    with pytest.raises(SettingsError, match="max_model_len"):
        Served("tiny", network, tokenizer, max_model_len=1)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_tls_and_a_log_on_the_command_line(tmp_path):
    files = [str(tmp_path / name) for name in ("key.pem", "cert.pem")]
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout"
    subprocess.run(
        [*make.split(), files[0], "-out", files[1], "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(cafile=files[1])

    class Secure(Process):
        def _listens(self):
            told = re.search(r"https://\S+", self.log.read_text())
            if told is None:
                return False
            self.url = told[0].removesuffix("/v1")
            try:
                return self.read("/health") == b"ok"
            except OSError:
                return False

        def read(self, path):
            with urllib.request.urlopen(self.url + path, timeout=60, context=context) as reply:
                return reply.read()

    options = ["--ssl-keyfile", files[0], "--ssl-certfile", files[1], "--log-requests"]
    server = Secure(tmp_path, *options, "--max-model-len", "64")
    try:
        assert json.loads(server.read("/v1/models"))["data"][0]["id"] == "tiny"
    finally:
        server.process.kill()
        server.process.wait()
    assert "GET /v1/models 200" in server.log.read_text()
