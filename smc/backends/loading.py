"""The one door to every backend: a model by its name or folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from smc.errors import SettingsError

if TYPE_CHECKING:
    import torch

    from smc.backends.transformers import TransformersModel
    from smc.backends.vllm import VLLMModel

_TRANSFORMERS_ALONE = ("device", "attn_implementation", "gguf_file")
_VLLM_ALONE = ("tensor_parallel_size", "engine_args")


@overload
def load(
    name: str,
    *,
    backend: Literal["transformers"] = "transformers",
    device: str | None = None,
    dtype: str | torch.dtype = "auto",
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    eos_ids: Sequence[int] | None = None,
    quantization: Any = None,
    attn_implementation: str | None = None,
    gguf_file: str | None = None,
    trust_remote_code: bool = False,
    revision: str | None = None,
) -> TransformersModel: ...


@overload
def load(
    name: str,
    *,
    backend: Literal["vllm"],
    dtype: str | torch.dtype = "auto",
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    eos_ids: Sequence[int] | None = None,
    quantization: Any = None,
    tensor_parallel_size: int | None = None,
    engine_args: Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
    revision: str | None = None,
) -> VLLMModel: ...


def load(
    name: str,
    *,
    backend: Literal["transformers", "vllm"] = "transformers",
    device: str | None = None,
    dtype: str | torch.dtype = "auto",
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    eos_ids: Sequence[int] | None = None,
    quantization: Any = None,
    attn_implementation: str | None = None,
    gguf_file: str | None = None,
    tensor_parallel_size: int | None = None,
    engine_args: Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
    revision: str | None = None,
) -> TransformersModel | VLLMModel:
    """Load a causal language model.

    Args:
        name: Of a Hub repository, a local folder, or (transformers) a `.gguf` file.
        backend: `"transformers"`, or `"vllm"` for an engine of vLLM in this process.
        device: Of transformers: `"cuda"`, `"cpu"`, …; `"auto"` spreads the layers. By default the
            GPU where there is one. vLLM's is the one that it was installed for.
        dtype: `"auto"` (the checkpoint's), `"bfloat16"`, `torch.float32`, ….
        temperature: > 0; like top_p and top_k part of the model, and so of the target.
        top_p: In (0, 1]; 1 keeps all tokens.
        top_k: 0 keeps all tokens.
        eos_ids: Ids that end a sequence, in place of those that model and tokenizer name.
        quantization: Of transformers one of its quantization configs, of vLLM the name of one of
            its methods.
        attn_implementation: Of transformers: `"sdpa"`, `"eager"`, ….
        gguf_file: Of transformers: a file in the repository or folder, to be dequantised.
        tensor_parallel_size: Of vLLM: over how many devices each layer is spread; 1 by default.
        engine_args: Of vLLM: further arguments of its engine.
        trust_remote_code: Whether to run code that comes with the model.
        revision: Branch, tag or commit of the repository.

    Raises:
        ModelError: There is no such model, it cannot be loaded, or the device is not there.
        SettingsError: An argument is out of its range, or not one of this backend.
    """
    given = {
        "device": device,
        "attn_implementation": attn_implementation,
        "gguf_file": gguf_file,
        "tensor_parallel_size": tensor_parallel_size,
        "engine_args": engine_args,
    }
    if backend == "transformers":
        from smc.backends.transformers import TransformersModel

        _refuse(given, _VLLM_ALONE, backend)
        return TransformersModel.load(
            name,
            device=device,
            dtype=dtype,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            eos_ids=eos_ids,
            quantization=quantization,
            attn_implementation=attn_implementation,
            gguf_file=gguf_file,
            trust_remote_code=trust_remote_code,
            revision=revision,
        )
    if backend == "vllm":
        from smc.backends.vllm import VLLMModel

        _refuse(given, _TRANSFORMERS_ALONE, backend)
        return VLLMModel.load(
            name,
            tensor_parallel_size=tensor_parallel_size or 1,
            dtype=str(dtype).removeprefix("torch."),
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            eos_ids=eos_ids,
            trust_remote_code=trust_remote_code,
            revision=revision,
            engine_args={
                **(engine_args or {}),
                **({} if quantization is None else {"quantization": quantization}),
            },
        )
    raise SettingsError(f"backend: got {backend!r}; expected 'transformers' or 'vllm'.")


def _refuse(given: Mapping[str, Any], names: Sequence[str], backend: str) -> None:
    """Raise where an argument was given that a backend would ignore."""
    for name in names:
        if given[name] is not None:
            raise SettingsError(
                f"{name}: got {given[name]!r}, which the backend {backend!r} does not take. Leave "
                "it out, or name the other backend."
            )
