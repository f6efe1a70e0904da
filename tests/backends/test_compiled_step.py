"""Compiled steps: the numbers of plain passes, one graph for any rows, and plain steps in need."""

from __future__ import annotations

import copy
import logging
import shutil

import numpy as np
import pytest
import torch

import smc
from smc.backends.hf import compiled_step, prefill
from smc.backends.hf.compiled_step import compile_steps, compiled_step_of
from smc.backends.hf.shared_attention import ATTENTION
from smc.backends.transformers import TransformersModel
from tests.backends.small_world import (
    CHANGES,
    PADDED,
    check_draws,
    check_unbiased,
    small_llama,
    tables_of,
)
from tests.backends.test_hf_shared_prefixes import PROMPTS, network_of
from tests.backends.test_transformers import assert_close, plain_log_probs, random_walk, start
from tests.models import byte_level_tokenizer, saved_model

pytestmark = pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs g++")


@pytest.fixture(autouse=True)
def short_prompts_share(monkeypatch):
    monkeypatch.setattr(prefill, "LEAST_SHARED", 8)


@pytest.fixture(scope="module")
def models():
    """Two families, their steps compiled once for all tests."""
    made = {}
    for family in ("llama", "qwen2"):
        network = network_of(family)
        compile_steps(network)
        made[family] = TransformersModel(network, byte_level_tokenizer())
    return made


def works(model):
    step = compiled_step_of(model.model)
    return step is not None and step.works


def walked(model, prompts=PROMPTS, seed=7, steps=8, hold=0.0):
    """The log-probabilities along a random walk, beside those of plain passes."""
    decoding, rows = start(model, prompts), list(prompts)
    for now in random_walk(np.random.default_rng(seed), decoding, rows, steps, hold):
        yield decoding.log_probs(), plain_log_probs(model, now)


@pytest.mark.parametrize(
    "family, prompts, hold",
    [("llama", PROMPTS[:1], 0.0), ("llama", PROMPTS, 0.3), ("qwen2", PROMPTS, 0.0)],
    ids=["one", "several_and_holds", "several"],
)
def test_any_walk_equals_plain_passes(models, family, prompts, hold):
    model = models[family]
    for computed, plain in walked(model, prompts, hold=hold):
        assert_close(computed, plain)
    assert works(model)


def test_rows_that_join_equal_plain_passes(models):
    model = models["llama"]
    decoding, other = start(model, PROMPTS[:2]), start(model, PROMPTS[1:2])
    decoding.advance(np.array([0, 1, 1]), np.array([5, 6, 7]))
    assert decoding.join(other)
    decoding.advance(np.array([3, 0, 2, 2]), np.array([9, 8, 7, 6]))
    first, second = PROMPTS[:2]
    rows = [(*second, 9), (*first, 5, 8), (*second, 7, 7), (*second, 7, 6)]
    assert_close(decoding.log_probs(), plain_log_probs(model, rows))


def test_one_graph_serves_any_number_of_rows(models):
    model = models["qwen2"]
    list(walked(model, steps=1))
    made = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for rows in (2, 3, 9, 40):
        decoding = start(model, [PROMPTS[0]] * rows)
        decoding.advance(np.arange(rows), np.full(rows, 5))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == made > 0


def test_unbiased_through_a_graph(monkeypatch):
    """The engine against enumeration, each prompt's tokens but the last being shared."""
    monkeypatch.setattr(prefill, "LEAST_SHARED", 1)
    network = small_llama()
    compile_steps(network)
    model = smc.TransformersModel(network, None, vocabulary=PADDED)
    check_unbiased(model, tables_of(network), CHANGES[1])
    check_draws(model, tables_of(network))
    assert works(model)


def test_a_loaded_model_in_bfloat16_computes_what_it_computes_plainly(tmp_path):
    """Products of laid-out weights are operations of the graph, those of one input are one."""
    folder = str(saved_model(tmp_path / "llama"))
    plain = smc.load(folder, device="cpu", dtype="bfloat16")
    compiled = smc.load(folder, device="cpu", dtype="bfloat16", compile=True)
    errors, spread = [], []
    for (ours, _), (theirs, _) in zip(walked(compiled), walked(plain), strict=True):
        finite = np.isfinite(theirs)
        errors.append((ours - theirs)[finite])
        spread.append(theirs[finite])
    assert works(compiled)
    assert np.sqrt(np.mean(np.concatenate(errors) ** 2)) < 0.05 * np.concatenate(spread).std()
    again = copy.deepcopy(compiled.model)  # has layers of its own, and no graph
    tokens = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        assert torch.equal(again(tokens).logits, compiled.model(tokens).logits)


def broken(network, change):
    """Have a network's graph do something before or after its work."""
    compile_steps(network)
    step = compiled_step_of(network)
    assert step is not None
    step._graph = change(step._graph)
    return TransformersModel(network, byte_level_tokenizer())


def no_compiler(graph):
    def raising(*arguments):
        raise RuntimeError("No working C++ compiler found.\nInstall one.")

    return raising


def half_a_pass(graph):
    def raising(*arguments):
        now = compiled_step._PASS.get()
        column = now.cache.layers[0].keys[:, :, -1:]
        now.cache.update(column, column, 0)
        raise RuntimeError("interrupted")

    return raising


def other_numbers(graph):
    return lambda *arguments: -graph(*arguments)


@pytest.mark.parametrize(
    "change, why",
    [
        (no_compiler, "RuntimeError: No working C++ compiler found."),
        (half_a_pass, "RuntimeError: interrupted"),
        (other_numbers, "it computes something else"),
    ],
)
def test_where_it_fails_steps_are_plain_and_the_log_says_so_once(change, why, caplog):
    model = broken(network_of("llama"), change)
    with caplog.at_level(logging.WARNING):
        for computed, plain in walked(model, hold=0.3):
            assert_close(computed, plain)
    (said,) = (r.getMessage() for r in caplog.records if "compiled" in r.getMessage())
    assert "LlamaForCausalLM" in said and why in said and "C++" in said
    assert not works(model)


def test_a_graph_that_fails_later_is_given_up():
    calls: list[int] = []

    def failing_later(graph):
        def called(*arguments):
            calls.append(1)
            if len(calls) > 3:
                raise RuntimeError("a limit")
            return graph(*arguments)

        return called

    model = broken(network_of("llama"), failing_later)
    for computed, plain in walked(model):
        assert_close(computed, plain)
    assert len(calls) == 4 and not works(model)


def test_a_network_that_shares_nothing_is_not_compiled():
    model = broken(network_of("recurrent"), no_compiler)
    for computed, plain in walked(model, prompts=((3, 4), (5, 6))):
        assert_close(computed, plain)
    step = compiled_step_of(model.model)
    assert step is not None and step.works is None


def test_another_attention_is_noticed(models):
    """A graph made anew for it would append nothing to the cache."""
    model = models["llama"]
    list(walked(model, steps=1))
    decoding = start(model, PROMPTS[:2])
    model.model.set_attn_implementation("sdpa")
    try:
        with pytest.raises(smc.ModelError, match="0 of 2 layers"):
            decoding.advance(np.array([0, 1]), np.array([5, 6]))
    finally:
        model.model.set_attn_implementation(ATTENTION)
