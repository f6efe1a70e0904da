"""An endpoint as a step model: what is asked, what is understood, what goes wrong."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from smc.backends.openai import OpenAISteps
from smc.errors import PromptError, SettingsError
from smc.steps import EndpointError
from smc.strategies import Options, beam, majority_vote, particle_filter
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
    assert result.chains[0].truncated


def test_tokens_that_are_not_reported_are_estimated():
    with serving(lambda r: r.complete("12345", stop_reason=None)) as served:
        (found,) = extend(model_at(served.url), "Q", ())
    assert found.num_tokens == 2


def test_lone_surrogates_do_not_get_through():
    with serving(lambda r: r.complete("a\ud800b", stop_reason=None, tokens=1)) as served:
        (found,) = extend(model_at(served.url), "Q", ())
    assert found.step == "a\ufffdb"
    found.step.encode()


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
}


@pytest.mark.parametrize("what", MISBEHAVIOURS)
def test_a_failure_that_passes_is_tried_again(what):
    def reply(request: Request) -> None:
        if request.number < 2:
            MISBEHAVIOURS[what](request)
        else:
            request.complete("fine", stop_reason=None, tokens=1)

    with serving(reply) as served:
        (found,) = extend(model_at(served.url), "Q", ())
    assert (found.step, found.finished, found.error) == ("fine", True, None)
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
        (found,) = extend(model_at(served.url, timeout=0.2, retries=1), "Q", ())
    assert len(served.requests) == 2
    assert "0.2 seconds" in str(found.error)


def test_an_answer_that_drips_ends_at_the_time_limit():
    def drip(request: Request) -> None:
        request.handler.send_response(200)
        request.handler.send_header("Content-Length", "1000000")
        request.handler.end_headers()
        while not request.closing.wait(0.02):
            request.handler.wfile.write(b" ")

    with serving(drip) as served:
        (found,) = extend(model_at(served.url, timeout=0.3, retries=0), "Q", ())
    assert "0.3 seconds" in str(found.error)


def test_no_server_is_an_error_that_says_so():
    with serving(lambda r: None) as served:
        pass
    (found,) = extend(model_at(served.url, retries=0), "Q", ())
    assert "Is the server up" in str(found.error)


@pytest.mark.parametrize("status", [400, 401, 404, 422, 302])
def test_a_refusal_is_not_tried_again(status):
    with serving(lambda r: r.say(b'{"error": {"message": "no such model"}}', status)) as served:
        (found,) = extend(model_at(served.url, api_key="secret"), "Q", ())
    assert len(served.requests) == 1
    assert f"{status}: no such model" in str(found.error)
    assert "secret" not in str(found.error)


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
        (found,) = extend(model_at(served.url), "Q", ())
    assert "filter" in str(found.error)


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
        {"timeout": 0},
        {"retries": -1},
    ],
    ids=str,
)
def test_bad_settings_are_refused(changes):
    with pytest.raises(SettingsError):
        OpenAISteps("toy", "http://127.0.0.1:9/v1", **changes)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/v1", "http:///v1"])
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(SettingsError, match="url"):
        OpenAISteps("toy", url)


def test_generators_are_asked_in_order_whatever_the_concurrency():
    with serving(lambda r: r.complete("x", stop_reason=None, tokens=1)) as served:
        extend(model_at(served.url), "Q", *[()] * 5)
    expected = [
        int(np.random.default_rng(s).integers(2**31)) for s in np.random.SeedSequence(0).spawn(5)
    ]
    assert sorted(r.body["seed"] for r in served.requests) == sorted(expected)
