"""What ordinary clients send: harmless fields, no content, keys, and other questions."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from importlib import metadata

import openai
import pytest

from smc.integrations.server import create_app
from tests.integrations.server.conftest import Live, served
from tests.integrations.server.test_malformed import CHAT, GOOD, post
from tests.integrations.server.test_server import read
from tests.models import byte_level_tokenizer

HARMLESS = {
    "tools": [],
    "tool_choice": "none",
    "parallel_tool_calls": True,
    "metadata": {"a": "b"},
    "store": False,
    "service_tier": "auto",
    "safety_identifier": "x",
    "prompt_cache_key": "x",
    "ignore_eos": False,
    "min_tokens": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "skip_special_tokens": True,
    "stop_token_ids": [],
    "modalities": ["text"],
    "logprobs": False,
    "presence_penalty": 0,
}


def test_fields_that_change_nothing_are_ignored(live):
    plain = post(f"{live.url}/v1/chat/completions", {**CHAT, "seed": 5})[1]["choices"]
    status, answer = post(f"{live.url}/v1/chat/completions", {**CHAT, "seed": 5, **HARMLESS})
    assert status == 200, answer
    assert answer["choices"] == plain


@pytest.mark.parametrize(
    "change",
    [
        {"tools": [{"type": "function"}]},
        {"tool_choice": "required"},
        {"ignore_eos": True},
        {"min_tokens": 5},
        {"repetition_penalty": 1.1},
        {"top_logprobs": 3},
        {"stop_token_ids": [3]},
    ],
    ids=str,
)
def test_the_same_fields_are_refused_where_they_would_change_something(live, change):
    status, answer = post(f"{live.url}/v1/chat/completions", {**CHAT, **change})
    assert status == 400 and next(iter(change)) in answer["error"]["message"]


def test_an_assistant_s_message_without_content_is_an_empty_one(live):
    said = {"role": "assistant", "content": None}
    messages = [*CHAT["messages"], said, {"role": "user", "content": "again"}]
    answers = [
        post(f"{live.url}/v1/chat/completions", {**CHAT, "seed": 5, "messages": m})
        for m in (messages, [messages[0], {**said, "content": ""}, messages[2]])
    ]
    assert [status for status, _ in answers] == [200, 200], answers
    assert answers[0][1]["choices"] == answers[1][1]["choices"]
    nothing = {**CHAT, "messages": [{"role": "user", "content": None}]}
    status, answer = post(f"{live.url}/v1/chat/completions", nothing)
    assert status == 400 and "content: expected text" in answer["error"]["message"]


def test_version(live):
    assert json.loads(read(f"{live.url}/version")) == {"version": metadata.version("smc-lm")}


def test_tokenize_is_what_the_tokenizer_says(live):
    ids = byte_level_tokenizer()("the cat")["input_ids"]
    status, answer = post(f"{live.url}/tokenize", {"model": "tiny", "prompt": "the cat"})
    assert status == 200
    assert answer == {"count": len(ids), "max_model_len": 128, "tokens": ids}
    status, answer = post(f"{live.url}/tokenize", {"messages": CHAT["messages"]})
    asked = byte_level_tokenizer()("user: hello\nassistant:")["input_ids"]
    assert status == 200 and answer["tokens"] == asked
    for wrong in ({}, {"prompt": "x", "messages": CHAT["messages"]}, {"prompt": "cat " * 99_000}):
        status, answer = post(f"{live.url}/tokenize", wrong)
        assert status == 400 and answer["error"]["message"]


def test_a_server_with_keys_asks_for_one():
    server = Live(create_app(served(), api_keys=("one", "other")))
    try:
        for key in ("none", "", "on"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                ask(server, key)
            with refused.value as answer:
                assert answer.code == 401
        with pytest.raises(openai.AuthenticationError, match="Bearer"):
            server.client.completions.create(**GOOD)
        assert ask(server, "one") == ask(server, "other") == 200
        assert read(f"{server.url}/health") == "ok"
    finally:
        server.close()


def ask(server, key):
    request = urllib.request.Request(
        f"{server.url}/v1/completions",
        json.dumps(GOOD).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.status
