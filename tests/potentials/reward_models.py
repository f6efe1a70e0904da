"""Tiny random reward models of the published kinds, saved to folders as from the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.models import CORPUS, SIZES, byte_fallback_tokenizer, byte_level_tokenizer

CHAT = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
"""A chat template after which an answer's first token is foretold by a newline."""

TURNS = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
LARGE = {**SIZES, "max_position_embeddings": 512, "initializer_range": 0.3}


def chat_tokenizer(*marks: str) -> Any:
    """A byte-level tokenizer with a chat template and further special tokens."""
    tokenizer = byte_level_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": [*TURNS, *marks]})
    tokenizer.chat_template = CHAT
    return tokenizer


def math_shepherd(
    folder: Path, family: str = "mistral", *, pieces: bool = False, **changes: Any
) -> Path:
    """A causal Mistral and a tokenizer in which `ки`, ` +` and ` -` are single tokens.

    `pieces`: of SentencePiece's kind, which begins every text with a space of its own.
    """
    corpus = (*CORPUS, "one + two - three " * 9)
    tokenizer = byte_fallback_tokenizer(corpus) if pieces else byte_level_tokenizer(corpus)
    tokenizer.add_tokens(["ки"])
    return _causal(folder, family, tokenizer, **changes)


def rlhflow(folder: Path) -> Path:
    """A causal Llama with a chat template."""
    return _causal(folder, "llama", chat_tokenizer())


def skywork(folder: Path) -> Path:
    """A causal Qwen2 whose checkpoint also holds `v_head.summary`."""
    _causal(folder, "qwen2", byte_level_tokenizer())
    return _with_weights(folder, {"v_head.summary": (1, 32)})


def qwen(folder: Path) -> Path:
    """A Qwen2 without a language-model head, with `score.0` and `score.2`."""
    tokenizer = chat_tokenizer("<extra_0>")
    model = _causal_model("qwen2", len(tokenizer)).model
    model.save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    renamed = {f"model.{name}": w for name, w in weights.items()}
    save_file(renamed, folder / "model.safetensors", {"format": "pt"})
    tokenizer.save_pretrained(folder)
    return _with_weights(folder, {"score.0": (32, 32), "score.2": (2, 32)})


def classifier(folder: Path, labels: int = 1, family: str = "llama") -> Path:
    """A decoder for sequence classification."""
    tokenizer = chat_tokenizer()
    torch.manual_seed(5)
    kinds = {"llama": transformers.LlamaConfig, "qwen2": transformers.Qwen2Config}
    config = kinds[family](vocab_size=len(tokenizer), num_labels=labels, pad_token_id=0, **LARGE)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _causal_model(family: str, size: int, **changes: Any) -> Any:
    kinds = {
        "llama": transformers.LlamaConfig,
        "mistral": transformers.MistralConfig,
        "qwen2": transformers.Qwen2Config,
    }
    torch.manual_seed(3)
    sizes = {**LARGE, "sliding_window": 256} if family == "mistral" else LARGE
    config = kinds[family](vocab_size=size, **{**sizes, **changes})
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def _causal(folder: Path, family: str, tokenizer: Any, **changes: Any) -> Path:
    _causal_model(family, len(tokenizer), **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _with_weights(folder: Path, maps: dict[str, tuple[int, int]]) -> Path:
    generator = torch.Generator().manual_seed(11)
    weights = load_file(folder / "model.safetensors")
    for name, (rows, columns) in maps.items():
        weights[f"{name}.weight"] = torch.randn(rows, columns, generator=generator)
        weights[f"{name}.bias"] = torch.randn(rows, generator=generator)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder
