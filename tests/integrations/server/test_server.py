"""The server, asked by the real `openai` client."""

from __future__ import annotations

import json
import math
import threading
import urllib.error
import urllib.request

import jsonschema
import openai
import pytest

import smc
from smc.integrations.server import create_app
from smc.integrations.server.limits import ServerLimits
from tests.integrations.server.conftest import Live, served
from tests.models import byte_level_tokenizer, tiny_model

SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}, "n": {"enum": [1, 2]}},
    "required": ["ok", "n"],
    "additionalProperties": False,
}


def complete(live, prompt="the cat", **options):
    extra = {
        k: options.pop(k)
        for k in (
            "particles",
            "guided_regex",
            "structured_outputs",
            "potentials",
            "answer",
            "method",
            "at_max_tokens",
        )
        if k in options
    }
    return live.client.completions.create(
        model="tiny", prompt=prompt, **{"max_tokens": 6, **options}, extra_body=extra
    )


def test_an_answer_is_that_of_the_library(live):
    tokenizer = byte_level_tokenizer()
    own = smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)
    from potentials import Regex

    expected = smc.sample(
        own, "the cat", [Regex("[ab]{1,3}")], num_particles=12, max_tokens=6, seed=4
    )
    answer = complete(live, guided_regex="[ab]{1,3}", particles=12, seed=4)
    assert answer.choices[0].text == expected.best
    (facts,) = answer.model_extra["smc"]
    assert facts["log_evidence"] == pytest.approx(expected.log_evidence)
    assert facts["texts"] == [s.text for s in expected.sequences]
    logged = [math.inf if w is None else w for w in facts["log_weights"]]
    for ours, theirs in zip(logged, expected.log_weights.tolist(), strict=True):
        assert ours == pytest.approx(theirs) or (ours == math.inf and theirs == -math.inf)
    assert answer.choices[0].model_extra["weight"] == pytest.approx(
        expected.probabilities()[expected.best]
    )
    assert answer.usage.prompt_tokens == len(tokenizer("the cat")["input_ids"])


def test_penalties_and_biases_are_a_potential_of_the_library(live):
    from potentials.token_bias import TokenBias

    tokenizer = byte_level_tokenizer()
    own = smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)
    letter = tokenizer("a")["input_ids"][0]
    options = {"presence_penalty": 1.5, "frequency_penalty": -0.5, "logit_bias": {letter: 7.0}}
    prices = TokenBias({letter: 14.0}, presence=3.0, frequency=-1.0)  # over the temperature
    settings = {"num_particles": 12, "max_tokens": 6, "seed": 4}
    expected = smc.sample(own, "the cat", [prices], temperature=0.5, **settings)
    answer = complete(live, particles=12, seed=4, temperature=0.5, **options)
    (facts,) = answer.model_extra["smc"]
    assert facts["texts"] == [s.text for s in expected.sequences]
    assert facts["log_evidence"] == pytest.approx(expected.log_evidence, abs=1e-3)
    assert "aa" in answer.choices[0].text
    never = complete(live, temperature=0, particles=1, logit_bias={letter: 100})
    assert set(never.choices[0].text) == {"a"}


def test_n_choices_and_several_prompts(live):
    answer = complete(
        live, ["the cat", "one two"], n=3, particles=16, structured_outputs={"regex": "[a-d]"}
    )
    assert [c.index for c in answer.choices] == list(range(6))
    weights = [c.model_extra["weight"] for c in answer.choices[:3]]
    assert weights == sorted(weights, reverse=True)
    drawn = complete(live, n=5, particles=16, guided_regex="[a-d]", answer="draw")
    assert all(c.text in "abcd" for c in drawn.choices)


def test_a_schema_is_satisfied_by_every_choice(live):
    answered = 0
    for seed in range(20):
        try:
            answer = live.client.chat.completions.create(
                model="tiny",
                messages=[{"role": "user", "content": "an object, please"}],
                max_tokens=60,
                temperature=3.0,
                n=2,
                seed=seed,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "it", "schema": SCHEMA},
                },
                extra_body={"particles": 64, "potentials": ["no-space"]},
            )
        except openai.UnprocessableEntityError:
            continue  # a random model may see no way to the end; then it says so
        answered += 1
        for choice in answer.choices:
            jsonschema.validate(json.loads(choice.message.content), SCHEMA)
    assert answered >= 5


