"""Grammars of strangers: made once, within limits, and nobody else waits for them."""

from __future__ import annotations

import contextlib
import json
import threading
import time

import openai
import pytest

from smc.errors import GrammarError
from smc.integrations.server import create_app
from smc.integrations.server.constraint_cache import ConstraintCache
from smc.integrations.server.jobs import QueueFull
from smc.integrations.server.limits import ServerLimits
from smc.integrations.server.sandboxed_validation import SandboxedValidation
from smc.integrations.tool_calls import CallRules
from tests.integrations.server.conftest import Live, served

# Terminals that are alike, with long counted repetitions: minutes to make.
SLOW = "start: ({})+\n".format("|".join(f"T{i}" for i in range(12))) + "\n".join(
    f"T{i}: /([a-z]{{1,{300 + 7 * i}}}{i})*x/" for i in range(12)
)


def ask(live, **options):
    return live.client.completions.create(
        model="tiny", prompt="the cat", max_tokens=6, extra_body=options
    )


@pytest.fixture(scope="module")
def validation():
    found = SandboxedValidation(cpu_seconds=1.0)
    yield found
    found.close()


@pytest.mark.parametrize(
    "kind, text, said",
    [
        ("grammar", "start: nothing", "nothing"),
        ("regex", "(", "regex"),
        ("json_schema", '{"type": "planet"}', "planet"),
        ("json_schema", "[" * 50_000, "json_schema|recursion"),
        ("regex", "(" * 5_000 + ")" * 5_000, "regex"),
        ("grammar", SLOW, "more time or memory"),
        ("tool_calls", CallRules({"f": {"type": "planet"}}).as_text(), "tools: .*planet"),
    ],
)
def test_a_trial_says_what_is_wrong(validation, kind, text, said):
    with pytest.raises(GrammarError, match=said):
        validation(kind, text)


@pytest.mark.parametrize(
    "kind, text",
    [
        ("grammar", '%import common.NUMBER\nstart: NUMBER "é"'),
        ("regex", "[a-z]{3}é"),
        ("json_schema", '{"type": "string", "format": "date"}'),
        ("compact_json", '{"type": "object"}'),
        ("tool_calls", CallRules({"f": {"type": "object"}}).as_text()),
    ],
)
def test_a_trial_says_nothing_of_what_can_be_made(validation, kind, text):
    validation(kind, text)


def test_others_are_answered_while_a_grammar_takes_long(validation):
    server = Live(create_app(served(validate=validation)))
    try:
        found = {}
        ask(server)  # the first request of a process takes long

        def slow():
            try:
                ask(server, guided_grammar=SLOW)
            except openai.BadRequestError as error:
                found["slow"] = str(error)

        threads = [threading.Thread(target=slow) for _ in range(8)]
        for thread in threads:
            thread.start()
        answered = 0
        while any(thread.is_alive() for thread in threads):
            assert ask(server).choices
            answered += 1
        assert answered > 1
        assert "more time or memory" in found["slow"]
        assert ask(server, guided_regex="[ab]{1,3}").choices
    finally:
        server.close()


def test_a_grammar_that_is_not_made_in_time_is_asked_for_again_later():
    release = threading.Event()
    server = Live(
        create_app(
            served(validate=lambda kind, text: release.wait(30)),
            ServerLimits(constraint_seconds=0.2),
        )
    )
    try:
        with pytest.raises(openai.InternalServerError) as error:
            ask(server, guided_regex="a+")
        assert error.value.status_code == 503
        assert error.value.response.headers["Retry-After"] == "1"
        release.set()
        assert set(_asked_again(server, "a{1,4}")) == {"a"}
    finally:
        release.set()
        server.close()


def _asked_again(server, regex):
    """The first answer; a busy machine may need many times what the server waits."""
    for _ in range(200):
        with contextlib.suppress(openai.InternalServerError):
            return ask(server, guided_regex=regex).choices[0].text
    pytest.fail("the constraint was never made")


def test_equal_constraints_are_tried_once_and_failures_are_remembered():
    tried = []

    def validate(kind, text):
        tried.append(text)
        if text == "bad":
            raise GrammarError("bad on purpose")

    cache = ConstraintCache(validate)
    assert cache.make("regex", "a+") is cache.make("regex", "a+")
    cache.make("regex", "a+").result()
    for _ in range(2):
        with pytest.raises(GrammarError, match="on purpose"):
            cache.make("regex", "bad").result()
    assert tried == ["a+", "bad"]
    cache.close()


def test_a_failure_of_the_trial_itself_is_not_held_against_the_text(live):
    failures = [RuntimeError("no process")]

    def validate(kind, text):
        if failures:
            raise failures.pop()

    server = Live(create_app(served(validate=validate)))
    try:
        with pytest.raises(openai.InternalServerError, match="in the log"):
            ask(server, guided_regex="a{1,4}")
        assert ask(server, guided_regex="a{1,4}").choices
    finally:
        server.close()


def test_only_so_many_wait_to_be_made():
    release = threading.Event()
    cache = ConstraintCache(lambda kind, text: release.wait(30))
    with pytest.raises(QueueFull):
        for number in range(200):
            cache.make("regex", "a" * (number + 1))
    release.set()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            cache.make("regex", "b").result()
            break
        except QueueFull:
            time.sleep(0.01)
    else:
        pytest.fail("the queue never emptied")
    cache.close()


def test_what_is_too_hard_for_the_masks_is_the_client_s_fault(live):
    """The masks' work is limited: an error of the request, not of the server."""
    with pytest.raises(openai.BadRequestError, match="Regex: the mask engine"):
        live.client.completions.create(
            model="tiny",
            prompt="the cat",
            max_tokens=100,
            extra_body={"guided_regex": "((a{1,200}){1,200}){150,200}", "particles": 1},
        )


def test_a_document_without_white_space(live):
    schema = {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"]}
    schema["additionalProperties"] = False
    answer = live.client.completions.create(
        model="tiny",
        prompt="the cat",
        max_tokens=20,
        extra_body={
            "structured_outputs": {"json": schema, "disable_any_whitespace": True},
            "particles": 4,
        },
    )
    text = answer.choices[0].text  # 1 may be written in other ways
    assert json.loads(text) == {"a": 1} and " " not in text
