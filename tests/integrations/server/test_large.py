"""Requests that are large or strange: refused before they cost much, and held up by no one."""

from __future__ import annotations

import json
import threading
import time
import urllib.request

import pytest

from smc.integrations.server import create_app
from smc.integrations.server.limits import ServerLimits
from tests.integrations.server.conftest import Live, served
from tests.integrations.server.test_malformed import CHAT, GOOD, post

MANY = 100_000


@pytest.fixture(scope="module")
def roomy():
    """A server that reads all of a request, so that what is in it is what is refused."""
    limits = ServerLimits(max_body_bytes=64 << 20, max_prompt_chars=10_000_000, max_tokens=100)
    server = Live(create_app(served(), limits))
    yield server
    server.close()


def nested(depth):
    return b'{"a":' * depth + b"1" + b"}" * depth


LARGE = {
    "many prompts": ({**GOOD, "prompt": ["x"] * MANY}, "at most 128 prompts"),
    "many token ids": ({**GOOD, "prompt": [1] * MANY}, "context"),
    "many lists of ids": ({**GOOD, "prompt": [[1]] * MANY}, "at most 128 prompts"),
    "prompts of two kinds": ({**GOOD, "prompt": ["x", *[1] * MANY]}, "prompt"),
    "many wrong prompts": ({**GOOD, "prompt": [None] * MANY}, "prompt"),
    "many stops": ({**GOOD, "stop": ["x"] * MANY}, "stop"),
    "many wrong stops": ({**GOOD, "stop": [1] * MANY}, "stop"),
    "a long stop": ({**GOOD, "stop": "x" * MANY}, "stop"),
    "many potentials": ({**GOOD, "potentials": ["no-a"] * MANY}, "potentials"),
    "many choices": ({**GOOD, "guided_choice": ["x"] * MANY}, "longer"),
    "many wrong choices": ({**GOOD, "guided_choice": [1] * MANY}, "guided_choice"),
    "many wrong structured choices": ({**GOOD, "structured_outputs": {"choice": [1] * MANY}}, ""),
    "many biases": ({**GOOD, "logit_bias": {str(i): "x" for i in range(MANY)}}, "logit_bias"),
    "many fields": ({**GOOD, **{f"x{i}": 1 for i in range(MANY)}}, "fields"),
    "a million answers": ({**GOOD, "n": 10**6}, "n:"),
    "a large schema": ({**GOOD, "guided_json": {"enum": list(range(MANY))}}, "longer"),
    "a long model": ({**GOOD, "model": "x" * MANY}, "only 'tiny' is served"),
    "a long wrong value": ({**GOOD, "method": "x" * MANY}, "method"),
    "chat: many messages": ({**CHAT, "messages": CHAT["messages"] * MANY}, "messages"),
    "chat: many wrong messages": ({**CHAT, "messages": [1] * MANY}, "messages"),
    "chat: many parts": (
        {**CHAT, "messages": [{"role": "user", "content": [1] * MANY}]},
        "messages",
    ),
    "deep JSON": (nested(MANY), "JSON"),
    "a deep schema": (b'{"model": "tiny", "guided_json": ' + nested(5000) + b"}", "JSON"),
    "NaN": (b'{"model": "tiny", "prompt": "x", "temperature": NaN}', "JSON"),
    "infinity": (b'{"model": "tiny", "prompt": "x", "temperature": Infinity}', "JSON"),
    "a huge exponent": (b'{"model": "tiny", "prompt": "x", "temperature": 1e999}', ""),
    "a lone surrogate": (b'{"model": "tiny", "prompt": "\\ud800"}', "JSON"),
    "a tiny temperature": ({**GOOD, "temperature": 1e-38}, "temperature"),
    "the smallest temperature": ({**GOOD, "temperature": 5e-324}, "temperature"),
    "text twice": (b"{}{}", "JSON"),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_or_strange_is_refused_with_a_short_message(roomy, name):
    body, said = LARGE[name]
    route = "chat/completions" if name.startswith("chat") else "completions"
    began = time.monotonic()
    status, answer = post(f"{roomy.url}/v1/{route}", body)
    message = answer["error"]["message"]
    assert 400 <= status < 500, answer
    assert said in message and message and len(message) < 1000
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 1e-6},
        {"temperature": 100},
        {"top_p": 1e-300},
        {"top_p": 5e-324},
        {"top_k": 10**9},
        {"top_k": 10**18},
        {"seed": 10**30},
        {"ess_threshold": 1e-300},
        {"stop": ["x" * 1000] * 16},
        {"prompt": [1, 2]},
        {"prompt": [[1], [2, 3]]},
        {"prompt": ["", "x"]},
    ],
    ids=str,
)
def test_what_is_at_the_edge_is_served(live, change):
    status, answer = post(f"{live.url}/v1/completions", {**GOOD, **change})
    # Of the most probable tokens alone, none may be an end.
    assert status in ((200, 422) if "top_p" in change else (200,)), answer


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_only_json_is_read(live, kind):
    """Pages of other sites may send other types without asking the browser's user."""
    request = urllib.request.Request(f"{live.url}/v1/completions", json.dumps(GOOD).encode())
    request.add_header("Content-Type", kind or "")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        assert answer.code == 415
        assert "application/json" in json.loads(answer.read())["error"]["message"]


def test_a_prompt_that_cannot_fit_is_not_tokenised(live):
    """A model with a context of 128 tokens: 3 MB are refused at once, unread."""
    began = time.monotonic()
    for prompt in ("cat " * 750_000, ["cat " * 20_000] * 3, [1] * 20_000):
        status, answer = post(f"{live.url}/v1/completions", {**GOOD, "prompt": prompt})
        assert status in (400, 413), answer
    messages = [{"role": "user", "content": "cat"}] * 2000
    status, answer = post(f"{live.url}/v1/chat/completions", {**CHAT, "messages": messages})
    assert status == 400 and "characters" in answer["error"]["message"]
    assert time.monotonic() - began < 30  # each alone would take minutes


def test_small_requests_do_not_wait_for_large_ones(monkeypatch):
    """Large prompts are tokenised elsewhere; here each takes until the small ones are answered."""
    model = served()
    release, reached, encode = threading.Event(), threading.Event(), model.encode

    def slow(prompt, max_tokens):
        if len(prompt) > 10_000:
            reached.set()
            release.wait(60)
        return encode(prompt, max_tokens)

    monkeypatch.setattr(model, "encode", slow)
    server = Live(create_app(model))
    large = {**GOOD, "prompt": "cat " * 4000}
    statuses = []

    def ask():
        statuses.append(post(f"{server.url}/v1/completions", large)[0])

    try:
        asking = [threading.Thread(target=ask) for _ in range(8)]
        for thread in asking:
            thread.start()
        assert reached.wait(30)
        for _ in range(5):
            assert post(f"{server.url}/v1/completions", GOOD)[0] == 200
        assert statuses == []
        release.set()
        for thread in asking:
            thread.join()
        assert statuses == [400] * 8  # they do not fit, after all
    finally:
        release.set()
        server.close()
