"""What the server remembers and gives back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import smc
from smc.errors import PromptError
from smc.integrations.server import memory
from tests.integrations.server.conftest import served
from tests.models import byte_level_tokenizer, tiny_model


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
