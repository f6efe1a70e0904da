"""An endpoint as a step model: what is asked, what is understood, what goes wrong."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time

import numpy as np
import pytest

from smc.errors import EndpointError, PromptError, SettingsError
from smc.steps.openai import OpenAISteps
from smc.strategies import (
    BudgetForcing,
    Options,
    beam,
    budget_forcing,
    majority_vote,
    particle_filter,
)
from tests.backends.endpoint import Request, serving
from tests.step_worlds import Judge, rngs

MARK = "\n\n"


def model_at(url: str, **changes) -> OpenAISteps:
    options = {"backoff": 0.0, "retries": 2, "timeout": 20.0} | changes
    return OpenAISteps("toy", url, **options)


def extend(model: OpenAISteps, prompt, *solutions, **changes):
    return model.extend(prompt, solutions, rngs=rngs(0, len(solutions)), **changes)


def test_a_step_ends_at_the_mark_and_the_text_at_the_end():
    def reply(request: Request) -> None:
        if request.text.endswith("two\n\n"):
            request.complete("three", stop_reason=None, tokens=2)
        else:
            request.complete("two", stop_reason=MARK, tokens=3)

    with serving(reply) as served:
        model = model_at(served.url, api_key="secret", extra={"top_p": 0.9})
        (step,) = extend(model, "Q: ", ("one\n\n",), temperature=0.5, max_tokens=7)
        (last,) = extend(model, "Q: ", ("one\n\n", step.step))
    assert (step.step, step.finished, step.num_tokens) == ("two\n\n", False, 3)
    assert (last.step, last.finished, last.num_tokens) == ("three", True, 2)
    assert model.passes == (3 + 1) + (2 + 1)
    asked = served.requests[0]
    assert asked.path == "/v1/completions"
    assert asked.headers["Authorization"] == "Bearer secret"
    expected = {
        "model": "toy",
        "prompt": "Q: one\n\n",
        "stop": [MARK],
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
    }
    assert {k: v for k, v in asked.body.items() if k != "seed"} == expected
    assert "temperature" not in served.requests[1].body


def test_seeds_come_from_the_generators():
    with serving(lambda r: r.complete("x", stop_reason=None, tokens=1)) as served:
        model = model_at(served.url, max_concurrency=1)
        extend(model, "Q", (), ())
        extend(model, "Q", (), ())
    seeds = [r.body["seed"] for r in served.requests]
    assert seeds[:2] == seeds[2:]
    assert seeds[0] != seeds[1]


def test_a_chat_is_gone_on_from_by_prefill():
    with serving(lambda r: r.complete("two", matched_stop=MARK, tokens=1)) as served:
        prompt = [{"role": "user", "content": "Q"}]
        model = model_at(served.url, max_concurrency=1)
        first, second = extend(model, prompt, (), ("one\n\n",))
    assert first.step == second.step == "two\n\n"
    begun, gone_on = (r.body for r in served.requests)
    assert served.requests[0].path == "/v1/chat/completions"
    assert begun["messages"] == prompt
    assert "continue_final_message" not in begun
    assert gone_on["messages"] == [*prompt, {"role": "assistant", "content": "one\n\n"}]
    assert gone_on["continue_final_message"] is True
    assert gone_on["add_generation_prompt"] is False


def test_a_chat_template_that_trims_the_mark_is_reported():
    """The model is shown `one` for `one⏎⏎`, and writes the mark, at which it is stopped."""

    def reply(request: Request) -> None:
        shown = request.text.strip()
        request.complete("" if shown else "one", stop_reason=MARK, tokens=1)

    with serving(reply) as served:
        prompt = [{"role": "user", "content": "Q"}]
        result = majority_vote(model_at(served.url), prompt, num_solutions=1)
    assert result.solutions == (("one\n\n", "\n\n"),)
    assert "template trim" in result.errors[0]
    assert result.budget.model_tokens == 3


def test_where_the_server_does_not_say_why_it_stopped_only_an_empty_text_is_an_end():
    with serving(lambda r: r.complete("" if MARK in r.text else "one", tokens=1)) as served:
        result = majority_vote(model_at(served.url), "Q", num_solutions=1)
    assert result.solutions == (("one\n\n",),)
    assert result.finished == (True,)


def test_cut_here_asks_for_no_stop_and_drops_what_is_behind_the_mark():
    def reply(request: Request) -> None:
        request.complete("last" if MARK in request.text else "one\n\ntwo\n\nthree", tokens=9)

    with serving(reply) as served:
        result = majority_vote(model_at(served.url, cut="here"), "Q", num_solutions=1)
    assert result.solutions == (("one\n\n", "last"),)
    assert result.budget.model_tokens == 18
    assert all("stop" not in r.body for r in served.requests)


def test_a_step_that_is_cut_at_its_most_tokens_is_gone_on_from():
    def reply(request: Request) -> None:
        if request.text == "Qhal":
            request.complete("ves", stop_reason=None, tokens=1)
        else:
            request.complete("hal", "length", tokens=4)

    with serving(reply) as served:
        result = majority_vote(model_at(served.url), "Q", num_solutions=1)
    assert result.solutions == (("hal", "ves"),)
    assert result.finished == (True,)


def test_cut_at_once_is_no_endless_loop():
    with serving(lambda r: r.complete("", "length", tokens=0)) as served:
        result = majority_vote(model_at(served.url), "Q", num_solutions=1)
    assert result.answer is None
    assert result.trajectories[0].truncated


def test_tokens_that_are_not_reported_are_estimated():
    with serving(lambda r: r.complete("12345", stop_reason=None)) as served:
        (extension,) = extend(model_at(served.url), "Q", ())
    assert extension.num_tokens == 2


def test_lone_surrogates_do_not_get_through():
    with serving(lambda r: r.complete("a\ud800b", stop_reason=None, tokens=1)) as served:
        (extension,) = extend(model_at(served.url), "Q", ())
    assert extension.step == "a\ufffdb"
    extension.step.encode()


def test_a_server_that_does_not_stop_at_the_mark_is_cut_here():
    """Else what is behind the mark would be a part of the step."""
    with serving(lambda r: r.complete("one\n\ntwo\n\nend", stop_reason=None, tokens=9)) as served:
        (extension,) = extend(model_at(served.url), "Q", ())
    assert (extension.step, extension.finished, extension.num_tokens) == ("one\n\n", False, 9)


@pytest.mark.parametrize("count", [0, -3, True, 1.5, 10**30, None])
def test_a_count_that_is_none_is_estimated(count):
    def reply(request: Request) -> None:
        choice = {"text": "12345", "finish_reason": "stop", "stop_reason": None}
        nonsense(request, {"choices": [choice], "usage": {"completion_tokens": count}})

    with serving(reply) as served:
        (extension,) = extend(model_at(served.url), "Q", ())
    assert extension.num_tokens == 2


def test_budget_forcing_ends_whatever_the_server_counts():
    """A server that says it made no tokens cannot keep the answer growing for ever."""

    def reply(request: Request) -> None:
        request.complete("on", "length", tokens=0)

    how = BudgetForcing(max_thinking_tokens=3, max_answer_tokens=3)
    with serving(reply) as served:
        result = budget_forcing(model_at(served.url, mark=how.end), "Q", how)
        assert len(served.requests) == 6
    assert result.trajectories[0].truncated


def nonsense(request: Request, what: object) -> None:
    import json

    request.say(json.dumps(what).encode())


MISBEHAVIOURS = {
    "refuses": lambda r: r.say(b'{"error": {"message": "overloaded"}}', 503),
    "limits": lambda r: r.say(b"slow down", 429, Retry_After="0"),
    "hangs up": lambda r: None,
    "half an answer": lambda r: r.say(b'{"choices": [{"te', length=500),
    "no JSON": lambda r: r.say(b"<html>gateway</html>"),
    "no choices": lambda r: nonsense(r, {"object": "list"}),
    "empty choices": lambda r: nonsense(r, {"choices": []}),
    "text of a wrong type": lambda r: r.complete(7, stop_reason=None),  # type: ignore[arg-type]
    "no reason": lambda r: r.complete("a", reason=None),  # type: ignore[arg-type]
    "aborted": lambda r: r.complete("a", reason="abort"),
    "a list": lambda r: nonsense(r, [1, 2]),
    "not even HTTP": lambda r: r.handler.wfile.write(b"\x00\x01garbage\r\n\r\n"),
    "resets": lambda r: reset(r),
    "chunks of garbage": lambda r: chunked(r, b"zz\r\n{}"),
    "chunks below 0": lambda r: chunked(r, b"-5\r\n{}"),
    "chunks that end": lambda r: chunked(r, b"ff\r\n{}"),
    "not UTF-8": lambda r: r.say(b'{"choices": [{"text": "\xff\xfe", "finish_reason": "stop"}]}'),
    "a stream": lambda r: r.say(b'data: {"choices": []}\n\ndata: [DONE]\n\n'),
    "deep": lambda r: r.say(b"[" * 200_000),
    "huge": lambda r: r.say(b" " * (2**25 + 1)),
    "too many headers": lambda r: r.handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200),
    "an error as if it were none": lambda r: nonsense(r, {"error": {"message": "no room"}}),
}


def chunked(request: Request, body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    request.handler.wfile.write(head + body)


def reset(request: Request) -> None:
    """Break off in the middle of the body."""
    request.handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"ch')
    linger = struct.pack("ii", 1, 0)
    request.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.handler.connection.close()


@pytest.mark.parametrize("what", MISBEHAVIOURS)
def test_a_failure_that_passes_is_tried_again(what):
    def reply(request: Request) -> None:
        if request.number < 2:
            MISBEHAVIOURS[what](request)
        else:
            request.complete("fine", stop_reason=None, tokens=1)

    with serving(reply) as served:
        (extension,) = extend(model_at(served.url), "Q", ())
    assert (extension.step, extension.finished, extension.error) == ("fine", True, None)
    assert len(served.requests) == 3


@pytest.mark.parametrize("what", MISBEHAVIOURS)
def test_a_failure_that_stays_is_an_error_that_says_where(what):
    with (
        serving(MISBEHAVIOURS[what]) as served,
        pytest.raises(EndpointError, match=r"(?s)127\.0\.0\.1.*/completions.*3 tries"),
    ):
        majority_vote(model_at(served.url, api_key="secret"), "Q", num_solutions=2)


def test_a_stall_ends_at_the_time_limit():
    with serving(lambda r: r.stall()) as served:
        (extension,) = extend(model_at(served.url, timeout=0.2, retries=1), "Q", ())
    assert len(served.requests) == 2
    assert "0.2 seconds" in str(extension.error)


def test_an_answer_that_drips_ends_at_the_time_limit():
    def drip(request: Request) -> None:
        request.handler.send_response(200)
        request.handler.send_header("Content-Length", "1000000")
        request.handler.end_headers()
        while not request.closing.wait(0.02):
            request.handler.wfile.write(b" ")

    with serving(drip) as served:
        (extension,) = extend(model_at(served.url, timeout=0.3, retries=0), "Q", ())
    assert "0.3 seconds" in str(extension.error)


def test_a_handshake_that_drips_ends_at_the_time_limit():
    def drip(listener: socket.socket, closing: threading.Event) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB is to come
            while not closing.wait(0.02):
                try:
                    connection.sendall(b"\x02")
                except OSError:
                    return

    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener, closing))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
        (extension,) = extend(model_at(url, timeout=0.3, retries=0), "Q", ())
        closing.set()
        thread.join()
    assert "0.3 seconds" in str(extension.error)


def test_a_connection_that_comes_too_late_is_not_read_from(monkeypatch):
    """The time is over before there is a socket to shut; then nothing would end the reading."""
    connect = http.client.HTTPConnection.connect

    def late(self) -> None:
        time.sleep(0.4)
        connect(self)

    monkeypatch.setattr(http.client.HTTPConnection, "connect", late)
    with serving(lambda r: r.complete("x", stop_reason=None, tokens=1)) as served:
        (extension,) = extend(model_at(served.url, timeout=0.2, retries=0), "Q", ())
        assert not served.requests
    assert "0.2 seconds" in str(extension.error)


@pytest.mark.parametrize("header", ["0.2", "Wed, 21 Oct 2015 07:28:00 GMT", "nan", "-1", "soon"])
def test_a_server_says_how_long_to_wait(header, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("smc.backends.http.time.sleep", slept.append)

    def reply(request: Request) -> None:
        if request.number == 0:
            request.say(b"slow down", 429, Retry_After=header)
        else:
            request.complete("fine", stop_reason=None, tokens=1)

    with serving(reply) as served:
        (extension,) = extend(model_at(served.url, backoff=3.0), "Q", ())
    assert extension.step == "fine"
    assert slept == [0.2 if header == "0.2" else 3.0]


def test_a_redirection_is_told_and_not_followed():
    with serving(lambda r: r.say(b"", 307, Location="http://127.0.0.1:1/v1")) as served:
        (extension,) = extend(model_at(served.url), "Q", ())
    assert "points to 'http://127.0.0.1:1/v1'" in str(extension.error)


def test_no_server_is_an_error_that_says_so():
    with serving(lambda r: None) as served:
        pass
    (extension,) = extend(model_at(served.url, retries=0), "Q", ())
    assert "Is the server up" in str(extension.error)


@pytest.mark.parametrize("status", [400, 401, 404, 422, 302])
def test_a_refusal_is_not_tried_again(status):
    with serving(lambda r: r.say(b'{"error": {"message": "no such model"}}', status)) as served:
        (extension,) = extend(model_at(served.url, api_key="secret"), "Q", ())
    assert len(served.requests) == 1
    assert f"{status}: no such model" in str(extension.error)
    assert "secret" not in str(extension.error)


def test_what_is_finished_is_kept_when_the_endpoint_dies():
    lock, left = threading.Lock(), [5]

    def reply(request: Request) -> None:
        with lock:
            left[0] -= 1
            alive = left[0] >= 0
        if alive:
            request.complete(f"answer {request.number}", stop_reason=None, tokens=1)
        else:
            request.say(b"gone", 500)

    with serving(reply) as served:
        model = model_at(served.url, retries=0, max_concurrency=1)
        result = majority_vote(model, "Q", num_solutions=8, options=Options(answer=lambda t: 1))
    assert sum(result.finished) == 5
    assert result.answer == 1
    assert result.votes == {1: 5.0}
    (message,) = result.errors
    assert "status 500: gone" in message


@pytest.mark.parametrize("strategy", [beam, particle_filter])
def test_a_search_ends_with_what_it_has(strategy):
    def reply(request: Request) -> None:
        if request.number % 3 == 2:
            request.say(b"gone", 500)
        elif request.text.count(MARK) == 2:
            request.complete("end", stop_reason=None, tokens=1)
        else:
            request.complete("on", stop_reason=MARK, tokens=1)

    with serving(reply) as served:
        model = model_at(served.url, retries=0, max_concurrency=1)
        result = strategy(model, "Q", Judge(lambda t: 0.5), num_solutions=4)
    assert result.text == "on\n\non\n\nend"
    assert result.errors


def test_what_was_generated_by_a_run_that_dies_is_returned():
    def reply(request: Request) -> None:
        if MARK in request.text:
            request.say(b"gone", 500)
        else:
            request.complete("one", stop_reason=MARK, tokens=1)

    with serving(reply) as served:
        result = majority_vote(model_at(served.url, retries=0), "Q", num_solutions=2)
    assert result.solutions == (("one\n\n",), ("one\n\n",))
    assert result.answer is None
    assert result.errors


def test_no_more_requests_at_a_time_than_allowed():
    ready = threading.Barrier(2)

    def reply(request: Request) -> None:
        ready.wait(20)  # so that two are open for certain
        request.complete("x", stop_reason=None, tokens=1)

    with serving(reply) as served:
        extend(model_at(served.url, max_concurrency=2), "Q", *[()] * 6)
    assert served.most_at_once == 2


def test_a_filtered_text_is_reported():
    with serving(lambda r: r.complete("a", "content_filter", tokens=1)) as served:
        (extension,) = extend(model_at(served.url), "Q", ())
    assert "filter" in str(extension.error)


def test_token_ids_are_no_prompt():
    with pytest.raises(PromptError, match="Decode"):
        extend(model_at("http://127.0.0.1:9/v1"), [1, 2], ())


@pytest.mark.parametrize(
    "changes",
    [
        {"mark": ""},
        {"max_concurrency": 0},
        {"cut": "there"},
        {"extra": {"stop": "x"}},
        {"extra": {"stream": True}},
        {"timeout": 0},
        {"retries": -1},
    ],
    ids=str,
)
def test_bad_settings_are_refused(changes):
    with pytest.raises(SettingsError):
        OpenAISteps("toy", "http://127.0.0.1:9/v1", **changes)


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://x/v1", "http:///v1", "http://x:99999/v1", "http://[::1/v1",
     "http://me:word@x/v1", "http://x/v1?key=1", "http://x/v 1", "http://x/v\n1", "http://x/\xe9",
     f"http://{'x' * 64}.org/v1"],
)  # fmt: skip
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(SettingsError, match="url"):
        OpenAISteps("toy", url)


@pytest.mark.parametrize("key", ["secret\n", "s\xe9cret"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(key):
    with pytest.raises(SettingsError, match="api_key") as caught:
        OpenAISteps("toy", "http://127.0.0.1:9/v1", api_key=key)
    assert key not in str(caught.value)


def test_generators_are_asked_in_order_whatever_the_concurrency():
    with serving(lambda r: r.complete("x", stop_reason=None, tokens=1)) as served:
        extend(model_at(served.url), "Q", *[()] * 5)
    expected = [
        int(np.random.default_rng(s).integers(2**31)) for s in np.random.SeedSequence(0).spawn(5)
    ]
    assert sorted(r.body["seed"] for r in served.requests) == sorted(expected)
