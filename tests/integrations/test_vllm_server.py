"""A stock vLLM server with our processor, over HTTP: the weights are those of a model at hand."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip("vllm", reason="vLLM is not installed: make test-vllm")

import smc
from potentials import Grammar, Regex
from potentials.boundaries import every
from potentials.molecule import SMILESValidity, smiles_grammar
from smc.backends.vllm_http.fields import Fields
from smc.backends.vllm_remote import RemoteVLLM
from smc.errors import EndpointError
from smc.model import unpack_mask
from tests.integrations.test_readme import blocks
from tests.integrations.vllm_serving import ROOT, vllm_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
MODEL = ROOT / "domains" / "gdb17" / "model"
PROMPT = "Molecule: CCO\nMolecule: CC=O\nMolecule:"
MAX_TOKENS = 12


@pytest.fixture(scope="module", params=["first runner", "second runner"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    work = tmp_path_factory.mktemp("server")
    with vllm_server(MODEL, work, second_runner=request.param == "second runner") as found:
        yield found


@pytest.fixture(scope="module")
def local() -> Any:
    return smc.load(str(MODEL), dtype="float32")


class Carbons(smc.Potential):
    """Soft, so that weights part."""

    def prefix(self, text: str) -> float:
        return 1.5 * text.count("C")

    def complete(self, text: str) -> float:
        return self.prefix(text)


def log_weight(local: Any, tokens: tuple[int, ...], grammar: Any) -> float:
    """The sum of the increments of a text under the local model, all of them looked at in full."""
    vocabulary = local.vocabulary.ending_with(["\n"])
    decoding = local.start([PROMPT], vocabulary, MAX_TOKENS)
    bound = grammar.bind(vocabulary)
    state, total = bound.start(), 0.0
    for place, token in enumerate(tokens):
        mask = unpack_mask(bound.token_scores([state]).mask, len(vocabulary))[0]
        if place + 1 == MAX_TOKENS:
            mask &= unpack_mask(vocabulary.eos_mask[None], len(vocabulary))[0]
        assert mask[token]
        total += np.log(np.exp(decoding.log_probs()[0][mask]).sum())
        if token not in vocabulary.eos_set:
            state = bound.advance(state, vocabulary.tokens[token])
            decoding.advance(np.array([0]), np.array([token]))
    return total


def test_weights_are_those_of_the_model_at_hand(url: str, local: Any) -> None:
    source = smiles_grammar()
    server = RemoteVLLM("served", url, str(MODEL), constraint=("grammar", source), segment=5)
    posterior = smc.sample(
        server,
        PROMPT,
        num_particles=6,
        max_tokens=MAX_TOKENS,
        at_max_tokens="end",
        stop=("\n",),
        seed=2,
        ess_threshold=0.0,
    )
    weighted = [
        (sequence, weight)
        for sequence, weight in zip(posterior.sequences, posterior.log_weights, strict=True)
        if weight > -np.inf
    ]
    assert len(weighted) >= 2
    for sequence, weight in weighted:
        expected = log_weight(local, sequence.tokens, Grammar(source))
        assert weight == pytest.approx(expected, abs=2e-4)


def test_a_whole_run_with_potentials_here_and_resampling_by_segments(url: str) -> None:
    server = RemoteVLLM("served", url, str(MODEL), constraint=("grammar", smiles_grammar()))
    arguments: dict[str, Any] = {
        "num_particles": 8,
        "max_tokens": MAX_TOKENS,
        "stop": ("\n",),
        "resample_at": every(4),
        "ess_threshold": 0.95,
        "seed": 5,
    }
    posterior = smc.sample(server, PROMPT, [SMILESValidity(), Carbons()], **arguments)
    assert posterior.status is smc.Status.COMPLETE
    assert any(step.resampled for step in posterior.history)
    for text in posterior.probabilities():
        assert SMILESValidity().complete(text) == 0.0
    again = smc.sample(server, PROMPT, [SMILESValidity(), Carbons()], **arguments)
    assert again.log_evidence == pytest.approx(posterior.log_evidence, abs=1e-3)


def test_evidence_is_that_of_a_run_at_hand(url: str, local: Any) -> None:
    """The mean of Ẑ over runs on both sides; z = 4 of its standard error, seeds fixed before."""
    pattern = " (C|N|O|=|1){2,6}"
    server = RemoteVLLM("served", url, str(MODEL), constraint=("regex", pattern), segment=4)

    def evidences(model: Any, potentials: list[Any], runs: int) -> np.ndarray:
        found = smc.sample_batch(
            model,
            [PROMPT] * runs,
            [potentials] * runs,
            num_particles=4,
            max_tokens=8,
            stop=("\n",),
            seeds=list(range(runs)),
        )
        return np.exp([posterior.log_evidence for posterior in found])

    remote, here = evidences(server, [], 12), evidences(local, [Regex(pattern)], 200)
    error = np.sqrt(remote.var(ddof=1) / len(remote) + here.var(ddof=1) / len(here))
    assert abs(remote.mean() - here.mean()) < 4 * error
    assert 0 < remote.mean() < 1


def test_a_dead_end_and_ordinary_requests_in_the_same_batch(url: str) -> None:
    """A pattern of which the last slot can hold no end; requests without our fields meanwhile."""

    def ordinary(_: int) -> str:
        body = {"model": "served", "prompt": PROMPT, "max_tokens": 8, "temperature": 0}
        return post(url, body)["choices"][0]["text"]

    (alone,) = {ordinary(0)}
    with ThreadPoolExecutor(4) as pool:
        texts = pool.map(ordinary, range(8))
        server = RemoteVLLM("served", url, str(MODEL), constraint=("regex", " C{20,}"))
        posterior = smc.sample(
            server, PROMPT, num_particles=4, max_tokens=6, stop=("\n",), seed=0, ess_threshold=0.0
        )
    assert posterior.status is smc.Status.EXTINCT
    assert set(texts) == {alone}


def test_requests_with_one_seed_at_the_same_time_are_answered_as_alone(url: str) -> None:
    """Clients that know nothing of each other may draw with one seed, under other constraints.

    They start one after the other, so that each is at another place of its text.
    """
    eos = smc.load(str(MODEL)).vocabulary.ending_with(["\n"]).eos_ids

    def ask(regex: str) -> Any:
        fields = Fields(seed=11, prompt=4, text=(), max_tokens=40, eos=tuple(eos), regex=regex)
        body = {
            "model": "served",
            "prompt": [5, 6, 7, 8],
            "max_tokens": 24,
            "temperature": 0,
            "logprobs": 0,
            "return_token_ids": True,
            "stop_token_ids": list(fields.eos),
            "vllm_xargs": fields.to_request(),
        }
        (choice,) = post(url, body)["choices"]
        return choice["token_ids"], choice["logprobs"]["token_logprobs"]

    patterns = [" (CO){30}", " (NC){30}", " (OC|CN){30}", " (C[NO]C){20}"]
    alone = [ask(pattern) for pattern in patterns]
    with ThreadPoolExecutor(len(patterns)) as pool:
        waiting = []
        for pattern in patterns:
            waiting.append(pool.submit(ask, pattern))
            time.sleep(0.03)
        together = [found.result() for found in waiting]
    for (tokens, values), (others, others_values) in zip(alone, together, strict=True):
        assert tokens == others
        assert values == pytest.approx(others_values, abs=1e-4)


def test_what_cannot_be_served_is_refused_with_a_message(url: str) -> None:
    good = Fields(seed=1, prompt=4, text=(), max_tokens=4, eos=(0,))
    body = {"model": "served", "prompt": [5, 6, 7, 8], "max_tokens": 2, "temperature": 0}
    told = {**body, "logprobs": 0}
    for request, message in (
        ({**told, "vllm_xargs": {**good.to_request(), "smc_sead": 1}}, "unknown"),
        ({**told, "vllm_xargs": {**good.to_request(), "smc_regex": "(("}}, "regex"),
        ({**told, "vllm_xargs": {**good.to_request(), "smc_grammar": "start: x"}}, "grammar"),
        ({**told, "vllm_xargs": good.to_request(), "temperature": 1.0}, "temperature 0"),
        ({**body, "vllm_xargs": good.to_request()}, "logprobs"),
        ({**told, "vllm_xargs": good.to_request(), "n": 2}, "n must be 1"),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(url, request)
        assert refused.value.code == 400
        assert message in refused.value.read().decode()
    with pytest.raises(EndpointError, match="404"):
        smc.sample(RemoteVLLM("absent", url, str(MODEL)), PROMPT, num_particles=2, max_tokens=2)


def test_the_example_in_the_readme(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = blocks("A vLLM server", "python")
    monkeypatch.chdir(ROOT)
    for written, here in (("http://localhost:8001/v1", url), ('"molecules"', '"served"')):
        assert written in block
        block = block.replace(written, here)
    exec(compile(block, "README.md", "exec"), {})
    assert SMILESValidity().complete(capsys.readouterr().out.rpartition(" ")[0]) == 0.0


@pytest.mark.parametrize("needed", ["SegmentProcessor", "processed_logits"])
def test_the_command_in_the_readme_is_that_of_the_tests(needed: str) -> None:
    (command,) = blocks("A vLLM server", "bash")
    assert needed in command
    ours = inspect.getsource(vllm_server)
    flags = re.findall(r"--[a-z-]+", command)
    assert flags and all(flag in ours for flag in flags)


def test_the_example_of_vllm_in_this_process_runs() -> None:
    (block,) = blocks("vLLM in this process", "python")
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"-\d+\.\d+ 0\.\d+$", done.stdout.strip())


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{url}/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)
