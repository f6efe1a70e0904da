"""Recurrent depth: its equations, its depths, its cache, its training, the published format."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import smc
from smc.backends.depth import recurrent as module
from smc.backends.depth.configs import RecurrentDepthConfig
from smc.backends.depth.recurrent import RecurrentDepth, draw_iterations
from smc.errors import ModelError, SettingsError
from tests.backends.depth_models import by_hand, ids_of, inner_thinking, recurrent
from tests.models import byte_level_tokenizer

DEPTHS = (1, 2, 5, 9)


@pytest.mark.parametrize("depth", DEPTHS)
def test_logits_are_those_of_the_equations(depth):
    network = recurrent().with_depth(depth)
    weights = network.state_dict()
    with torch.no_grad():
        found = network(ids_of()).logits
        for row, ids in zip(found, ids_of(), strict=True):
            expected = by_hand(weights, network.config, ids, depth)
            torch.testing.assert_close(row, expected, atol=2e-4, rtol=0)
            other = by_hand(weights, network.config, ids, depth + 1)
            assert (row - other).abs().max() > 0.01


@pytest.mark.parametrize("make", [recurrent, inner_thinking])
@pytest.mark.parametrize("depth", DEPTHS)
def test_cached_equals_uncached_at_every_depth(make, depth):
    network, ids = make().with_depth(depth), ids_of()
    with torch.no_grad():
        expected = network(ids).logits
        out = network(ids[:, :4], use_cache=True)
        found = [out.logits]
        for t in range(4, ids.shape[1]):
            out = network(ids[:, t : t + 1], past_key_values=out.past_key_values, use_cache=True)
            found.append(out.logits)
    assert len(out.past_key_values.layers) == network.config.num_hidden_layers
    torch.testing.assert_close(torch.cat(found, 1), expected, atol=2e-4, rtol=0)


def test_first_states_depend_on_seed_and_position_alone():
    network, ids = recurrent(), ids_of()
    other = recurrent(state_seed=1)
    with torch.no_grad():
        assert torch.equal(network(ids).logits, network(ids).logits)
        alone = network(ids[:1, 3:], position_ids=torch.arange(3, 9)[None]).logits
        beside = network(ids[:, 3:], position_ids=torch.arange(3, 9).expand(2, -1)).logits
        assert (network(ids).logits - other(ids).logits).abs().max() > 0.01
    torch.testing.assert_close(alone, beside[:1], atol=1e-4, rtol=0)
    states = module.first_states(0, 400, 64)
    assert abs(float(states.std()) - 0.9866) < 0.02  # of a normal that is cut at three
    assert float(states.abs().max()) <= 3


@pytest.mark.parametrize("make", [recurrent, inner_thinking])
def test_a_depth_is_a_network_of_its_own_with_the_same_weights(make):
    network, ids = make(), ids_of()
    before, passes = network.depth, network.layer_passes
    deeper = network.with_depth(7)
    assert (network.depth, deeper.depth) == (before, 7)
    assert network.layer_passes == passes < deeper.layer_passes
    pairs = zip(network.parameters(), deeper.parameters(), strict=True)
    assert all(one is other for one, other in pairs)
    with torch.no_grad():
        assert (network(ids).logits - deeper(ids).logits).abs().max() > 0.01
        torch.testing.assert_close(deeper.with_depth(before)(ids).logits, network(ids).logits)
    for wrong in (0, -1, True, 2.0):
        with pytest.raises(SettingsError, match="whole number"):
            network.with_depth(wrong)


def test_layer_passes_are_counted():
    assert recurrent().with_depth(6).layer_passes == 1 + 6 * 2 + 2
    assert inner_thinking(ratio=0.5).with_depth(3).layer_passes == 4 + 2 * 0.5 * 2
    assert inner_thinking(routes=False).with_depth(3).layer_passes == 4 + 2 * 2


@pytest.mark.parametrize("mean", [8, 32])
def test_iterations_are_drawn_around_the_mean(mean):
    """One more than a Poisson of a log-normal rate: mean r̄ + 1, variance r̄ + r̄²(e^¼ − 1)."""
    generator = torch.Generator().manual_seed(20_271)
    drawn = np.array([sum(draw_iterations(mean, 8, generator)) for _ in range(4000)])
    deviation = math.sqrt(mean + mean**2 * math.expm1(0.25))
    assert abs(drawn.mean() - (mean + 1)) < 4 * deviation / math.sqrt(len(drawn))
    assert abs(drawn.std() / deviation - 1) < 0.1
    assert drawn.min() >= 1


def test_gradients_go_through_the_last_iterations_alone(monkeypatch):
    network = recurrent().train()
    monkeypatch.setattr(module, "draw_iterations", lambda mean, learned: (3, 2))
    states, core = [], network._iterate

    def noted(state, *arguments):
        states.append(core(state, *arguments))
        return states[-1]

    monkeypatch.setattr(network, "_iterate", noted)
    network(ids_of()).logits.square().mean().backward()
    assert [s.requires_grad for s in states] == [False, False, False, True, True]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def published(folder, **changes):
    """A random checkpoint laid out as huginn-0125: its keys, its names, its tables of angles."""
    config = {
        "architecture_class_name": "RecurrentGPT",
        "architectures": ["RavenForCausalLM"],
        "auto_map": {
            "AutoConfig": "raven_config_minimal.RavenConfig",
            "AutoModelForCausalLM": "raven_modeling_minimal.RavenForCausalLM",
        },
        "bias": False,
        "block_class_name": "SandwichBlock",
        "block_size": 64,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "effective_expected_depth": 9,
        "head_dim": 8,
        "init_orthogonal": False,
        "init_strategy": "takase",
        "init_values": {"embed_scale": 5.656854249492381, "embedding": 0.1, "std": 0.11180339887},
        "injection_type": "linear",
        "intermediate_size": 48,
        "mean_backprop_depth": 2,
        "mean_recurrence": 3,
        "mlp_class_name": "GatedMLP",
        "model_type": "huginn_raven",
        "n_embd": 32,
        "n_heads": 4,
        "n_layers": 5,
        "n_layers_in_coda": 2,
        "n_layers_in_prelude": 1,
        "n_layers_in_recurrent_block": 2,
        "nonlin_name": "SiLU",
        "norm_class_name": "RMSNorm_llama",
        "norm_eps": 1e-06,
        "num_key_value_heads": 4,
        "pad_token_id": 0,
        "padded_vocab_size": 320,
        "padding_multiple": 64,
        "qk_bias": True,
        "rope_base": 50000,
        "sampling_scheme": "poisson-lognormal-filling",
        "state_init": "like-init",
        "test_time_noise": 0,
        "test_time_noise_type": "fixed",
        "tie_embeddings": True,
        "torch_dtype": "float32",
        "vocab_size": 320,
    }
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    torch.manual_seed(3)
    norms = [f"norm_{k}" for k in range(1, 5)]
    weights = {
        "transformer.wte.weight": torch.randn(320, 32) * 0.3,
        "transformer.adapter.weight": torch.randn(32, 64) * 0.2,
        "transformer.ln_f.weight": 1 + 0.2 * torch.randn(32),
        "freqs_cis": torch.zeros(1, 64, 1, 4, 2),
    }
    for place in ("prelude.0", "core_block.0", "core_block.1", "coda.0", "coda.1"):
        shapes = {
            "attn.Wqkv.weight": (96, 32),
            "attn.proj.weight": (32, 32),
            "attn.qk_bias": (2, 1, 4, 8),
            "mlp.fc.weight": (96, 32),
            "mlp.proj.weight": (32, 48),
        }
        for name, shape in shapes.items():
            weights[f"transformer.{place}.{name}"] = torch.randn(*shape) * 0.2
        for name in norms:
            weights[f"transformer.{place}.{name}.weight"] = 1 + 0.2 * torch.randn(32)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    byte_level_tokenizer().save_pretrained(folder)
    return {**weights, "lm_head.weight": weights["transformer.wte.weight"]}


def test_the_published_format_loads(tmp_path):
    weights = published(tmp_path)
    model = smc.load(str(tmp_path), device="cpu")
    assert isinstance(model.model, RecurrentDepth)
    assert (model.model.depth, model.context, len(model.vocabulary)) == (3, 64, 320)
    ids = ids_of(1, 12)
    with torch.no_grad():
        found = model.model(ids).logits[0]
    expected = by_hand(weights, model.model.config, ids[0], 3)
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=0)
    posterior = smc.sample(model, "the cat", num_particles=3, max_tokens=5, seed=0)
    assert np.isfinite(posterior.log_evidence)


@pytest.mark.parametrize(
    "changes",
    [{"test_time_noise": 0.1}, {"injection_type": "add"}, {"nonlin_name": "GELU"}],
    ids=str,
)
def test_variants_that_would_be_read_wrongly_are_refused(tmp_path, changes):
    published(tmp_path, **changes)
    with pytest.raises(ModelError, match=next(iter(changes))):
        smc.load(str(tmp_path), device="cpu")


def test_what_is_saved_is_what_is_loaded(tmp_path):
    network = recurrent(vocab_size=320).with_depth(4)
    network.save_pretrained(tmp_path)
    byte_level_tokenizer().save_pretrained(tmp_path)
    loaded = smc.load(str(tmp_path), device="cpu", eos_ids=[0]).model
    assert loaded.depth == 4
    with torch.no_grad():
        assert torch.equal(loaded(ids_of()).logits, network(ids_of()).logits)


def test_shared_key_heads_need_no_bias():
    config = RecurrentDepthConfig(
        n_embd=32,
        n_heads=4,
        num_key_value_heads=2,
        qk_bias=False,
        intermediate_size=16,
        block_size=32,
        vocab_size=40,
        mean_recurrence=2,
    )
    torch.manual_seed(0)
    network = RecurrentDepth(config).eval()
    with torch.no_grad():
        out = network(ids_of()[:, :5], use_cache=True)
        rest = network(ids_of()[:, 5:], past_key_values=out.past_key_values, use_cache=True)
        expected = network(ids_of()).logits[:, 5:]
    torch.testing.assert_close(rest.logits, expected, atol=1e-4, rtol=0)
