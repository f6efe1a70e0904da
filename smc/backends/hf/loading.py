"""The loading of Hugging Face models and tokenizers, and what may stand in its way."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from smc.errors import ModelError, SettingsError


def load_pretrained(
    name: str,
    *,
    device: str | None,
    dtype: str | torch.dtype,
    quantization: Any,
    attn_implementation: str | None,
    gguf_file: str | None,
    trust_remote_code: bool,
    revision: str | None,
) -> tuple[Any, Any]:
    """Return a model and its tokenizer; the arguments are those of `TransformersModel.load`.

    Raises:
        ModelError: There is no such model, or it cannot be loaded; the device is not there.
        SettingsError: An unknown dtype or quantization.
    """
    import transformers

    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    _check_dtype(dtype)
    _check_quantization(quantization)
    _check_device(name, place)
    path, gguf_file = _gguf(name, gguf_file)
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
    return model, tokenizer


def _check_dtype(dtype: str | torch.dtype) -> None:
    known = isinstance(dtype, torch.dtype) or dtype == "auto"
    if known or isinstance(getattr(torch, str(dtype), None), torch.dtype):
        return
    raise SettingsError(
        f"dtype: got {dtype!r}; expected 'auto', a torch.dtype or the name of one: 'bfloat16', …"
    )


def _check_quantization(quantization: Any) -> None:
    if quantization is not None and not hasattr(quantization, "quant_method"):
        raise SettingsError(
            f"quantization: got {quantization!r}; expected a quantization config of transformers, "
            "as BitsAndBytesConfig(load_in_4bit=True). Names are vLLM's: backend='vllm'."
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
            "not installed: pip install gguf."
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
    reason = str(error).strip().splitlines()
    return (
        f"model {name!r}: cannot be loaded on {device}: {reason[0] if reason else error!r}. "
        "Expected a folder with config.json, weights and tokenizer, a .gguf file, or a model's "
        "name on the Hub. Check the spelling; without a network, download it elsewhere, pass the "
        "folder, and set HF_HUB_OFFLINE=1."
    )
