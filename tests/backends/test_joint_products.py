"""Linear layers with one input as one product: the same numbers, whoever calls them how."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import smc
from smc.backends.hf import packed_linear
from smc.backends.hf.joint_products import join_products
from smc.backends.hf.packed_linear import PackedLinear, pack_linear_layers
from tests.models import saved_model, tiny_model

pytestmark = pytest.mark.skipif(
    not packed_linear._is_supported(), reason="the processor has no product of bfloat16"
)
IDS = torch.tensor([[5, 9, 2, 7], [3, 3, 8, 1]])


def packed(family, **changes):
    network = tiny_model(family, 320, **changes).to(torch.bfloat16).eval()
    assert pack_linear_layers(network)
    return network


def logits(network, ids=IDS):
    with torch.inference_mode():
        return network(input_ids=ids, use_cache=False).logits


def leaders(network):
    return [m for m in network.modules() if getattr(m, "_followers", ())]


def names(network, layers):
    found = {m: name.rsplit(".", 1)[-1] for name, m in network.named_modules()}
    return [found[layer] for layer in layers]


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_queries_keys_and_values_and_gates_are_one_product_each(family):
    network = packed(family)
    before = logits(network)
    assert join_products(network) == 2 * 5
    groups = [names(network, (m, *m._followers)) for m in leaders(network)]
    assert groups == 2 * [["q_proj", "k_proj", "v_proj"], ["gate_proj", "up_proj"]]
    torch.testing.assert_close(logits(network), before, rtol=0, atol=2**-6 * before.abs().max())
    apart = sum(m._laid_out is not None for m in network.modules() if isinstance(m, PackedLinear))
    assert apart == 2 * 4 + 1  # q with k and v, o, gate with up, down; and the head


def test_a_network_without_such_layers_stays_as_it_is(caplog):
    network = packed("gpt2")
    assert join_products(network) == 0 and not leaders(network)
    assert not caplog.text


def layers_of_one_input(count=3, bias=True):
    torch.manual_seed(4)
    plain = [
        torch.nn.Linear(48, 32 * (i + 1), bias=bias, dtype=torch.bfloat16) for i in range(count)
    ]
    layers: list[PackedLinear] = []
    for layer in copy.deepcopy(plain):
        assert pack_linear_layers(layer) == 1 and isinstance(layer, PackedLinear)
        layers.append(layer)
    layers[0].lead(layers[1:])
    return layers, plain


@torch.inference_mode()
def check(layers, plain, x):
    for layer, other in zip(layers, plain, strict=True):
        torch.testing.assert_close(layer(x), other(x), rtol=0, atol=2**-6)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("shape", [(48,), (7, 48), (5, 3, 48), (0, 48)], ids=str)
def test_numbers_are_those_of_plain_layers(bias, shape):
    layers, plain = layers_of_one_input(bias=bias)
    check(layers, plain, torch.randn(shape).to(torch.bfloat16))


@torch.inference_mode()
def test_a_layer_that_is_called_out_of_turn_computes_its_own():
    (first, second, third), plain = layers_of_one_input()
    x, y = torch.randn(2, 4, 48).to(torch.bfloat16)
    first(x)
    first(y)  # as another thread may, in between
    for layer, other in ((second, plain[1]), (third, plain[2])):
        torch.testing.assert_close(layer(x), other(x), rtol=0, atol=2**-6)
        torch.testing.assert_close(layer(y), other(y), rtol=0, atol=2**-6)
        torch.testing.assert_close(layer(y), other(y), rtol=0, atol=2**-6)
    assert second._ready is third._ready is None, "what was taken or refused is let go"


@torch.no_grad()
def test_a_changed_weight_of_any_is_laid_out_anew():
    layers, plain = layers_of_one_input()
    x = torch.randn(4, 48).to(torch.bfloat16)
    for i in range(3):
        check(layers, plain, x)
        for layer in (layers[i], plain[i]):
            layer.weight.mul_(2)
            layer.bias.add_(1)
        check(layers, plain, x)


@torch.no_grad()
def test_layers_that_no_longer_go_together_part():
    layers, plain = layers_of_one_input()
    x = torch.randn(4, 48).to(torch.bfloat16)
    check(layers, plain, x)
    for layer in (layers[1], plain[1]):
        layer.register_parameter("bias", None)
    check(layers, plain, x)
    assert not layers[0]._followers
    layers, plain = layers_of_one_input()
    for layer in (layers[2], plain[2]):
        layer.float()
    check(layers[:2], plain[:2], x)
    torch.testing.assert_close(layers[2](x.float()), plain[2](x.float()))


@torch.no_grad()
@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_weights_of_their_own(again):
    layers, plain = layers_of_one_input()
    x = torch.randn(4, 48).to(torch.bfloat16)
    check(layers, plain, x)
    other = again(layers)
    for layer in other:
        layer.weight.zero_()
        layer.bias.zero_()
    assert not any(layer(x).any() for layer in other)
    check(layers, plain, x)


def test_a_network_that_writes_into_what_it_hands_on_stays_apart(caplog, monkeypatch):
    """The second layer's input is the first's by name only."""
    network = packed("llama")
    attention = type(network.model.layers[0].self_attn)
    original = attention.forward

    def forward(self, hidden_states, *args, **kwargs):
        value = self.v_proj

        def written(x):
            x.data.add_(1)  # a tensor of inference does not tell
            return type(value).forward(value, x)

        monkeypatch.setattr(value, "forward", written, raising=False)
        return original(self, hidden_states, *args, **kwargs)

    monkeypatch.setattr(attention, "forward", forward)
    before = logits(network)
    assert join_products(network) == 0 and not leaders(network)
    assert "cannot be computed together" in caplog.text
    assert (logits(network) == before).all()


def test_a_network_that_cannot_be_asked_stays_as_it_is(caplog, monkeypatch):
    network = packed("llama")
    before = logits(network)

    def refuse(*args, **kwargs):
        raise RuntimeError("not today")

    with monkeypatch.context() as patch:
        patch.setattr(type(network), "forward", refuse)
        assert join_products(network) == 0
    assert "cannot be computed together" in caplog.text
    assert (logits(network) == before).all()


def test_adapters_and_hooks_are_heeded():
    network = packed("llama")
    join_products(network)
    plain = logits(network)
    value = network.model.layers[0].self_attn.v_proj
    handle = value.register_forward_hook(lambda layer, inputs, out: 0 * out)
    watched = logits(network)
    handle.remove()
    assert not torch.equal(watched, plain)
    assert torch.equal(logits(network), plain)
    network.model.layers[0].self_attn.v_proj = torch.nn.Sequential(value, torch.nn.Identity())
    assert torch.equal(logits(network), plain), "wrapped, as adapters wrap"


def test_a_loaded_model_has_them(tmp_path):
    folder = str(saved_model(tmp_path / "llama"))
    assert leaders(smc.load(folder, device="cpu", dtype="bfloat16").model)
    assert not leaders(smc.load(folder, device="cpu").model)
