"""What the server remembers and gives back."""

from __future__ import annotations

import json
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pytest
from starlette.testclient import TestClient

import smc
from potentials import Regex
from smc.errors import PromptError, SettingsError
from smc.integrations.server import create_app, memory
from smc.model import unpack_mask
from tests.integrations.server.conftest import served
from tests.models import byte_level_tokenizer, tiny_model

BODY = {"model": "tiny", "prompt": "the cat", "max_tokens": 6}


@pytest.fixture
def client_of():
    """Return a client of a server in this process."""
    with ExitStack() as stack:
        yield lambda model: stack.enter_context(TestClient(create_app(model)))


def asked(client, **options):
    answer = client.post("/v1/completions", json={**BODY, **options})
    assert answer.status_code == 200, answer.text
    return answer.json()


def assert_alike(one, other):
    """Of two answers: the same, up to the rounding of batches of other sizes."""
    assert (one["seed"], one["texts"]) == (other["seed"], other["texts"])
    assert one["log_weights"] == pytest.approx(other["log_weights"], abs=1e-4)
    assert one["log_evidence"] == pytest.approx(other["log_evidence"], abs=1e-4)


def test_memory_is_given_back_now_and_then(monkeypatch):
    times, trimmed = iter([0.0, 5.0, 11.0, 12.0, 22.0]), []
    monkeypatch.setattr(memory, "time", SimpleNamespace(monotonic=lambda: next(times)))
    monkeypatch.setattr(memory, "_malloc_trim", lambda: trimmed.append)
    give_back = memory.MemoryTrimmer()
    assert [give_back() for _ in range(4)] == [False, True, False, True]
    assert trimmed == [0, 0]


def test_where_the_library_cannot_give_back_nothing_happens(monkeypatch):
    times = iter([0.0, 60.0])
    monkeypatch.setattr(memory, "time", SimpleNamespace(monotonic=lambda: next(times)))
    monkeypatch.setattr(memory, "_malloc_trim", lambda: None)
    assert memory.MemoryTrimmer()()


def test_models_of_all_temperatures_share_weights_and_only_so_many_are_kept():
    model = served()
    all_parameters = [(1.0 + i / 100, 1.0, 0) for i in range(100)]
    assert len({id(model.at(w).model) for w in all_parameters}) == 1
    assert len(model._with_parameters) <= 64
    assert model.at(all_parameters[-1]) is model.at(all_parameters[-1])


def test_a_prompt_is_encoded_as_the_model_does():
    tokenizer = byte_level_tokenizer()
    own = smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)
    ids = own.encode("the cat", 3)
    assert ids == tuple(tokenizer("the cat")["input_ids"]) == served().encode("the cat", 3)
    assert own.tokenizer is tokenizer
    assert own.encode(ids, 128 - len(ids)) == ids
    with pytest.raises(PromptError, match="context of 128"):
        own.encode(ids, 129 - len(ids))


# ---- names


def test_a_model_has_every_name_it_is_given(client_of):
    client = client_of(served(name=["tiny", "gpt-4o", "tiny"]))
    listed = client.get("/v1/models").json()["data"]
    assert [(m["id"], m["root"]) for m in listed] == [("tiny", "tiny"), ("gpt-4o", "tiny")]
    assert client.get("/v1/models/gpt-4o").json() == listed[1]
    for name in ("tiny", "gpt-4o"):
        assert asked(client, model=name)["model"] == name
        streamed = client.post("/v1/completions", json={**BODY, "model": name, "stream": True})
        assert f'"model": "{name}"' in streamed.text
    refused = client.post("/v1/completions", json={**BODY, "model": "other"})
    assert refused.status_code == 404
    assert "only 'tiny' or 'gpt-4o' is served" in refused.json()["error"]["message"]
    with pytest.raises(SettingsError, match="none empty"):
        served(name=["tiny", ""])


# ---- seeds


