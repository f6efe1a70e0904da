"""Requests of the load test: one function a kind, which raises where the answer is wrong."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import jsonschema
import openai

from benchmarks.server_load.client import Client, Waits, check
from benchmarks.server_load.process import NAME

SCALAR = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 999}, {"enum": ["acid", "salt"]}]}
OBJECT = {
    "type": "object",
    "properties": {
        "stable": {"type": "boolean"},
        "atoms": {"type": "integer", "minimum": 0, "maximum": 40},
        "kind": {"enum": ["acid", "base", "salt"]},
    },
    "required": ["stable", "atoms", "kind"],
    "additionalProperties": False,
}
GRAMMAR = 'start: " "? atom+\natom: "C" | "N" | "O" | "(" atom+ ")"\n'
# Terminals that are alike, with long counted repetitions: more than the server gives.
SLOW_GRAMMAR = "start: ({names})+\n" + "{terminals}"
MALFORMED: tuple[dict[str, Any], ...] = (
    {},
    {"prompt": 3},
    {"prompt": []},
    {"prompt": "C", "max_tokens": 0},
    {"prompt": "C", "temperature": -1},
    {"prompt": "C", "particles": 10_000},
    {"prompt": "C", "unknown": 1},
    {"prompt": "C", "guided_regex": "("},
    {"prompt": "C", "guided_grammar": "start: nothing"},
    {"prompt": "C", "guided_json": {"type": "planet"}},
    {"prompt": "C", "potentials": ["none"]},
    {"prompt": "C", "stop": [""]},
)


BACK_PRESSURE = (429, 503)


async def completion(client: Client) -> None:
    """Plain text."""
    n = client.dice.choice([1, 1, 3])
    answer = await client.openai.completions.create(
        prompt="Molecule:", max_tokens=32, stop="\n", n=n, **client.options()
    )
    check(len(answer.choices) == n, answer)


async def chat(client: Client) -> None:
    """A conversation."""
    answer = await client.openai.chat.completions.create(
        messages=[{"role": "user", "content": "A molecule, please."}],
        max_tokens=24,
        stop="\n",
        **client.options(),
    )
    check(isinstance(answer.choices[0].message.content, str), answer)


async def stream(client: Client) -> None:
    """Plain text as it settles."""
    text, facts = await _streamed(client, "stream", client.options())
    check(text in facts["texts"], (text, facts))


async def leading_stream(client: Client) -> None:
    """Plain text as the heaviest particle has it."""
    text, facts = await _streamed(client, "leading stream", client.options(stream_leading=True))
    check(text in facts["texts"], (text, facts))


async def _streamed(
    client: Client, kind: str, options: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return the text of a stream, corrections made, and the facts at its end."""
    waits = client.waits.setdefault(kind, Waits())
    last = time.monotonic()
    events = await client.openai.completions.create(
        prompt="Molecule:", max_tokens=32, stop="\n", stream=True, **options
    )
    text, told, event = "", False, None
    known: dict[str, Any] = {}
    async for event in events:
        now, piece = time.monotonic(), event.choices[0].text
        known = (event.model_extra or {}).get("smc", [{}])[0]
        text = text[: known.get("keep", len(text))] + piece
        if piece:
            (waits.gaps if told else waits.first).append(now - last)
            last, told = now, True
    check(event is not None and event.choices[0].finish_reason in ("stop", "length"), event)
    return text, known


async def tools(client: Client) -> None:
    """A call that is valid by its schema, whole or streamed."""
    parameters = {k: v for k, v in OBJECT.items() if k != "additionalProperties"}
    tool = {"type": "function", "function": {"name": "describe", "parameters": parameters}}
    options: dict[str, Any] = {
        "messages": [{"role": "user", "content": "A molecule, please."}],
        "max_tokens": 96,
        "tools": [tool],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        **client.options(),
    }
    if client.dice.random() < 0.5:
        answer = await client.openai.chat.completions.create(**options)
        calls = answer.choices[0].message.tool_calls or []
        check(len(calls) == 1, answer)
        arguments = calls[0].function.arguments
    else:
        arguments = ""
        async for event in await client.openai.chat.completions.create(**options, stream=True):
            for piece in event.choices[0].delta.tool_calls or ():
                arguments += (piece.function and piece.function.arguments) or ""
    jsonschema.validate(json.loads(arguments), OBJECT)


