"""Tiny random language models and tokenizers, built on the fly."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from smc.backends.depth.configs import InnerThinkingConfig, RecurrentDepthConfig
from smc.backends.depth.registry import register as register_depth

CORPUS = (
    "the cat sat on the mat, and the dog did not.",
    "Grüße aus Köln: naïve café, Ελλάδα, 日本語, 🙂!",
    "def f(x):\n    return x + 1\t# tabs\n",
    "one two three four five six seven eight nine ten",
)

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}

RECURRENT_SIZES = {
    "n_embd": 32,
    "n_heads": 4,
    "intermediate_size": 48,
    "n_layers": 5,
    "n_layers_in_prelude": 1,
    "n_layers_in_recurrent_block": 2,
    "n_layers_in_coda": 2,
    "mean_recurrence": 3,
    "mean_backprop_depth": 2,
    "block_size": 128,
    "init_values": {"std": 0.2, "embed_scale": 1.0},
}


def byte_level_tokenizer(
    corpus: Iterable[str] = CORPUS, vocab_size: int = 320, **specials: Any
) -> PreTrainedTokenizerFast:
    """A trained byte-level BPE tokenizer whose EOS is `<eos>`."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, **{"eos_token": "<eos>", **specials})


def byte_fallback_tokenizer(corpus: Iterable[str] = CORPUS) -> PreTrainedTokenizerFast:
    """A SentencePiece-like BPE with byte fallback, laid out as Llama 2's."""
    merged = Tokenizer(models.BPE())
    merged.normalizer = normalizers.Replace(" ", "▁")  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(vocab_size=140, show_progress=False)
    merged.train_from_iterator((line for line in corpus if line.isascii()), trainer)
    learned = sorted(merged.get_vocab().items(), key=lambda item: item[1])
    names = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256))]
    names += [name for name, _ in learned if name not in names]
    spec_merges = _merges(merged)
    vocab = {name: i for i, name in enumerate(names)}
    backend = Tokenizer(
        models.BPE(vocab, spec_merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    backend.normalizer = normalizers.Sequence(  # type: ignore[assignment]
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    backend.decoder = decoders.Sequence(  # type: ignore[assignment]
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


def word_piece_tokenizer() -> PreTrainedTokenizerFast:
    """A BERT-like tokenizer over a handful of words."""
    words = "[PAD] [UNK] [CLS] [SEP] play ##ing ##ed the cat sat . , ##s a".split()
    backend = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()  # type: ignore[assignment]
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # type: ignore[assignment]
    backend.decoder = decoders.WordPiece("##")  # type: ignore[assignment]
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    import json

    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


def tiny_model(
    family: str, vocab_size: int, *, seed: int = 0, eos: int | None = 0, **changes: Any
) -> Any:
    """A random causal model of one of the families below.

    Weights are large enough that the next-token distribution is far from uniform and depends on
    the whole prefix.
    """
    makers = {
        "llama": (transformers.LlamaConfig, SIZES),
        "mistral": (transformers.MistralConfig, {**SIZES, "sliding_window": 6}),
        "gpt2": (transformers.GPT2Config, {"n_embd": 32, "n_layer": 2, "n_head": 4}),
        "gpt_neo": (
            transformers.GPTNeoConfig,
            {
                "hidden_size": 32,
                "num_layers": 2,
                "num_heads": 4,
                "attention_types": [[["global", "local"], 1]],
                "window_size": 6,
            },
        ),
        "bloom": (transformers.BloomConfig, {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
        "mamba": (
            transformers.MambaConfig,
            {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
        ),
        "rwkv": (
            transformers.RwkvConfig,
            {"hidden_size": 32, "num_hidden_layers": 2, "context_length": 128},
        ),
        "recurrent": (RecurrentDepthConfig, RECURRENT_SIZES),
        "inner_thinking": (
            InnerThinkingConfig,
            {"hidden_size": 32, "num_layers": 4, "intermediate_size": 48, "steps": 3},
        ),
    }
    register_depth()
    kind, sizes = makers[family]
    options = {**sizes, "initializer_range": 0.3, **changes}
    config = kind(vocab_size=vocab_size, bos_token_id=eos, eos_token_id=eos, **options)
    torch.manual_seed(seed)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def saved_model(folder: Path, family: str = "llama", **changes: Any) -> Path:
    """Write a tiny model and a byte-level tokenizer to a folder, as from the Hub."""
    tokenizer = byte_level_tokenizer()
    tiny_model(family, len(tokenizer), **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