def test_every_request_has_a_seed_of_its_own_and_tells_it(client_of):
    client = client_of(served())
    answers = [asked(client, temperature=3.0, max_tokens=12) for _ in range(3)]
    seeds = [a["smc"][0]["seed"] for a in answers]
    assert len(set(seeds)) == 3 and all(0 <= s < 2**53 for s in seeds)
    assert len({tuple(a["smc"][0]["texts"]) for a in answers}) == 3
    for answer, seed in zip(answers, seeds, strict=True):
        again = asked(client, temperature=3.0, max_tokens=12, seed=seed)
        assert_alike(again["smc"][0], answer["smc"][0])
    assert asked(client, seed=7)["smc"][0]["seed"] == 7
    assert asked(client, seed=None)["smc"][0]["seed"] > 100  # but for one case in 10^13


def test_prompts_of_a_request_and_streams_tell_their_seeds(client_of):
    client = client_of(served())
    several = asked(client, prompt=["the cat", "the dog"], temperature=3.0)["smc"]
    assert several[1]["seed"] == several[0]["seed"] + 1
    one = asked(client, prompt="the dog", temperature=3.0, seed=several[1]["seed"])["smc"]
    assert_alike(one[0], several[1])
    streamed = client.post("/v1/completions", json={**BODY, "stream": True, "temperature": 3.0})
    events = [json.loads(e[6:]) for e in streamed.text.split("\n\n") if e.startswith("data: {")]
    (facts,) = events[-1]["smc"]
    assert_alike(asked(client, temperature=3.0, seed=facts["seed"])["smc"][0], facts)


# ---- temperature 0


def greedy(pattern, max_tokens):
    """The most probable token that the pattern allows, one after the other, and what it gave up."""
    model = served().at((1.0, 1.0, 0))
    regex = Regex(pattern).bind(model.vocabulary)
    ids, state = list(model.encode("the cat", 0)), regex.start()
    text, given_up = b"", 0.0
    for slot in range(max_tokens):
        row = model.start([ids], model.vocabulary, 1).log_probs()[0]
        (allowed,) = unpack_mask(regex.token_scores([state]).mask, len(row))
        if slot == max_tokens - 1:
            break
        token = int(np.where(allowed, row, -np.inf).argmax())
        given_up += row.max() - row[token]
        if token in model.vocabulary.eos_ids:
            break
        ids.append(token)
        text += model.vocabulary.tokens[token]
        state = regex.advance(state, model.vocabulary.tokens[token])
    return text.decode(), given_up


@pytest.mark.parametrize("pattern", ["[a-m]{4,6}z", "(dog|cat|cow)( [0-9]{2}){2}!"])
@pytest.mark.parametrize("particles", [1, 5])
def test_at_temperature_0_every_token_is_the_most_probable_allowed_one(
    client_of, pattern, particles
):
    client = client_of(served())
    options = {"temperature": 0, "guided_regex": pattern, "particles": particles, "max_tokens": 12}
    answers = [asked(client, **options), asked(client, **options), asked(client, **options, seed=9)]
    expected, given_up = greedy(pattern, 12)
    for answer in answers:
        assert set(answer["smc"][0]["texts"]) == {expected}
        assert answer["choices"][0]["text"] == expected
        assert answer["choices"][0]["weight"] == pytest.approx(1)
    assert answers[0]["smc"] == answers[1]["smc"] and answers[0]["smc"][0]["seed"] == 0
    # Evidence at T is exp(-given up / T): here T is 2^-64.
    assert answers[0]["smc"][0]["log_evidence"] * 2.0**-64 == pytest.approx(-given_up, rel=1e-3)


def test_control_at_temperature_1_it_is_not(client_of):
    client = client_of(served())
    options = {"guided_regex": "[a-m]{4,6}z", "particles": 5, "max_tokens": 12, "seed": 3}
    assert set(asked(client, **options)["smc"][0]["texts"]) != {greedy("[a-m]{4,6}z", 12)[0]}


def test_a_potential_that_forbids_the_one_text_at_temperature_0_leaves_none(client_of):
    pattern = "[a-m]{4,6}z"
    only = greedy(pattern, 12)[0]

    class NotThat(smc.Potential):
        def complete(self, text):
            return float("-inf") if text == only else 0.0

    client = client_of(served(others=NotThat()))
    body = {**BODY, "temperature": 0, "guided_regex": pattern, "max_tokens": 12, "particles": 8}
    answer = client.post("/v1/completions", json={**body, "potentials": ["others"]})
    assert answer.status_code == 422