async def schema(client: Client) -> None:
    """JSON under a schema, every choice validated."""
    wanted = {"type": "json_schema", "json_schema": {"name": "it", "schema": SCALAR}}
    await _documents(client, SCALAR, response_format=wanted)


async def json_object(client: Client) -> None:
    """An object under a schema, named as vLLM does, every choice validated."""
    await _documents(
        client, OBJECT, structured_outputs={"json": OBJECT, "disable_any_whitespace": True}
    )


async def _documents(client: Client, wanted: Any, **constraint: Any) -> None:
    answer = await client.openai.chat.completions.create(
        messages=[{"role": "user", "content": "As JSON."}],
        max_tokens=64,
        n=2,
        **client.options(**constraint),
    )
    for choice in answer.choices:
        jsonschema.validate(json.loads(choice.message.content or ""), wanted)


async def regex(client: Client) -> None:
    """A pattern, one of many: what the server remembers of them must not grow for ever."""
    pattern = f"[CNO]{{1,{client.dice.randrange(2, 200)}}}"
    answer = await client.openai.completions.create(
        prompt="Molecule:", max_tokens=24, **client.options(guided_regex=pattern)
    )
    check(re.fullmatch(pattern, answer.choices[0].text) is not None, answer)


async def grammar(client: Client) -> None:
    """A grammar and a registered potential, several choices."""
    answer = await client.openai.completions.create(
        prompt="Molecule:",
        max_tokens=24,
        n=3,
        **client.options(guided_grammar=GRAMMAR, potentials=["valid"]),
    )
    check(all(set(c.text) <= set(" CNO()") for c in answer.choices), answer)


async def registered(client: Client) -> None:
    """A registered potential, choices drawn by weight."""
    answer = await client.openai.completions.create(
        prompt="Molecule:",
        max_tokens=32,
        stop="\n",
        n=3,
        **client.options(potentials=["valid"], answer="draw"),
    )
    check(len(answer.choices) == 3, answer)


async def leaving(client: Client) -> None:
    """A client that goes away: before the answer, or in the middle of a stream."""
    options: dict[str, Any] = {"prompt": "Molecule:", "max_tokens": 64, **client.options()}
    if client.dice.random() < 0.5:
        answer = client.openai.completions.create(**options)
        with suppress(TimeoutError):
            await asyncio.wait_for(answer, client.dice.uniform(0.01, 1.0))
        return
    async with await client.openai.completions.create(**options, stream=True) as events:
        async for _ in events:
            break


async def malformed(client: Client) -> None:
    """A request that cannot be served."""
    await _refused(client, client.dice.choice(MALFORMED))


async def slow_grammar(client: Client) -> None:
    """A grammar that would take minutes to make."""
    size = client.dice.randrange(300, 400)
    names = [f"T{i}" for i in range(12)]
    terminals = "\n".join(f"{n}: /([a-z]{{1,{size + 7 * i}}}{i})*x/" for i, n in enumerate(names))
    source = SLOW_GRAMMAR.format(names="|".join(names), terminals=terminals)
    await _refused(client, {"prompt": "C", "guided_grammar": source})


KINDS: dict[str, tuple[float, Callable[[Client], Awaitable[None]]]] = {
    "completion": (4, completion),
    "chat": (3, chat),
    "stream": (3, stream),
    "leading stream": (2, leading_stream),
    "tools": (2, tools),
    "JSON schema": (2, schema),
    "JSON object": (2, json_object),
    "regex": (2, regex),
    "grammar": (2, grammar),
    "registered potential": (2, registered),
    "leaves midway": (2, leaving),
    "malformed": (2, malformed),
    "slow grammar": (0.02, slow_grammar),
}
"""How often, and what."""
ATTACKS = ("malformed", "slow grammar")
"""Those that are not what ordinary clients ask for."""


async def _refused(client: Client, body: dict[str, Any]) -> None:
    """Ask for something that is answered with what is wrong with it."""
    try:
        answer = await client.openai.post(
            "/completions", cast_to=object, body={"model": NAME, **body}
        )
    except openai.APIStatusError as error:
        if error.status_code in BACK_PRESSURE or error.status_code >= 500:
            raise
        check(bool(error.message), error)
    else:
        check(False, answer)
