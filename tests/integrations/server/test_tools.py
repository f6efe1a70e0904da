"""Tools: calls that are valid by their schemas, told whole and streamed, and their answers."""

from __future__ import annotations

import json

import jsonschema
import openai
import pytest

from potentials import Regex
from smc.integrations.server import Served, create_app
from smc.integrations.server.tool_prompts import described, writes_calls
from smc.integrations.tool_calls import BEGIN, END, CallingText, call_text
from smc.model import Chat
from tests.integrations.server.conftest import TEMPLATE, Live
from tests.integrations.server.test_malformed import post
from tests.models import byte_level_tokenizer, tiny_model

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "enum": ["Oslo", "Lima"]},
        "days": {"$ref": "#/$defs/days"},
    },
    "required": ["city", "days"],
    "$defs": {"days": {"type": "integer", "minimum": 1, "maximum": 9}},
}
ADD = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {n: {"type": "integer", "minimum": 0, "maximum": 9} for n in "ab"},
    "required": ["a", "b"],
}
SCHEMAS = {"weather": WEATHER, "add": ADD, "now": {"type": "object", "maxProperties": 0}}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER, "strict": True}},
    {"type": "function", "function": {"name": "add", "parameters": ADD, "description": "Sum."}},
    {"type": "function", "function": {"name": "now"}},
]
NATIVE = (
    "{% if tools %}{% for t in tools %}{{ t['function']['name'] }} {% endfor %}{% endif %}"
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}"
    "{% for c in m.get('tool_calls') or [] %}"
    '<tool_call>\n{"name": "{{ c.function.name }}", '
    '"arguments": {{ c.function.arguments | tojson }}}'
    "\n</tool_call>{% endfor %}\n{% endfor %}assistant:"
)
ASKED = {"role": "user", "content": "Is it warm in Lima?"}
BODY = {"model": "tiny", "messages": [ASKED], "max_tokens": 90, "tools": TOOLS}
EXTRA = {"particles": 4}


def model_with(template):
    tokenizer = byte_level_tokenizer()
    tokenizer.chat_template = template
    network = tiny_model("llama", len(tokenizer), max_position_embeddings=4096)
    begins = Regex(r"(ok )?<tool_call>(.|\n)*")
    return Served("tiny", network, tokenizer, {"begins": begins, "no-call": Regex("[^<]*")})


@pytest.fixture(scope="module", params=[NATIVE, TEMPLATE], ids=["native", "described"])
def server(request):
    found = Live(create_app(model_with(request.param)))
    yield found
    found.close()


def create(server, **options):
    extra = {**EXTRA, **options.pop("extra_body", {})}
    return server.client.chat.completions.create(**{**BODY, **options}, extra_body=extra)


def checked(calls):
    """The names of calls whose arguments are valid."""
    for call in calls:
        assert call.type == "function" and call.id.startswith("call_")
        jsonschema.validate(json.loads(call.function.arguments), SCHEMAS[call.function.name])
        assert not json.loads(call.function.arguments).keys() - {"city", "days", "a", "b"}
    assert len({call.id for call in calls}) == len(calls)
    return [call.function.name for call in calls]


def test_required_calls_are_valid_by_their_schemas(server):
    names = set()
    for seed in range(6):
        answer = create(server, tool_choice="required", seed=seed, n=2)
        for choice in answer.choices:
            assert choice.finish_reason == "tool_calls" and choice.message.content is None
            names.update(checked(choice.message.tool_calls))
    assert len(names) > 1


def test_a_named_function_is_called_once(server):
    for name in SCHEMAS:
        choice = {"type": "function", "function": {"name": name}}
        message = create(server, tool_choice=choice, seed=3).choices[0].message
        assert checked(message.tool_calls) == [name]


def test_as_the_model_likes(server):
    """Free text as it stands; once a call has begun, nothing but valid calls."""
    plain = create(server, seed=4, max_tokens=10, extra_body={"potentials": ["no-call"]})
    assert plain.choices[0].message.tool_calls is None
    assert plain.choices[0].message.content in plain.model_extra["smc"][0]["texts"]
    assert plain.choices[0].finish_reason in ("stop", "length")
    for seed in range(3):
        extra = {"potentials": ["begins"], "particles": 16}
        answer = create(server, seed=seed, max_tokens=160, extra_body=extra)
        message = answer.choices[0].message
        assert message.content in ("ok", None) and checked(message.tool_calls)
        assert answer.choices[0].finish_reason == "tool_calls"
    single = create(
        server, seed=0, parallel_tool_calls=False, extra_body={"potentials": ["begins"]}
    )
    assert len(single.choices[0].message.tool_calls) == 1


