"""The Responses API, asked by the real `openai` client: whole, streamed, parsed, with tools."""

from __future__ import annotations

import json
from typing import Literal

import jsonschema
import pydantic
import pytest

from smc.integrations.server import create_app
from smc.integrations.server.responses_api.request import ResponsesRequest
from tests.integrations.server.conftest import Live
from tests.integrations.server.test_malformed import post
from tests.integrations.server.test_tools import NATIVE, SCHEMAS, TOOLS, model_with

FUNCTIONS = [{"type": "function", **tool["function"]} for tool in TOOLS]
SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def server():
    found = Live(create_app(model_with(NATIVE)))
    yield found
    found.close()


def create(server, **options):
    extra = {"particles": 4, **options.pop("extra_body", {})}
    asked = {"model": "tiny", "input": "Is it warm?", "max_output_tokens": 90, **options}
    return server.client.responses.create(**asked, extra_body=extra)


def test_a_text(server):
    answer = create(server, max_output_tokens=8, instructions="Be brief.", extra_body={"seed": 3})
    chat = server.client.chat.completions.create(
        model="tiny",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Is it warm?"},
        ],
        max_tokens=8,
        seed=3,
        extra_body={"particles": 4},
    )
    assert answer.output_text == chat.choices[0].message.content
    assert answer.usage.input_tokens == chat.usage.prompt_tokens
    assert answer.usage.total_tokens == chat.usage.total_tokens
    assert (
        answer.status
        == {"length": "incomplete", "stop": "completed"}[chat.choices[0].finish_reason]
    )
    assert answer.instructions == "Be brief." and answer.model_extra["smc"][0]["seed"] == 3
    assert (answer.incomplete_details is None) == (answer.status == "completed")


def test_a_format(server):
    form = {"format": {"type": "json_schema", "name": "it", "schema": SCHEMA, "strict": True}}
    answer = create(server, text=form)
    jsonschema.validate(json.loads(answer.output_text), SCHEMA)
    assert answer.text.format.type == "json_schema"

    class Weather(pydantic.BaseModel):
        city: Literal["Oslo", "Lima"]
        warm: bool

    parsed = server.client.responses.parse(
        model="tiny", input="Is it warm?", text_format=Weather, max_output_tokens=90
    ).output_parsed
    assert isinstance(parsed, Weather)


def test_functions_and_their_answers(server):
    asked: list = [{"role": "user", "content": [{"type": "input_text", "text": "warm?"}]}]
    answer = create(
        server, input=asked, tools=FUNCTIONS, tool_choice={"type": "function", "name": "weather"}
    )
    (call,) = answer.output
    assert (call.type, call.name) == ("function_call", "weather")
    jsonschema.validate(json.loads(call.arguments), SCHEMAS["weather"])
    assert answer.status == "completed" and answer.tools[0].name == "weather"
    asked += [
        *answer.output,
        {"type": "function_call_output", "call_id": call.call_id, "output": '{"warm": true}'},
    ]
    last = create(server, input=asked, tools=FUNCTIONS, tool_choice="none", max_output_tokens=9)
    assert [item.type for item in last.output] == ["message"]
    required = create(server, tools=FUNCTIONS, tool_choice="required")
    for item in required.output:
        jsonschema.validate(json.loads(item.arguments), SCHEMAS[item.name])


STREAMS = {
    "text": {"max_output_tokens": 8, "extra_body": {"seed": 3}},
    "one particle": {"max_output_tokens": 20, "extra_body": {"seed": 5, "particles": 1}},
    "calls": {"tools": FUNCTIONS, "tool_choice": "required", "extra_body": {"seed": 1}},
    "text and calls": {
        "tools": FUNCTIONS,
        "max_output_tokens": 160,
        "extra_body": {"seed": 1, "particles": 16, "potentials": ["begins"]},
    },
    "log probabilities": {
        "max_output_tokens": 8,
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 2,
        "extra_body": {"seed": 3},
    },
}


def said(item):
    """An item without its ids."""
    return item.model_dump(exclude={"id", "call_id"})


