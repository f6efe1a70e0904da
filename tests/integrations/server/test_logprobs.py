"""Log probabilities of answers: those of the library, in the shapes of OpenAI."""

from __future__ import annotations

import json
import math

import numpy as np
import openai
import pytest

import smc
from smc.integrations.server import create_app
from smc.integrations.server.models import Served
from tests.integrations.server.conftest import TEMPLATE, Live
from tests.integrations.server.test_malformed import CHAT, GOOD, post
from tests.models import byte_level_tokenizer, tiny_model

TOKENIZER = byte_level_tokenizer()
TOKENIZER.chat_template = TEMPLATE
MODEL = smc.TransformersModel(
    tiny_model("llama", len(TOKENIZER), max_position_embeddings=512), TOKENIZER
)


@pytest.fixture(scope="module")
def server():
    found = Live(create_app(Served("tiny", MODEL)))
    yield found
    found.close()


def complete(server, **options):
    status, answer = post(f"{server.url}/v1/completions", {**GOOD, "seed": 3, **options})
    assert status == 200, answer
    return answer


def particle(text, prompt="the cat", **settings):
    """The tokens of the heaviest particle with a text, in a run of the library."""
    posterior = smc.sample(MODEL, prompt, **settings)
    places = [i for i, s in enumerate(posterior.sequences) if s.text == text]
    return posterior.sequences[max(places, key=lambda i: posterior.log_weights[i])].tokens


def best(prompt, tokens, top):
    (row,) = MODEL.start([[*MODEL.encode(prompt, 0), *tokens]], MODEL.vocabulary, 1).log_probs()
    return np.argsort(-row, kind="stable")[:top], row


def test_of_a_completion(server):
    """Under the model as it was trained, whatever the temperature; all tokens that were drawn."""
    answer = complete(server, max_tokens=80, temperature=0.5, logprobs=3, particles=4, stop=["e"])
    (choice,) = answer["choices"]
    told = choice["logprobs"]
    settings = {"num_particles": 4, "max_tokens": 80, "temperature": 0.5, "stop": ("e",)}
    tokens = particle(choice["text"], seed=3, **settings)
    assert sum(told["token_logprobs"]) == pytest.approx(
        smc.log_prob(MODEL, "the cat", tokens, ends=False), abs=1e-3
    )
    assert answer["usage"]["completion_tokens"] == len(tokens) == len(told["tokens"])
    for place, log_p in enumerate(told["token_logprobs"]):
        ids, row = best("the cat", tokens[:place], 3)
        assert log_p == pytest.approx(row[tokens[place]], abs=1e-4)
        named = sorted(told["top_logprobs"][place].values(), reverse=True)
        assert named[:3] == pytest.approx(row[ids].tolist(), abs=1e-4)
        assert len(named) == 3 + (tokens[place] not in ids)
    assert told["text_offset"][0] == 0 and told["text_offset"] == sorted(told["text_offset"])


def test_of_a_conversation(server):
    options = {"logprobs": True, "top_logprobs": 2, "max_tokens": 12, "seed": 5, "n": 2}
    extra = {"particles": 8, "guided_regex": "[a-c]{1,6}é?"}
    answer = server.client.chat.completions.create(**{**CHAT, **options}, extra_body=extra)
    for choice in answer.choices:
        content = choice.logprobs.content
        assert b"".join(bytes(t.bytes) for t in content).decode() == choice.message.content
        ids = [TOKENIZER.convert_tokens_to_ids(t.token) for t in content if t.token.isascii()]
        assert all(len(t.top_logprobs) == 2 and t.logprob <= 0 for t in content)
        if len(ids) == len(content):
            prompt = MODEL.encode(CHAT["messages"], 0)
            expected = smc.log_prob(MODEL, prompt, ids, ends=False)
            assert sum(t.logprob for t in content) == pytest.approx(expected, abs=1e-3)
    none = server.client.chat.completions.create(**CHAT)
    assert none.choices[0].logprobs is None
    alone = server.client.chat.completions.create(**CHAT, logprobs=True)
    assert all(t.top_logprobs == [] for t in alone.choices[0].logprobs.content)