def test_none_means_no_tools(server):
    options = {"seed": 5, "max_tokens": 8}
    without = create(server, tools=openai.NOT_GIVEN, **options)
    for choice in (
        create(server, tool_choice="none", **options),
        create(server, tools=[], **options),
        create(server, tools=[], tool_choice="auto", parallel_tool_calls=False, **options),
    ):
        assert choice.choices[0].message == without.choices[0].message
        assert choice.usage == without.usage
    assert create(server, **options).usage.prompt_tokens > without.usage.prompt_tokens


def test_a_stream_has_the_calls_of_the_answer_in_pieces(server):
    for options in (
        {"tool_choice": "required", "seed": 1},
        {"seed": 2, "parallel_tool_calls": False, "extra_body": {"potentials": ["begins"]}},
        {"seed": 4, "max_tokens": 10, "extra_body": {"potentials": ["no-call"]}},
    ):
        whole = create(server, **options).choices[0]
        content, calls, reasons = "", [], []
        for event in create(server, stream=True, **options):
            (choice,) = event.choices
            content += choice.delta.content or ""
            reasons.append(choice.finish_reason)
            for piece in choice.delta.tool_calls or ():
                if piece.index == len(calls):
                    assert piece.id and piece.type == "function"
                    calls.append([piece.function.name, ""])
                else:
                    assert piece.id is None and piece.function.name is None
                calls[piece.index][1] += piece.function.arguments
        assert content == (whole.message.content or "")
        expected = whole.message.tool_calls or []
        assert calls == [[c.function.name, c.function.arguments] for c in expected]
        assert reasons[-1] == whole.finish_reason and not any(reasons[:-1])


def test_the_client_s_own_reading_of_a_stream(server):
    with server.client.chat.completions.stream(
        **BODY, tool_choice="required", seed=1, extra_body=EXTRA
    ) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert checked(message.tool_calls)


def test_an_agent_with_two_tools(server):
    """Calls, answers, and a last word, as in the client's own guide."""
    functions = {
        "weather": lambda city, days: {"city": city, "warm": [True] * days},
        "add": lambda a, b: a + b,
        "now": lambda: "noon",
    }
    messages: list = [{"role": "system", "content": "Be brief."}, ASKED]
    called, sizes = [], []
    for turn, choice in enumerate(["weather", "add", "none"]):
        named = {"type": "function", "function": {"name": choice}}
        options = {"tool_choice": "none" if choice == "none" else named, "seed": turn}
        answer = create(server, messages=messages, **options)
        message = answer.choices[0].message
        sizes.append(answer.usage.prompt_tokens)
        messages.append(message)
        if not message.tool_calls:
            break
        for call in message.tool_calls:
            result = functions[call.function.name](**json.loads(call.function.arguments))
            called.append(call.function.name)
            content = json.dumps(result)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
    assert called == ["weather", "add"] and message.content is not None
    assert sizes[0] < sizes[1]


def test_a_format_holds_where_nothing_is_called(server):
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    schema["additionalProperties"] = False
    form = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
    for seed in range(6):
        message = create(server, response_format=form, seed=seed).choices[0].message
        if message.tool_calls:
            checked(message.tool_calls)
        else:
            jsonschema.validate(json.loads(message.content), schema)
    required = create(server, response_format=form, tool_choice="required").choices[0]
    assert checked(required.message.tool_calls)


