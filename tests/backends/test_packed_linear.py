"""Linear layers that keep their weights laid out: the same numbers, and nothing stale."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import smc
from smc.backends.hf import packed_linear
from smc.backends.hf.packed_linear import PackedLinear, pack_linear_layers
from tests.models import saved_model

pytestmark = pytest.mark.skipif(
    not packed_linear._is_supported(), reason="the processor has no product of bfloat16"
)


def network(bias=True):
    torch.manual_seed(3)
    layers = torch.nn.Linear(48, 96, bias=bias), torch.nn.GELU(), torch.nn.Linear(96, 40)
    return torch.nn.Sequential(*layers).to(torch.bfloat16)


def packed(plain):
    other = copy.deepcopy(plain)
    assert pack_linear_layers(other) == 2
    return other


def layer(layers, index) -> torch.nn.Linear:
    found = layers[index]
    assert isinstance(found, torch.nn.Linear)
    return found


INPUTS = {
    "row": torch.randn(48),
    "rows": torch.randn(7, 48),
    "many rows": torch.randn(300, 48),
    "three dimensions": torch.randn(5, 3, 48),
    "no rows": torch.randn(0, 48),
    "transposed": torch.randn(3, 5, 48).transpose(0, 1),
    "every other column": torch.randn(4, 96)[:, ::2],
}


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("name", INPUTS)
def test_numbers_are_those_of_plain_layers(name, bias):
    plain = network(bias)
    x = INPUTS[name].to(torch.bfloat16)
    with torch.inference_mode():
        expected, got = plain(x), packed(plain)(x)
    assert got.shape == expected.shape
    torch.testing.assert_close(got, expected, rtol=0, atol=2**-7)


@torch.no_grad()
def test_a_changed_weight_is_laid_out_anew():
    layers, x = packed(network()), torch.ones(2, 48, dtype=torch.bfloat16)
    before = layers(x)
    layer(layers, 2).weight.mul_(2)
    layer(layers, 2).bias.mul_(2)
    torch.testing.assert_close(layers(x), 2 * before, rtol=0.02, atol=0.01)
    layer(layers, 2).weight = torch.nn.Parameter(torch.zeros_like(layer(layers, 2).weight))
    assert (layers(x) == layer(layers, 2).bias).all()
    layers.load_state_dict(network().state_dict())
    torch.testing.assert_close(layers(x), before)


@torch.no_grad()
@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_weights_of_their_own(again):
    layers, x = packed(network()), torch.ones(2, 48, dtype=torch.bfloat16)
    before = layers(x)
    other = again(layers)
    layer(other, 0).weight.zero_()
    layer(other, 0).bias.zero_()
    assert (other(x) == layer(other, 2).bias).all()
    assert (layers(x) == before).all()


def test_gradients_and_other_types_take_the_plain_product():
    layers, x = packed(network()), torch.ones(2, 48, dtype=torch.bfloat16)
    layers(x).sum().backward()
    gradient = layer(layers, 0).weight.grad
    assert gradient is not None and gradient.abs().sum() > 0
    with torch.inference_mode():
        layers(x)
        wide = layers.float()(x.float())
    assert wide.dtype == torch.float32
    torch.testing.assert_close(wide, network().float()(x.float()))


def test_no_more_memory_is_taken_than_half_of_what_is_free(monkeypatch):
    size = sum(m.weight.nbytes for m in network() if isinstance(m, torch.nn.Linear))
    monkeypatch.setattr(packed_linear, "_free_bytes", lambda: 2 * size - 2)
    assert pack_linear_layers(network()) == 0
    monkeypatch.setattr(packed_linear, "_free_bytes", lambda: 2 * size)
    assert pack_linear_layers(network()) == 2


def test_other_kinds_of_layers_stay(monkeypatch):
    class Own(torch.nn.Linear):
        pass

    layers = torch.nn.Sequential(Own(8, 8).to(torch.bfloat16), torch.nn.Linear(8, 8))
    assert pack_linear_layers(layers) == 0
    monkeypatch.setattr(packed_linear, "_is_supported", lambda: False)
    plain = network()
    assert pack_linear_layers(plain) == 0 and type(plain[0]) is torch.nn.Linear


def test_a_loaded_model_is_packed_saved_and_loaded_again(tmp_path):
    folder = str(saved_model(tmp_path / "llama"))
    model = smc.load(folder, device="cpu", dtype="bfloat16")
    kinds = [type(m) for m in model.model.modules() if isinstance(m, torch.nn.Linear)]
    assert kinds and set(kinds) == {PackedLinear}
    drawn = smc.sample(model, "the cat", num_particles=4, max_tokens=5, seed=0).sequences
    model.model.save_pretrained(tmp_path / "again")
    model.tokenizer.save_pretrained(tmp_path / "again")
    again = smc.load(str(tmp_path / "again"), device="cpu")
    assert again.model.dtype == torch.bfloat16
    assert smc.sample(again, "the cat", num_particles=4, max_tokens=5, seed=0).sequences == drawn
    alone = smc.load(folder, device="cpu")
    assert not any(isinstance(m, PackedLinear) for m in alone.model.modules())
