"""A session of an ordinary client: what the `openai` package, and those who build on it, send."""

from __future__ import annotations

import json
import re
from typing import Literal

import lark
import openai
import pydantic
import pytest

from smc.integrations.server import create_app
from tests.integrations.server.conftest import Live
from tests.integrations.server.test_tools import NATIVE, model_with

ASKED = [{"role": "user", "content": "Is it warm in Lima?"}]
BODY = {"model": "tiny", "max_tokens": 90, "extra_body": {"particles": 4}}


class Weather(pydantic.BaseModel):
    """Today's weather in a city."""

    city: Literal["Oslo", "Lima"]
    degrees: int = pydantic.Field(ge=0, le=40)
    warm: bool | None


class Spoken(pydantic.BaseModel):
    """As instructor's users write models: with a validator that no schema says."""

    word: Literal["yes", "no"]
    times: int = pydantic.Field(ge=1, le=6)

    @pydantic.field_validator("times")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("expected an even number")
        return value


@pytest.fixture(scope="module")
def client():
    server = Live(create_app(model_with(NATIVE)))
    yield server.client
    server.close()


def test_a_class_is_parsed(client):
    for seed in range(3):
        answer = client.chat.completions.parse(
            messages=ASKED, response_format=Weather, seed=seed, **BODY
        )
        (choice,) = answer.choices
        assert isinstance(choice.message.parsed, Weather) and choice.message.refusal is None
        assert Weather.model_validate_json(choice.message.content) == choice.message.parsed


def test_a_class_as_a_tool_is_parsed(client):
    answer = client.chat.completions.parse(
        messages=ASKED,
        tools=[openai.pydantic_function_tool(Weather), openai.pydantic_function_tool(Spoken)],
        tool_choice={"type": "function", "function": {"name": "Weather"}},
        **BODY,
    )
    (call,) = answer.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Weather)


def test_a_class_is_asked_for_again_until_it_is_valid(client):
    """The tool mode of instructor: one tool that must be called; errors go back as its answer."""
    tool = {
        "type": "function",
        "function": {
            "name": "Spoken",
            "description": Spoken.__doc__,
            "parameters": Spoken.model_json_schema(),
        },
    }
    choice = {"type": "function", "function": {"name": "Spoken"}}
    messages: list = [*ASKED]
    for seed in range(8):
        answer = client.chat.completions.create(
            messages=messages, tools=[tool], tool_choice=choice, seed=seed, **BODY
        )
        message = answer.choices[0].message
        (call,) = message.tool_calls
        try:
            spoken = Spoken.model_validate_json(call.function.arguments)
            break
        except pydantic.ValidationError as error:
            messages += [
                message.model_dump(include={"role", "content", "tool_calls"}),
                {
                    "role": "tool",
                    "tool_call_id": call.id,
                    "name": call.function.name,
                    "content": f"Validation Error found:\n{error}\nRecall the function correctly.",
                },
            ]
    assert spoken.times in (2, 4, 6)


def matching(pattern):
    def read(text):
        assert re.fullmatch(pattern, text), text

    return read


GRAMMAR = 'start: WORD (" " WORD)~1..3\nWORD: "ja" | "nein"\n'
WEATHER = Weather.model_json_schema()
VLLM = {
    "guided_json": ({"guided_json": WEATHER}, Weather.model_validate_json),
    "guided_json, as text": (
        {"guided_json": json.dumps(WEATHER), "guided_decoding_backend": "xgrammar"},
        Weather.model_validate_json,
    ),
    "guided_regex": ({"guided_regex": "[a-c]{3}"}, matching("[a-c]{3}")),
    "guided_choice": ({"guided_choice": ["red", "blue"]}, ["red", "blue"].index),
    "guided_grammar": ({"guided_grammar": GRAMMAR}, lark.Lark(GRAMMAR).parse),
    "json": ({"structured_outputs": {"json": WEATHER}}, Weather.model_validate_json),
    "regex": ({"structured_outputs": {"regex": "b{2,4}"}}, matching("b{2,4}")),
    "choice": ({"structured_outputs": {"choice": ["red", "blue"]}}, ["red", "blue"].index),
    "grammar": ({"structured_outputs": {"grammar": GRAMMAR}}, lark.Lark(GRAMMAR).parse),
}


@pytest.mark.parametrize("chat", [True, False], ids=["chat", "completion"])
@pytest.mark.parametrize("fields, read", VLLM.values(), ids=VLLM)
def test_the_fields_of_vllm(client, fields, read, chat):
    extra = {"particles": 4, "min_tokens": 0, "ignore_eos": False, "top_k": -1, **fields}
    options = {**BODY, "extra_body": extra, "user": "me"}
    if chat:
        text = client.chat.completions.create(messages=ASKED, **options).choices[0].message.content
    else:
        text = client.completions.create(prompt="It is", **options).choices[0].text
    read(text)  # which raises where the text is another


def test_the_assistant_s_words_are_gone_on_with(client):
    begun = [*ASKED, {"role": "assistant", "content": "It is"}]
    extra = {"continue_final_message": True, "add_generation_prompt": False}
    extra |= {"guided_choice": [" warm", " cold"], "chat_template_kwargs": {"x": 1}}
    answer = client.chat.completions.create(messages=begun, **{**BODY, "extra_body": extra})
    assert answer.choices[0].message.content in (" warm", " cold")
    whole = client.chat.completions.create(messages=begun, **{**BODY, "max_tokens": 1})
    assert answer.usage.prompt_tokens < whole.usage.prompt_tokens
