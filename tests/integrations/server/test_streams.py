"""Streams: settled text as soon as it is settled, and the leading text with its corrections."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

import smc
from potentials import Regex
from smc.integrations.server.common_prefix import common_prefix, leader
from smc.integrations.server.continuous_batch import ContinuousBatch
from smc.integrations.server.jobs import Job, SamplingRequest
from smc.integrations.server.metrics import Metrics
from smc.settings import Settings
from tests.integrations.server.test_malformed import CHAT, GOOD, post
from tests.integrations.server.test_server import complete
from tests.models import byte_level_tokenizer, tiny_model

TOKENIZER = byte_level_tokenizer()
MODEL = smc.TransformersModel(tiny_model("llama", len(TOKENIZER)), TOKENIZER)


class Vowels(smc.Potential):
    """Soft, and now and then it changes its mind, so that the lead changes too."""

    def prefix(self, text):
        return 0.8 * sum(c in "aeiou" for c in text) - 0.3 * text.count("t")


LETTERS = smc.TableModel.constant({c: 0.037 for c in "abcdefghijklmnopqrstuvwxyz "}, eos=0.001)


def steps_of(potentials=(), *, leads, particles=10, seed=0, stop=(), max_tokens=12, model=MODEL):
    """What was told after each step of the engine, and the result."""
    told, done = [[]], []
    settings = Settings(num_particles=particles, max_tokens=max_tokens)
    prompt = MODEL.encode("the cat", 0) if model is MODEL else (0,)
    asked = SamplingRequest(prompt, potentials, settings, stop, (1.0, 1.0, 0), seed)
    hear = {"on_update" if leads else "on_text": lambda news: told[-1].append(news)}
    batch = ContinuousBatch(model, Metrics.fresh())
    batch.add(Job(asked, on_done=done.append, **hear), model)
    while batch.jobs:
        batch.step()
        told.append([])
    (posterior,) = done
    return told, posterior


def test_the_first_text_of_an_unconstrained_answer_comes_within_two_steps():
    for seed in range(20):
        told, posterior = steps_of(leads=True, seed=seed, model=LETTERS)
        assert len(told) < 3 or any(update.text for update in told[0] + told[1]), posterior
    settled = [steps_of(leads=False, seed=seed, model=LETTERS)[0] for seed in range(20)]
    assert not any(told[0] or told[1] for told in settled)  # the control


@pytest.mark.parametrize("seed", range(8))
def test_the_leading_text_becomes_the_answer(seed):
    told, posterior = steps_of([Vowels()], leads=True, particles=6, seed=seed, stop=("e ",))
    text, settled = "", 0
    for update in (update for news in told for update in news):
        assert update.keep <= len(text)
        text = text[: update.keep] + update.text
        assert settled <= update.settled <= len(text)
        settled = update.settled
        assert text[:settled] == posterior.best[:settled]
    assert text == posterior.best


def test_leads_change():
    updates = [
        update
        for seed in range(8)
        for news in steps_of([Vowels()], leads=True, particles=6, seed=seed)[0]
        for update in news
    ]
    lengths, corrected = 0, 0
    for update in updates:
        corrected += update.keep < lengths
        lengths = update.keep + len(update.text)
    assert corrected > 8  # each new answer begins anew; the others are corrections


def test_settled_text_is_told_at_the_step_that_settles_it():
    """Text that a constraint leaves no choice in, at once; and never what is not settled."""
    told, posterior = steps_of([Regex("abcdef[gh]{3}")], leads=False, particles=10, seed=1)
    first = "".join(told[0] + told[1])
    assert first and "abcdef".startswith(first[:6])
    so_far = ""
    for news in told:
        so_far += "".join(news)
        assert posterior.best.startswith(so_far)
    assert so_far == posterior.best


def test_the_leader():
    texts = {("ab", False): 1.0, ("ac", False): 1.0, ("b", True): 0.5}
    assert leader(texts, "") == "ab" and leader(texts, "a") == "ab"
    assert leader(texts, "ac") == "ac" and leader(texts, "x") == "ab"
    assert leader({("ab", False): 1.0, ("ac", True): 1.5}, "ab") == "ac"
    assert leader({("abc\N{REPLACEMENT CHARACTER}", False): 1.0}, "a", ("cd",)) == "ab"
    assert leader({}, "as it was") == "as it was"
    assert common_prefix(list(texts)) == ""


def test_weights_of_texts_are_those_of_their_particles():
    problem = smc.engine.Problem(MODEL.encode("the", 0), [Vowels()], np.random.default_rng(3))
    run = smc.engine.Run(MODEL)
    number = run.add(problem, Settings(num_particles=30, max_tokens=2))
    while run.running:
        run.step()
    posterior = run.posterior(number)
    weights = run.weighted_texts(number)
    total = sum(weights.values())
    for text, probability in posterior.probabilities().items():
        same = sum(w for (t, _), w in weights.items() if t == text)
        assert same / total == pytest.approx(probability)
    assert run.texts(number) == list(weights)


# ---- over the wire


def events(live, path, **options):
    request = {**(CHAT if "chat" in path else GOOD), "stream": True, "stream_leading": True}
    text = live.client.post(path, cast_to=str, body={**request, **options})
    return [json.loads(e[6:]) for e in text.split("\n\n") if e.startswith("data: {")]


@pytest.mark.parametrize("path", ["/completions", "/chat/completions"])
def test_corrections_are_told_beside_the_text(live, path):
    options = {"seed": 2, "max_tokens": 12, "particles": 8, "guided_regex": "[a-f]{1,10}"}
    *told, last = events(live, path, **options)
    text = ""
    for event in told:
        (choice,) = event["choices"]
        piece = choice["text"] if path == "/completions" else choice["delta"]["content"]
        for known in event.get("smc", ()):
            assert known["settled"] <= len(text[: known.get("keep", len(text))] + piece)
            text = text[: known.get("keep", len(text))]
        text += piece
    (facts,) = last["smc"]
    whole = complete(live, seed=2, max_tokens=12, particles=8, guided_regex="[a-f]{1,10}")
    assert facts["status"] == "complete" and last["choices"][0]["finish_reason"]
    if path == "/completions":
        assert text == whole.choices[0].text
    assert text in facts["texts"]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"stream": False}, "stream=true"),
        ({"tools": [{"type": "function", "function": {"name": "a"}}]}, "without tools"),
    ],
    ids=["no stream", "tools"],
)
def test_leading_streams_that_there_are_not(live, change, said):
    body = {**CHAT, "stream": True, "stream_leading": True, **change}
    status, answer = post(f"{live.url}/v1/chat/completions", body)
    assert status == 400 and said in answer["error"]["message"]
