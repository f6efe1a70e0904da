"""The growing layer of the cache against the layer that it stands for, method by method."""

import inspect

import numpy as np
import pytest
import torch
from transformers.cache_utils import CacheLayerMixin, DynamicLayer

from smc.backends.hf.cache import GrowingLayer, new_cache, reorder
from smc.backends.hf.internals import cache_argument
from smc.backends.transformers import TransformersModel
from smc.model import HOLD
from tests.models import byte_level_tokenizer, tiny_model

TRUE_OF_ANY_LAYER = {"get_mask_sizes", "get_max_length", "get_max_cache_shape"}
"""Inherited methods that ask `get_seq_length`, or nothing."""


def filled(kind, steps=(3, 1, 1), rows=4):
    torch.manual_seed(0)
    layer = kind()
    for columns in steps:
        layer.update(torch.randn(rows, 2, columns, 5), torch.randn(rows, 2, columns, 5))
    return layer


def assert_same(ours, theirs):
    """Now and after one more column: what `update` returns is what attention sees."""
    assert ours.get_seq_length() == theirs.get_seq_length()
    rows = 4 if theirs.keys is None else len(theirs.keys)
    column = torch.randn(rows, 2, 1, 5)
    for mine, other in zip(
        ours.update(column, -column), theirs.update(column, -column), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("crop", (-2,)),
        ("crop", (0,)),
        ("crop", (-5,)),
        ("reorder_cache", (torch.tensor([2, 2, 0, 1, 3, 3]),)),
        ("reorder_cache", (torch.tensor([1]),)),
        ("batch_select_indices", (torch.tensor([3, 0]),)),
        ("batch_repeat_interleave", (3,)),
        ("reset", ()),
    ],
    ids=str,
)
def test_what_a_network_may_call_does_what_it_does_elsewhere(method, argument):
    ours, theirs = filled(GrowingLayer), filled(DynamicLayer)
    for layer in (ours, theirs):
        getattr(layer, method)(*argument)
    assert_same(ours, theirs)


def test_no_method_is_inherited_that_would_miss_the_buffers():
    """A release that adds one has it looked at here."""
    inherited = {
        name
        for kind in (CacheLayerMixin, DynamicLayer)
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert inherited - set(vars(GrowingLayer)) <= TRUE_OF_ANY_LAYER


def test_a_layer_that_stays_where_it_is_refuses_to_be_moved():
    for method in ("offload", "prefetch"):
        with pytest.raises(NotImplementedError, match="stays on its device"):
            getattr(filled(GrowingLayer), method)()


@pytest.mark.parametrize("name", ["past_key_values", "cache_params", "cache", "memory_of_keys"])
def test_a_cache_is_recognised_whatever_its_argument_is_called(name):
    """Releases rename it; a model that is then recomputed at each token would be a silent loss."""
    tokenizer = byte_level_tokenizer()
    network = tiny_model("llama", len(tokenizer))
    plain = network.forward
    own = cache_argument(inspect.signature(plain).parameters)
    parameter = inspect.signature(plain).parameters[own]

    def forward(**kwargs):
        if name in kwargs:
            kwargs[own] = kwargs.pop(name)
        return plain(**kwargs)

    others = [p for p in inspect.signature(plain).parameters.values() if p.name != own]
    renamed = parameter.replace(name=name, kind=inspect.Parameter.KEYWORD_ONLY)
    keywords = [
        p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in others if p.kind != p.VAR_KEYWORD
    ]
    forward.__signature__ = inspect.Signature([*keywords, renamed])
    network.forward = forward
    model = TransformersModel(network, tokenizer)
    decoding = model.start(["the cat"], model.vocabulary, 20)
    sizes = []
    network.forward = lambda **kwargs: sizes.append(kwargs["input_ids"].shape) or forward(**kwargs)
    decoding.advance(np.array([0, 0]), np.array([5, HOLD]))
    assert [tuple(size) for size in sizes] == [(2, 1)]


def test_reorders_of_a_cache_without_columns_do_nothing():
    cache = new_cache(tiny_model("llama", 320).config)
    reorder(cache, np.array([0, 0]), torch.device("cpu"))
    assert cache.get_seq_length() == 0
