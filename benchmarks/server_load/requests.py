"""Requests of the load test: one function a kind, which raises where the answer is wrong."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jsonschema
import openai

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


@dataclass(frozen=True)
class Client:
    """One client's connections and dice."""

    openai: openai.AsyncOpenAI
    dice: random.Random

    def options(self, **extra: Any) -> dict[str, Any]:
        """Return what requests have in common."""
        return {
            "model": NAME,
            "seed": self.dice.randrange(10**9),
            "temperature": self.dice.choice([0.8, 1.0, 1.5]),
            "extra_body": {"particles": self.dice.choice([5, 10, 20]), **extra},
        }


async def completion(client: Client) -> None:
    """Plain text."""
    n = client.dice.choice([1, 1, 3])
    answer = await client.openai.completions.create(
        prompt="Molecule:", max_tokens=32, stop="\n", n=n, **client.options()
    )
    _check(len(answer.choices) == n, answer)


async def chat(client: Client) -> None:
    """A conversation."""
    answer = await client.openai.chat.completions.create(
        messages=[{"role": "user", "content": "A molecule, please."}],
        max_tokens=24,
        stop="\n",
        **client.options(),
    )
    _check(isinstance(answer.choices[0].message.content, str), answer)


async def stream(client: Client) -> None:
    """Plain text as it settles."""
    events = await client.openai.completions.create(
        prompt="Molecule:", max_tokens=32, stop="\n", stream=True, **client.options()
    )
    received = [event async for event in events]
    facts = (received[-1].model_extra or {})["smc"][0]
    text = "".join(event.choices[0].text for event in received)
    _check(received[-1].choices[0].finish_reason in ("stop", "length"), received)
    _check(text in facts["texts"], (text, facts))


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
    _check(re.fullmatch(pattern, answer.choices[0].text) is not None, answer)


async def grammar(client: Client) -> None:
    """A grammar and a registered potential, several choices."""
    answer = await client.openai.completions.create(
        prompt="Molecule:",
        max_tokens=24,
        n=3,
        **client.options(guided_grammar=GRAMMAR, potentials=["valid"]),
    )
    _check(all(set(c.text) <= set(" CNO()") for c in answer.choices), answer)


async def registered(client: Client) -> None:
    """A registered potential, choices drawn by weight."""
    answer = await client.openai.completions.create(
        prompt="Molecule:",
        max_tokens=32,
        stop="\n",
        n=3,
        **client.options(potentials=["valid"], answer="draw"),
    )
    _check(len(answer.choices) == 3, answer)


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
        _check(bool(error.message), error)
    else:
        _check(False, answer)


def _check(holds: bool, answer: Any) -> None:
    if not holds:
        raise AssertionError(f"a wrong answer: {str(answer)[:500]}")