WRONG = {
    "nothing to choose": ({"tools": [], "tool_choice": "required"}, "tool_choice"),
    "none of them": (
        {"tool_choice": {"type": "function", "function": {"name": "fly"}}},
        "'fly' is none of the tools: weather",
    ),
    "two of a name": ({"tools": [TOOLS[0], TOOLS[0]]}, "same name"),
    "another type": ({"tools": [{"type": "web_search"}]}, "tools.0"),
    "a strange name": ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "name"),
    "arguments that are no object": (
        {
            "tools": [
                {"type": "function", "function": {"name": "a", "parameters": {"type": "array"}}}
            ]
        },
        "parameters",
    ),
    "a schema that cannot be": (
        {
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "a", "parameters": {"properties": {"x": {"type": "y"}}}},
                }
            ]
        },
        "tools: JSONSchema",
    ),
    "beside a pattern": ({"guided_regex": "a"}, "tools: beside a regex"),
    "calls of a user": (
        {
            "messages": [
                {**ASKED, "tool_calls": [{"id": "1", "function": {"name": "a", "arguments": ""}}]}
            ]
        },
        "tool_calls",
    ),
    "an answer without a question": (
        {"messages": [ASKED], "add_generation_prompt": False},
        "add_generation_prompt",
    ),
}


@pytest.mark.parametrize("change, said", WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused(server, change, said):
    status, answer = post(f"{server.url}/v1/chat/completions", {**BODY, **change})
    assert status == 400 and said in answer["error"]["message"], answer


# ---- prompts

CALLED = {"function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}}


def test_templates_that_know_tools_are_told_of_them():
    model = model_with(NATIVE)
    messages = [
        ASKED,
        {"role": "assistant", "content": "", "tool_calls": [CALLED]},
        {"role": "tool", "content": "3", "tool_call_id": "1"},
    ]
    told = model._plain.tokenizer.decode(model.encode(Chat(messages, tools=TOOLS), 8))
    assert told.startswith("weather add now user:")
    assert call_text([("add", {"a": 1, "b": 2})]) in told and "tool: 3" in told


def test_others_find_them_in_plain_messages():
    assert writes_calls(NATIVE) and writes_calls({"default": TEMPLATE, "tool_use": NATIVE})
    assert not writes_calls(TEMPLATE) and not writes_calls(None)
    answers = [{"role": "tool", "content": c, "tool_call_id": c} for c in ("3", "4")]
    said = {"role": "assistant", "content": "so", "tool_calls": [CALLED, CALLED]}
    chat = described(Chat([ASKED, said, *answers], tools=TOOLS))
    roles = [m["role"] for m in chat.messages]
    assert roles == ["system", "user", "assistant", "user"] and chat.tools is None
    assert all(f'"name": "{name}"' in chat.messages[0]["content"] for name in SCHEMAS)
    once = call_text([("add", {"a": 1, "b": 2})])
    assert chat.messages[2] == {"role": "assistant", "content": f"so\n{once}\n{once}"}
    assert chat.messages[3]["content"].count("<tool_response>") == 2
    system = {"role": "system", "content": "Be brief."}
    (first, _) = described(Chat([system, ASKED], tools=TOOLS)).messages
    assert first["content"].startswith("Be brief.\n\nYou may call")
    plain = Chat([system, ASKED], template_kwargs={"x": 1})
    assert described(plain) == plain


# ---- reading

NESTED = '{"name": "f", "arguments": {"a": "}\\"{", "b": {"c": ["<tool_call>"]}}}'
READ = {
    "text alone": ("ab <tool c>", "ab <tool c>", []),
    "a call": (f'{BEGIN}\n{{"name": "f", "arguments": {{}}}}\n{END}', "", [("f", "{}")]),
    "compact": (f'{BEGIN}\n{{"name":"f","arguments":{{"a":1}}}}\n{END}', "", [("f", '{"a":1}')]),
    "words before": (
        f"so: \n{BEGIN}\n{NESTED}\n{END}\n{BEGIN}\n{NESTED}\n{END}",
        "so:",
        [("f", NESTED[27:-1])] * 2,
    ),
    "a mark alone": (f"a {BEGIN} b", f"a {BEGIN} b", []),
    "white space": ("a \n", "a \n", []),
}


@pytest.mark.parametrize("text, content, calls", READ.values(), ids=READ)
def test_reading(text, content, calls):
    said = CallingText.of(text, ended=True)
    assert (said.content, [(c.name, c.arguments) for c in said.calls]) == (content, calls)
    before = CallingText("")
    for size in range(len(text) + 1):
        now = CallingText.of(text[:size], ended=False)
        assert now.content.startswith(before.content) and said.content.startswith(now.content)
        for one, later in zip(before.calls, now.calls, strict=False):
            assert one.name == later.name and later.arguments.startswith(one.arguments)
        assert len(before.calls) <= len(now.calls) <= len(said.calls)
        before = now
