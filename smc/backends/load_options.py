"""What a model is loaded with: declared once, for Python, command lines, benchmarks and the server.

`smc.load` says what each option means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from smc.errors import SettingsError

if TYPE_CHECKING:
    import torch

Backend = Literal["transformers", "vllm"]
BACKENDS: tuple[Backend, ...] = ("transformers", "vllm")


class CommonOptions(TypedDict, total=False):
    """Of every backend."""

    dtype: str | torch.dtype | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    eos_ids: Sequence[int] | None
    quantization: Any
    trust_remote_code: bool | None
    revision: str | None


class TransformersOptions(CommonOptions, total=False):
    """Of models of Hugging Face transformers."""

    device: str | None
    attn_implementation: str | None
    compile: bool | None
    gguf_file: str | None
    depth: int | None


class VLLMOptions(CommonOptions, total=False):
    """Of engines of vLLM."""

    tensor_parallel_size: int | None
    engine_args: Mapping[str, Any] | None


class LoadOptions(TransformersOptions, VLLMOptions, total=False):
    """Of whichever backend `backend` names."""

    backend: Backend


_KNOWN: Mapping[Backend, frozenset[str]] = {
    "transformers": frozenset(TransformersOptions.__annotations__),
    "vllm": frozenset(VLLMOptions.__annotations__),
}
_SAMPLING = frozenset({"temperature", "top_p", "top_k", "eos_ids"})


def split(
    backend: str, options: CommonOptions | LoadOptions
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options that were given of the distribution, and those of the loading.

    Args:
        backend: Which they are for.
        options: A None is as good as an option left out.

    Raises:
        SettingsError: There is no such backend, or it would ignore one of them.
        TypeError: There is no such option.
    """
    known = _KNOWN.get(backend)  # pyright: ignore[reportArgumentType, reportCallIssue]
    if known is None:
        raise SettingsError(f"backend: got {backend!r}; expected 'transformers' or 'vllm'.")
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name in known:
            continue
        if any(name in others for others in _KNOWN.values()):
            raise SettingsError(
                f"{name}: got {value!r}, which the backend {backend!r} does not take. Leave it "
                "out, or name the other backend."
            )
        raise TypeError(f"load() got an unexpected keyword argument {name!r}")
    sampling = {name: value for name, value in given.items() if name in _SAMPLING}
    return sampling, {n: v for n, v in given.items() if n not in _SAMPLING}