def test_the_stream_is_the_answer_in_pieces(live):
    for options in ({"stop": ["e"]}, {"guided_regex": "[a-f]{1,8}"}, {"potentials": ["no-a"]}):
        whole = complete(live, seed=2, max_tokens=12, **options).choices[0].text
        events = list(complete(live, seed=2, max_tokens=12, stream=True, **options))
        assert "".join(e.choices[0].text for e in events) == whole
        assert events[-1].choices[0].finish_reason in ("stop", "length")
        assert events[-1].model_extra["smc"][0]["status"] == "complete"


def test_a_text_that_was_cut_says_so(live):
    cut = complete(live, seed=2, max_tokens=3, particles=6, method="lm", n=6)
    (facts,) = cut.model_extra["smc"]
    truncated = dict(zip(facts["texts"], facts["truncated"], strict=True))
    assert any(truncated.values()) and 0 < facts["truncated_share"] <= 1
    for choice in cut.choices:
        assert choice.finish_reason == ("length" if truncated[choice.text] else "stop")
    assert any(c.finish_reason == "length" for c in cut.choices)
    *_, last = complete(live, seed=2, max_tokens=3, particles=1, method="lm", stream=True)
    assert last.choices[0].finish_reason == "length"
    ended = complete(
        live, guided_regex="[ab]{1,3}", particles=12, max_tokens=6, at_max_tokens="end"
    )
    assert ended.choices[0].finish_reason == "stop"


def test_a_single_particle_is_streamed_as_it_grows(live):
    events = list(complete(live, seed=5, max_tokens=20, stream=True, particles=1, method="lm"))
    assert len([e for e in events if e.choices[0].text]) > 3


def test_chat_streams_too(live):
    events = list(
        live.client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
            max_completion_tokens=8,
            stream=True,
            extra_body={"guided_choice": ["yes", "no"], "particles": 6},
        )
    )
    assert "".join(e.choices[0].delta.content or "" for e in events) in ("yes", "no")
    first, *others = (e.choices[0].delta for e in events)
    assert (first.role, first.content) == ("assistant", "")
    assert not any(delta.role for delta in others)


def test_a_stream_tells_its_usage_where_asked(live):
    for create, prompt in (
        (live.client.completions.create, {"prompt": "the cat"}),
        (
            live.client.chat.completions.create,
            {"messages": [{"role": "user", "content": "the cat"}]},
        ),
    ):
        request = {"model": "tiny", "max_tokens": 5, "seed": 3, **prompt}
        whole = create(**request)
        *events, last = create(**request, stream=True, stream_options={"include_usage": True})
        assert last.choices == [] and last.usage == whole.usage
        assert all(event.choices and event.usage is None for event in events)
        assert all(event.usage is None for event in create(**request, stream=True))


def test_names_in_a_conversation_reach_the_template():
    model = served()
    model._plain.tokenizer.chat_template = "{% for m in messages %}{{ m.name }}{% endfor %}"
    server = Live(create_app(model))
    try:
        message = {"role": "user", "content": "hello", "name": "the cat"}
        answer = server.client.chat.completions.create(
            model="tiny", messages=[message], max_tokens=2
        )
        expected = len(model._plain.tokenizer("the cat")["input_ids"])
        assert answer.usage.prompt_tokens == expected
    finally:
        server.close()


def test_a_stream_that_fails_ends_with_the_error_that_an_answer_has(live):
    body = {"model": "tiny", "prompt": "the cat", "guided_regex": "a+", "potentials": ["no-a"]}

    def ask(**more):
        data = json.dumps({**body, **more}).encode()
        headers = {"Content-Type": "application/json"}
        return urllib.request.Request(f"{live.url}/v1/completions", data, headers)

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(ask(), timeout=60)
    with urllib.request.urlopen(ask(stream=True), timeout=60) as reply:
        *_, failed, done = reply.read().decode().split("\n\n")[:-1]
    assert json.loads(failed.removeprefix("data: ")) == json.loads(refused.value.read())
    assert done == "data: [DONE]"


