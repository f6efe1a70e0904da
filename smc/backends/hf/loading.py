"""The loading of Hugging Face models and tokenizers, and what may stand in its way."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from smc.backends.embedded import place_of
from smc.backends.hf.packed_linear import pack_linear_layers
from smc.errors import ModelError, SettingsError, first_line


def load_pretrained(
    name: str,
    *,
    device: str | None = None,
    dtype: str | torch.dtype = "auto",
    quantization: Any = None,
    attn_implementation: str | None = None,
    compile: bool = False,
    gguf_file: str | None = None,
    trust_remote_code: bool = False,
    revision: str | None = None,
) -> tuple[Any, Any]:
    """Return a model and its tokenizer; `smc.load` says what the arguments mean.

    Raises:
        ModelError: There is no such model, or it cannot be loaded; the device or dtype is not
            there.
        SettingsError: An unknown dtype or quantization.
    """
    import transformers

    from smc.backends.depth.registry import register

    register()
    where = place_of(name)
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    check_dtype(dtype)
    quantization = _quantization_config(quantization)
    _check_device(name, place)
    _check_dtype_on(name, place, dtype)
    path, gguf_file = _gguf(where, gguf_file)
    source: dict[str, Any] = {
        "trust_remote_code": trust_remote_code,
        "revision": revision or "main",
        **({"gguf_file": gguf_file} if gguf_file else {}),
    }
    wanted: dict[str, Any] = {"dtype": dtype}
    if place == "auto":
        wanted["device_map"] = "auto"
    if attn_implementation is not None:
        wanted["attn_implementation"] = attn_implementation
    if quantization is not None:  # such models are made where they stay
        wanted |= {"quantization_config": quantization, "device_map": place}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **source)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(path, **wanted, **source)
        if gguf_file:
            _begin_as_the_original(tokenizer, Path(path) / gguf_file)
        if place != "auto" and quantization is None:
            model.to(place)
    except Exception as error:  # torch without CUDA raises AssertionError, say
        raise ModelError(_cannot_load(name, place, error)) from error
    if quantization is None and pack_linear_layers(model):
        # It brings transformers, and with it Triton, which vLLM's processes set up before.
        from smc.backends.hf.joint_products import join_products

        join_products(model)
    if compile:
        from smc.backends.hf.compiled_step import compile_steps

        compile_steps(model)
    if where != name:  # a folder of the installation says less than the name that was asked for
        model.config.name_or_path = name
    return model, tokenizer


def check_dtype(dtype: str | torch.dtype) -> None:
    """Raise where no weights can be of a type.

    Raises:
        SettingsError: See above.
    """
    if dtype == "auto":
        return
    kind = _dtype_of(dtype)
    if kind is None or not kind.is_floating_point or kind.itemsize < 2:
        raise SettingsError(
            f"dtype: got {dtype!r}; expected 'auto', or the name of a type of floating point that "
            "products are computed in: 'bfloat16', 'float16', 'float32' or 'float64'. Smaller ones "
            "are a matter of quantization."
        )


def _dtype_of(dtype: str | torch.dtype) -> torch.dtype | None:
    kind = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    return kind if isinstance(kind, torch.dtype) else None


def _quantization_config(quantization: Any) -> Any:
    """Return a quantization config of transformers; a mapping is made one."""
    if quantization is None or hasattr(quantization, "quant_method"):
        return quantization
    if isinstance(quantization, Mapping):
        from transformers.quantizers.auto import AutoQuantizationConfig

        try:
            return AutoQuantizationConfig.from_dict(dict(quantization))
        except (ValueError, TypeError, ImportError) as error:
            raise SettingsError(
                f"quantization: transformers makes nothing of {quantization!r}: {error}"
            ) from error
    raise SettingsError(
        f"quantization: got {quantization!r}; expected a quantization config of transformers, as "
        "BitsAndBytesConfig(load_in_4bit=True), or a mapping with a `quant_method`. Names are "
        "vLLM's: backend='vllm'."
    )


def _check_device(name: str, device: str) -> None:
    if device == "auto":
        return
    try:
        kind = torch.device(device)
    except RuntimeError as error:
        raise ModelError(
            f"model {name!r}: no device is called {device!r}; expected 'cpu', 'cuda', 'cuda:1', "
            "'mps' or 'auto'."
        ) from error
    if kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count():
        raise ModelError(
            f"model {name!r}: device {device!r} is not there: torch {torch.__version__} sees "
            f"{torch.cuda.device_count()} GPUs. Use device='cpu', or install torch for CUDA."
        )
    try:
        torch.zeros(1, device=kind).tolist()
    except Exception as error:  # each kind of device has its own
        raise ModelError(
            f"model {name!r}: device {device!r} is not there, or keeps no values: "
            f"{first_line(error)}. Use device='cpu', or leave it out."
        ) from error


def _check_dtype_on(name: str, device: str, dtype: str | torch.dtype) -> None:
    """Try a product of the type on the device: some have no kernels for it."""
    kind = _dtype_of(dtype)
    if device == "auto" or kind is None:
        return
    try:
        one = torch.ones(1, 1, device=device, dtype=kind)
        (one @ one).tolist()
    except Exception as error:
        raise ModelError(
            f"model {name!r}: device {device!r} has no {str(kind).removeprefix('torch.')}: "
            f"{first_line(error)}. Leave dtype out, or take 'float32'."
        ) from error


def _gguf(name: str, gguf_file: str | None) -> tuple[str, str | None]:
    """The folder or repository, and the file in it; a path to a file is both.

    Raises:
        ModelError: The file cannot be read without a package that is not installed.
    """
    if gguf_file is None and name.endswith(".gguf"):
        name, gguf_file = str(Path(name).parent), Path(name).name
    if gguf_file is not None and find_spec("gguf") is None:
        raise ModelError(
            f"model {gguf_file!r}: transformers reads such files with the package gguf, which is "
            "not installed; it is the extra gguf: pip install 'smc-lm[gguf]'."
        )
    return name, gguf_file


def _begin_as_the_original(tokenizer: Any, file: Path) -> None:
    """Have texts begin with the token that the file says; the reader of transformers forgets it."""
    from gguf import GGUFReader  # pyright: ignore[reportMissingImports]
    from tokenizers.processors import TemplateProcessing

    if not file.exists() or tokenizer.bos_token_id is None:
        return
    fields = GGUFReader(file).fields
    field = fields.get("tokenizer.ggml.add_bos_token")
    model = fields.get("tokenizer.ggml.model")
    # Without a word on it, SentencePiece models begin so and byte-level ones do not.
    begins = bool(field.contents()) if field else bool(model) and model.contents() == "llama"
    has = tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    if begins and not has:
        bos = tokenizer.bos_token
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.bos_token_id)]
        )


def _cannot_load(name: str, device: str, error: Exception) -> str:
    return (
        f"model {name!r}: cannot be loaded on {device}: {first_line(error)}. "
        "Expected a folder with config.json, weights and tokenizer, a .gguf file, or a model's "
        "name on the Hub. Check the spelling; without a network, download it elsewhere, pass the "
        "folder, and set HF_HUB_OFFLINE=1."
    )
