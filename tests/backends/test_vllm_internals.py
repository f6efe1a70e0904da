"""The adapter to vLLM's internals: what is missing is named, whole steps stand in for halves.

Over an engine made here, with the names of vLLM's and the weights of a table; needs no vLLM.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from smc.backends.hf.logits_transform import LogitsTransform, SamplingOptions
from smc.backends.vllm_local import internals
from smc.backends.vllm_local.decoding import VLLMDecoding
from smc.backends.vllm_local.engine import Engine
from smc.backends.vllm_local.mailbox import DrawMailbox
from smc.backends.vllm_local.processor import REQUEST
from smc.errors import ModelError
from smc.model import HOLD, DrawRequest
from tests.exact import MODEL

PROMPTS = [(0,), (1, 2)]
SIZE = len(MODEL.vocabulary)


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """The modules whose classes a request is made of, and a processor to load."""

    def parameters(**given):
        return SimpleNamespace(**given)

    for name in ("vllm", "vllm.v1"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sampling, core = ModuleType("vllm.sampling_params"), ModuleType("vllm.v1.engine")
    sampling.SamplingParams = parameters
    sampling.RequestOutputKind = SimpleNamespace(DELTA="delta")
    core.EngineCoreRequest = parameters
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", sampling)
    monkeypatch.setitem(sys.modules, "vllm.v1.engine", core)
    monkeypatch.setattr(internals, "_FIRST", object)
    monkeypatch.setattr(internals, "SWAP", "swap")


class Core:
    """A step: logits of all requests, the mailbox's draw, the greedy token of each."""

    def __init__(self, mailbox):
        self.mailbox = mailbox
        self.requests = {}
        self.scheduler = SimpleNamespace(
            schedule=lambda: SimpleNamespace(num_scheduled_tokens=dict.fromkeys(self.requests, 1)),
            update_from_output=self.update,
        )
        self.model_executor = SimpleNamespace(
            execute_model=lambda scheduled, non_block=False: SimpleNamespace(result=lambda: None),
            sample_tokens=self.sample,
        )

    def sample(self, _):
        rows = list(self.requests.values())
        with np.errstate(divide="ignore"):
            probs = np.log([MODEL.next_probs(tuple(row.ids)) for row in rows])
        numbers = [row.number for row in rows]
        logits = self.mailbox.answer(torch.from_numpy(probs.astype(np.float32)), numbers)
        return dict(zip(self.requests, logits.argmax(-1).tolist(), strict=True))

    def update(self, _, sampled):
        outs = []
        for request, token in sampled.items():
            self.requests[request].ids.append(token)
            outs.append(
                SimpleNamespace(
                    request_id=request,
                    new_token_ids=[token],
                    finish_reason=None,
                    prefill_stats=None,
                )
            )
        return {0: SimpleNamespace(outputs=outs)}


class Client:
    def __init__(self, mailbox):
        self.engine_core = Core(mailbox)

    def add_request(self, request):
        number = request.sampling_params.extra_args[REQUEST]
        row = SimpleNamespace(ids=list(request.prompt_token_ids), number=number)
        self.engine_core.requests[request.request_id] = row

    def abort_requests(self, requests):
        for request in requests:
            del self.engine_core.requests[request]

    def get_output(self):
        core = self.engine_core
        return core.update(None, core.sample(None))[0]

    def shutdown(self):
        pass


def llm_over(mailbox):
    config = SimpleNamespace(
        model_config=SimpleNamespace(max_model_len=100),
        scheduler_config=SimpleNamespace(max_num_seqs=50),
    )
    return SimpleNamespace(
        llm_engine=SimpleNamespace(engine_core=Client(mailbox), vllm_config=config)
    )


def without_sample(core):
    del core.model_executor.sample_tokens


def without_blocking(core):
    core.model_executor.execute_model = lambda scheduled: None


@pytest.mark.parametrize(
    ("lose", "name"),
    [
        (None, ""),
        (without_sample, "sample_tokens"),
        (without_blocking, r"execute_model\(non_block=\)"),
        (lambda core: delattr(core, "scheduler"), "scheduler.schedule.*update_from_output"),
    ],
    ids=["halves", "no second half", "no first half", "no scheduler"],
)
def test_steps_in_halves_and_whole_draw_what_the_table_draws(lose, name):
    mailbox = DrawMailbox()
    llm = llm_over(mailbox)
    if lose is not None:
        lose(llm.llm_engine.engine_core.engine_core)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine = Engine(llm, mailbox)
    assert len(caught) == (lose is not None)
    assert lose is None or re.search(name, str(caught[0].message))
    transform = LogitsTransform(SamplingOptions(), SIZE, np.zeros(0, np.int64))
    ours = VLLMDecoding(engine, transform, SIZE, PROMPTS)
    table = MODEL.start(PROMPTS, MODEL.vocabulary, 40)
    rng = np.random.default_rng(6)
    rows = 2
    for _ in range(12):
        request = DrawRequest(np.sort(rng.integers(0, rows, 5)), rng.random(5))
        mine, other = ours.draw(request), table.draw(request)
        np.testing.assert_array_equal(mine.tokens, other.tokens)
        np.testing.assert_allclose(mine.log_weights, other.log_weights, atol=1e-5)
        chosen = rng.integers(0, 5, 3)
        tokens = mine.tokens[chosen].copy()
        tokens[rng.random(3) < 0.3] = HOLD
        for decoding in (ours, table):
            decoding.advance(request.rows[chosen], tokens)
        rows = 3
    ours.close()
    assert engine.num_requests == 0


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("engine_core.get_output", "llm_engine.engine_core.get_output"),
        ("engine_core", "engine_core.add_request.*engine_core.abort_requests"),
        ("vllm_config.scheduler_config", "scheduler_config.max_num_seqs"),
    ],
)
def test_what_no_step_can_do_without_is_named(monkeypatch, path, name):
    llm = llm_over(DrawMailbox())
    *way, last = path.split(".")
    thing = llm.llm_engine
    for step in way:
        thing = getattr(thing, step)
    if isinstance(thing, Client):
        monkeypatch.delattr(Client, last)
    else:
        delattr(thing, last)
    with pytest.raises(ModelError, match=f"has no .*{name}.*backend='transformers'"):
        Engine(llm, DrawMailbox())


def test_a_release_without_processors_is_named(monkeypatch):
    monkeypatch.setattr(internals, "_FIRST", None)
    monkeypatch.setattr(internals, "_SECOND", None)
    with pytest.raises(ModelError, match="LogitsProcessor"):
        Engine(llm_over(DrawMailbox()), DrawMailbox())


def test_the_adapter_alone_imports_what_vllm_calls_internal():
    """Elsewhere: the class that is public, and where it runs."""
    root = Path(__file__).resolve().parents[2] / "smc"
    allowed = {"vllm.entrypoints.llm", "vllm.platforms"}
    for file in [*root.rglob("*.py")]:
        if file.name == "internals.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "vllm":
                assert node.module in allowed, file