@pytest.mark.parametrize("options", STREAMS.values(), ids=STREAMS)
def test_a_stream_is_the_response_in_pieces(server, options):
    whole = create(server, **{**options, "extra_body": dict(options["extra_body"])})
    events = list(
        create(server, **{**options, "extra_body": dict(options["extra_body"])}, stream=True)
    )
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert [e.type for e in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1].type == f"response.{whole.status}"
    assert list(map(said, events[-1].response.output)) == list(map(said, whole.output))
    assert events[-1].response.usage == whole.usage
    pieces: dict[int, str] = {}
    ended = {}
    for event in events:
        if event.type == "response.output_item.added":
            assert event.output_index == len(pieces)
            pieces[event.output_index] = ""
        elif event.type.endswith(".delta"):
            pieces[event.output_index] += event.delta
        elif event.type == "response.output_item.done":
            ended[event.output_index] = event.item
    for place, item in enumerate(whole.output):
        expected = item.content[0].text if item.type == "message" else item.arguments
        assert pieces[place] == expected
        assert said(ended[place]) == said(item)
    if options.get("include"):
        (content,) = whole.output[0].content
        assert content.logprobs and all(len(t.top_logprobs) == 2 for t in content.logprobs)


def test_the_client_s_own_reading_of_a_stream(server):
    with server.client.responses.stream(
        model="tiny",
        input="Is it warm?",
        tools=FUNCTIONS,
        tool_choice="required",
        max_output_tokens=90,
        extra_body={"seed": 1, "particles": 4},
    ) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_response()
    assert answer.output and all(item.type == "function_call" for item in answer.output)


def test_a_stream_that_fails(server):
    extra = {"guided_regex": "<a+", "potentials": ["no-call"]}
    *_, last = create(server, stream=True, extra_body=extra)
    assert last.type == "error" and last.code == "extinct"
    assert "no text satisfies" in last.message


def test_items_become_messages():
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": "warm?"},
        {"type": "reasoning", "id": "r", "summary": []},
        {"role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
        {"type": "function_call", "call_id": "1", "name": "now", "arguments": "{}"},
        {"type": "function_call", "call_id": "2", "name": "now", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "noon"},
        {"type": "function_call", "call_id": "3", "name": "now", "arguments": "{}"},
    ]
    chat = ResponsesRequest(model="m", input=items, instructions="Hm.").as_chat()
    told = [(m.role, m.text, [c.id for c in m.tool_calls or ()]) for m in chat.messages]
    assert told == [
        ("system", "Hm.", []),
        ("developer", "Be brief.", []),
        ("user", "warm?", []),
        ("assistant", "so", ["1", "2"]),
        ("tool", "noon", []),
        ("assistant", "", ["3"]),
    ]


WRONG = {
    "no input": ({"input": []}, "input"),
    "a picture": (
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        "input.0.content: expected text",
    ),
    "an unknown item": ({"input": [{"type": "computer_call"}]}, "computer_call"),
    "a tool of theirs": ({"tools": [{"type": "web_search"}]}, "web_search"),
    "what is stored": ({"previous_response_id": "r"}, "previous_response_id"),
    "in the background": ({"background": True}, "background"),
    "more to include": ({"include": ["file_search_call.results"]}, "include"),
    "thoughts": ({"reasoning": {"effort": "high"}}, "reasoning"),
    "several": ({"n": 2}, "n:"),
    "the lead": ({"stream_leading": True, "stream": True}, "stream_leading"),
    "an unknown field": ({"particels": 3}, "particels"),
    "a strange text": ({"text": {"tone": "warm"}}, "tone"),
}


@pytest.mark.parametrize("change, wrong", WRONG.values(), ids=WRONG)
def test_what_there_is_not(server, change, wrong):
    status, answer = post(f"{server.url}/v1/responses", {"model": "tiny", "input": "x", **change})
    assert status == 400 and wrong in answer["error"]["message"], answer


def test_harmless_fields_and_models_without_a_template(server):
    fields = {"store": True, "metadata": {"a": "b"}, "truncation": "disabled", "include": []}
    fields |= {"service_tier": "auto", "background": False, "reasoning": {}, "tools": []}
    body = {"model": "tiny", "input": "x", "max_output_tokens": 3}
    assert post(f"{server.url}/v1/responses", {**body, **fields})[0] == 200
    assert post(f"{server.url}/v1/responses", {**body, "model": "other"})[0] == 404