def test_requests_of_many_threads_are_answered_as_alone(live):
    """What runs beside a request does not change its answer."""
    alone = {
        s: complete(live, seed=s, guided_regex="[a-e]{2,5}").choices[0].text for s in range(12)
    }
    found = {}

    def ask(seed):
        found[seed] = complete(live, seed=seed, guided_regex="[a-e]{2,5}").choices[0].text

    threads = [threading.Thread(target=ask, args=(s,)) for s in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone
    assert len(set(alone.values())) > 1


def test_a_broken_potential_fails_its_own_request_alone(live):
    results = {}

    def ask(name, **options):
        try:
            results[name] = complete(live, **options).choices[0].text
        except openai.APIStatusError as error:
            results[name] = error

    threads = [
        threading.Thread(target=ask, args=("broken",), kwargs={"potentials": ["broken"]}),
        *(threading.Thread(target=ask, args=(s,), kwargs={"seed": s}) for s in range(6)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert isinstance(results.pop("broken"), openai.InternalServerError)
    assert all(isinstance(text, str) for text in results.values()), results


def test_extinction_says_why(live):
    with pytest.raises(openai.UnprocessableEntityError, match=r"NoA.*\(\d+ died of "):
        complete(live, guided_regex="a+", potentials=["no-a"])


def read(url):
    with urllib.request.urlopen(url, timeout=30) as reply:
        return reply.read().decode()


def test_health_models_and_metrics(live):
    complete(live)
    assert read(f"{live.url}/health") == "ok"
    assert [m.id for m in live.client.models.list()] == ["tiny"]
    assert live.client.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError, match="tiny"):
        live.client.models.retrieve("of/another")
    text = read(f"{live.url}/metrics")
    counted = [x for x in text.splitlines() if x.startswith("smc_particle_tokens_total")]
    assert float(counted[0].split()[1]) > 0
    assert 'smc_requests_total{route="/v1/completions",status="200"}' in text


def test_a_full_queue_turns_away(monkeypatch):
    release = threading.Event()

    class Slow(smc.Potential):
        def prefix(self, text):
            release.wait(30)
            return 0.0

    server = Live(create_app(served(slow=Slow()), ServerLimits(max_queue=1)))
    try:
        found = []

        def ask():
            try:
                complete(server, potentials=["slow"])
                found.append("answered")
            except openai.RateLimitError as error:
                found.append(error.response.headers["Retry-After"])

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        while len(found) < 5:  # at most two run and one waits
            assert any(t.is_alive() for t in threads)
            release.wait(0.05)
        assert set(found) == {"1"}
        release.set()
        for thread in threads:
            thread.join()
        assert "answered" in found
        assert complete(server).choices
    finally:
        release.set()
        server.close()


def gone(worker, pause):
    """Wait until no particle runs."""
    while worker.particles:
        assert worker.alive
        pause.wait(0.05)


def test_a_client_that_goes_away_frees_its_particles():
    seen = threading.Semaphore(0)
    release = threading.Event()

    class Slow(smc.Potential):
        def prefix(self, text):
            seen.release()
            release.wait(0.05)
            return 0.0

    server = Live(create_app(served(slow=Slow())))
    worker = server.app.state.worker
    try:
        slow = {"potentials": ["slow"], "particles": 40}
        hasty = server.client.with_options(timeout=0.7)
        with pytest.raises(openai.APITimeoutError):
            hasty.completions.create(
                model="tiny", prompt="the cat", max_tokens=100, extra_body=slow
            )
        gone(worker, release)
        slow["particles"] = 1  # whose text is settled at once
        with complete(server, max_tokens=100, stream=True, **slow) as events:
            assert next(iter(events)).choices
        gone(worker, release)
        assert "smc_cancelled_total 2.0" in read(f"{server.url}/metrics")
        assert complete(server).choices
    finally:
        server.close()


def test_what_runs_fails_when_the_server_stops():
    server = Live(create_app(served()))
    worker = server.app.state.worker
    worker.close()
    with pytest.raises(openai.InternalServerError, match="shutting down"):
        complete(server)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        read(f"{server.url}/health")
    server.close()