def test_at_the_end_of_a_stream(server):
    options = {**CHAT, "logprobs": True, "top_logprobs": 1, "seed": 6, "max_tokens": 9}
    whole = server.client.chat.completions.create(**options).choices[0]
    *events, last = server.client.chat.completions.create(**options, stream=True)
    assert [e.choices[0].logprobs for e in events] == [None] * len(events)
    assert last.choices[0].logprobs.content == whole.logprobs.content != []


def test_an_echo_scores_the_prompt(server):
    """As harnesses of evaluations ask for the likelihood of a text: in token ids, many at once."""
    ids = [list(MODEL.encode(text, 0)) for text in ("the cat sat", "one two three four")]
    answer = complete(
        server, prompt=ids, echo=True, logprobs=1, max_tokens=1, temperature=0, seed=1234
    )
    for prompt, choice in zip(ids, answer["choices"], strict=True):
        told = choice["logprobs"]
        assert len(told["tokens"]) == len(prompt) + 1 == len(told["text_offset"])
        assert told["token_logprobs"][0] is told["top_logprobs"][0] is None
        expected = smc.log_prob(MODEL, prompt[:2], prompt[2:], ends=False)
        assert sum(told["token_logprobs"][2:-1]) == pytest.approx(expected, abs=1e-3)
        assert "".join(told["tokens"][:-1]) == TOKENIZER.decode(prompt)
        assert choice["text"].startswith(TOKENIZER.decode(prompt))
    said = complete(server, echo=True)["choices"][0]
    assert said["text"].startswith("the cat") and said["logprobs"] is None


def test_tokens_that_are_no_text_are_told_by_their_bytes(server):
    answer = complete(server, guided_regex="🙂", logprobs=2, max_tokens=9)
    told = answer["choices"][0]["logprobs"]
    assert any(name.startswith("bytes:\\xf0") for name in told["tokens"])
    assert all(isinstance(p, float) and math.isfinite(p) for p in told["token_logprobs"])
    assert json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"top_logprobs": 3}, "logprobs=true"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": 4}, "logprobs"),
    ],
    ids=str,
)
def test_what_cannot_be_told(server, change, said):
    with pytest.raises(openai.BadRequestError, match=said):
        server.client.chat.completions.create(**CHAT, extra_body=change)


def test_the_harness_s_own_client(server, tmp_path):
    """`lm_eval --model local-completions`: texts, and likelihoods of continuations."""
    lm_eval = pytest.importorskip("lm_eval")
    pytest.importorskip("tenacity", reason="needs lm-eval[api]")
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    TOKENIZER.save_pretrained(tmp_path)
    client = LocalCompletionsAPI(
        model="tiny",
        base_url=f"{server.url}/v1/completions",
        tokenizer=str(tmp_path),
        max_length=256,
    )
    make = lm_eval.api.instance.Instance
    asked = [("the cat", " sat"), ("one two", " three four"), ("def f(x", "):")]
    wanted = [make("loglikelihood", {}, arguments, i) for i, arguments in enumerate(asked)]
    for (context, text), (log_p, greedy) in zip(asked, client.loglikelihood(wanted), strict=True):
        whole = MODEL.encode(context + text, 0)
        size = len(MODEL.encode(context, 0))
        expected = smc.log_prob(MODEL, whole[:size], whole[size:], ends=False)
        assert log_p == pytest.approx(expected, abs=1e-3) and isinstance(greedy, bool)
    until = {"until": ["e"], "max_gen_toks": 8}
    texts = client.generate_until([make("generate_until", {}, ("the cat", until), 0)])
    assert len(texts) == 1 and "e" not in texts[0]
