"""Requests that cannot be served: each gets a 4xx that says what is wrong."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

GOOD = {"model": "tiny", "prompt": "the cat", "max_tokens": 3}
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}

MALFORMED = {
    "not JSON": (b"{", "JSON"),
    "not an object": (b"[]", "body"),
    "empty": (b"", "body"),
    "invalid UTF-8": (b'{"model": "\xff"}', ""),
    "no prompt": ({"model": "tiny"}, "prompt"),
    "no model": ({"prompt": "x"}, "model"),
    "no prompts": ({**GOOD, "prompt": []}, "prompt"),
    "a number as prompt": ({**GOOD, "prompt": 3}, "prompt"),
    "ids out of range": ({**GOOD, "prompt": [999999]}, "999999"),
    "negative ids": ({**GOOD, "prompt": [-1]}, "-1"),
    "too long a prompt": ({**GOOD, "prompt": "cat " * 300}, "context"),
    "an unknown field": ({**GOOD, "particels": 3}, "particels"),
    "no tokens": ({**GOOD, "max_tokens": 0}, "max_tokens"),
    "too many tokens": ({**GOOD, "max_tokens": 101}, "max_tokens"),
    "tokens as text": ({**GOOD, "max_tokens": "many"}, "max_tokens"),
    "no particles": ({**GOOD, "particles": 0}, "particles"),
    "too many particles": ({**GOOD, "particles": 65}, "particles"),
    "hardly a temperature": ({**GOOD, "temperature": 1e-9}, "temperature: expected 0"),
    "negative temperature": ({**GOOD, "temperature": -1}, "temperature"),
    "top_p above 1": ({**GOOD, "top_p": 1.5}, "top_p"),
    "no choices": ({**GOOD, "n": 0}, "n:"),
    "too many choices": ({**GOOD, "n": 100000}, "n:"),
    "a negative seed": ({**GOOD, "seed": -1}, "seed"),
    "an empty stop": ({**GOOD, "stop": [""]}, "stop"),
    "many stops": ({**GOOD, "stop": ["x"] * 17}, "stop"),
    "a malformed pattern": ({**GOOD, "guided_regex": "("}, "regex"),
    "a malformed grammar": ({**GOOD, "guided_grammar": "start: nothing"}, "grammar"),
    "a malformed schema": ({**GOOD, "guided_json": "{"}, "schema"),
    "a schema not of this world": ({**GOOD, "guided_json": {"type": "planet"}}, "planet"),
    "a huge pattern": ({**GOOD, "guided_regex": "a" * 60_000}, "longer"),
    "two constraints": ({**GOOD, "guided_regex": "a", "guided_choice": ["b"]}, "one constraint"),
    "no choice": ({**GOOD, "guided_choice": []}, "choice"),
    "an unknown format": ({**GOOD, "response_format": {"type": "xml"}}, "response_format"),
    "a format without schema": (
        {**GOOD, "response_format": {"type": "json_schema"}},
        "response_format",
    ),
    "an unknown method": ({**GOOD, "method": "magic"}, "method"),
    "an unknown resampling": ({**GOOD, "resampling": "x"}, "resampling"),
    "an unknown potential": ({**GOOD, "potentials": ["nope"]}, "no-a"),
    "a threshold above 1": ({**GOOD, "ess_threshold": 2}, "ess_threshold"),
    "too many logprobs": ({**GOOD, "logprobs": 21}, "logprobs"),
    "fewer than no logprobs": ({**GOOD, "logprobs": -1}, "logprobs"),
    "no structure": ({**GOOD, "structured_outputs": {}}, "structured_outputs"),
    "two structures": (
        {**GOOD, "structured_outputs": {"regex": "a", "json": {}}},
        "one constraint",
    ),
    "a structure of nulls": ({**GOOD, "structured_outputs": {"regex": None}}, "structured_outputs"),
    "tools": ({**GOOD, "tools": [{"type": "function"}]}, "tools: unknown, or not supported"),
    "an echo in a stream": ({**GOOD, "echo": True, "stream": True}, "echo"),
    "the best of many": ({**GOOD, "best_of": 3}, "best_of"),
    "a suffix": ({**GOOD, "suffix": "."}, "suffix"),
    "a drawn stream": ({**GOOD, "stream": True, "answer": "draw"}, "answer=best"),
    "options of no stream": ({**GOOD, "stream_options": {"include_usage": True}}, "stream=true"),
    "a strange option of a stream": (
        {**GOOD, "stream": True, "stream_options": {"include_obfuscation": True}},
        "include_obfuscation",
    ),
    "a high penalty": ({**GOOD, "presence_penalty": 2.5}, "presence_penalty"),
    "a penalty that is no potential": ({**GOOD, "repetition_penalty": 1.5}, "repetition_penalty"),
    "a bias of words": ({**GOOD, "logit_bias": {"cat": 1.0}}, "logit_bias"),
    "a high bias": ({**GOOD, "logit_bias": {"9": 101}}, "logit_bias"),
    "a bias of the end": (
        {**GOOD, "logit_bias": {"0": 1.0}},
        "logit_bias: TokenBias: token 0 ends a text",
    ),
    "a bias of nothing": (
        {**GOOD, "logit_bias": {"99999": 1.0}},
        "logit_bias: TokenBias: token 99999 is no text",
    ),
    "many streams": ({**GOOD, "stream": True, "n": 2}, "stream"),
    "a stream of prompts": ({**GOOD, "stream": True, "prompt": ["a", "b"]}, "stream"),
    "chat: no messages": ({**CHAT, "messages": []}, "messages"),
    "chat: a strange role": ({**CHAT, "messages": [{"role": "x", "content": "y"}]}, "role"),
    "chat: calls of tools": (
        {**CHAT, "messages": [{"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}]},
        "tool_calls",
    ),
    "chat: a part with text that is none": (
        {**CHAT, "messages": [{"role": "user", "content": [{"type": "image_url", "text": "x"}]}]},
        "text",
    ),
    "chat: an image": (
        {**CHAT, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        "text",
    ),
}


def post(url, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_answered_with_what_is_wrong(live, name):
    body, said = MALFORMED[name]
    route = "chat/completions" if name.startswith("chat") else "completions"
    status, answer = post(f"{live.url}/v1/{route}", body)
    assert 400 <= status < 500, answer
    assert said in answer["error"]["message"]


def test_an_unknown_model_is_not_found(live):
    status, answer = post(f"{live.url}/v1/completions", {**GOOD, "model": "huge"})
    assert status == 404 and "tiny" in answer["error"]["message"]


def test_a_message_about_several_fields_does_not_repeat_the_request(live):
    body = {**GOOD, "prompt": "secret", "stream": True, "n": 2}
    _, answer = post(f"{live.url}/v1/completions", body)
    message = answer["error"]["message"]
    assert message.startswith("stream goes with n=1") and "secret" not in message


def test_both_ways_to_write_no_top_k(live):
    found = [
        post(f"{live.url}/v1/completions", {**GOOD, "seed": 4, **more})[1]["choices"]
        for more in ({"top_k": -1}, {"top_k": 0}, {})
    ]
    assert found[0] == found[1] == found[2]


def test_null_is_as_good_as_nothing(live):
    """OpenAI's interface lets most fields be null, and clients make use of it."""
    fields = "max_tokens temperature top_p n seed stop stream logprobs user response_format"
    nulls = dict.fromkeys([*fields.split(), "stream_options", "particles", "potentials"])
    status, answer = post(f"{live.url}/v1/completions", {**nulls, **GOOD})
    assert status == 200, answer
    status, answer = post(f"{live.url}/v1/chat/completions", {**nulls, **CHAT, "tools": None})
    assert status == 200, answer


def test_a_message_can_be_sent_back_as_it_came(live):
    """The client writes all fields of a message that it knows, those that say nothing as null."""
    came = live.client.chat.completions.create(**CHAT).choices[0].message.model_dump()
    assert None in came.values()
    again = {**CHAT, "messages": [*CHAT["messages"], came, {"role": "user", "content": "again"}]}
    status, answer = post(f"{live.url}/v1/chat/completions", again)
    assert status == 200, answer


def test_the_good_ones_are_served(live):
    assert post(f"{live.url}/v1/completions", GOOD)[0] == 200
    assert post(f"{live.url}/v1/chat/completions", CHAT)[0] == 200
