"""A random language model with a real tokenizer, made where it is needed.

Speed does not depend on what the weights hold. The tokenizer matters for the masks, so it is
trained, on the source files of the Python standard library: English and code, on every machine.
"""

from __future__ import annotations

import random
import sysconfig
from pathlib import Path
from typing import Any

import smc
from benchmarks.micro.timing import Options
from smc.backends.transformers import TransformersModel
from smc.model import LanguageModel
from smc.potential import AnyPotential, TokenPotential

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "out" / "micro"
PROMPT = tuple(range(300, 316))
"""Sixteen token ids; which, does not matter to a random model."""

_CORPUS_BYTES = 20_000_000


def model_folder(options: Options, cache: Path = CACHE) -> Path:
    """Return a folder with a random Llama and its tokenizer; made on the first call.

    Args:
        options: Sizes of the vocabulary and the model.
        cache: Where such folders are kept.
    """
    name = f"llama-v{options.vocabulary}-h{options.hidden}-l{options.layers}"
    folder = cache / name
    if not (folder / "config.json").exists():
        _make(folder, options)
    return folder


def load(options: Options, cache: Path = CACHE) -> tuple[TransformersModel, Any]:
    """Return the model for our engine, and the same `transformers` model by itself."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    folder = str(model_folder(options, cache))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    return TransformersModel(model, tokenizer), model


def sample_rate(
    model: LanguageModel, potential: AnyPotential, options: Options, seed: int
) -> tuple[float, float]:
    """Return the particle-tokens per second of one run of full SMC, and its log evidence."""
    if isinstance(potential, TokenPotential):
        potential.bind(model.vocabulary)  # made once for all runs of a user
    began = options.now()
    posterior = smc.sample(
        model,
        PROMPT,
        [potential],
        num_particles=options.particles,
        max_tokens=options.tokens,
        seed=seed,
    )
    return posterior.num_tokens / (options.now() - began), posterior.log_evidence


def _make(folder: Path, options: Options) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _train_tokenizer(options.vocabulary)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=options.vocabulary,
        hidden_size=options.hidden,
        intermediate_size=2 * options.hidden,
        num_hidden_layers=options.layers,
        num_attention_heads=max(1, options.hidden // 64),
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=True,
    )
    tokenizer.save_pretrained(folder)
    # Last, because its configuration says that the folder is complete.
    LlamaForCausalLM(config).save_pretrained(folder)


def _train_tokenizer(size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def _corpus() -> list[str]:
    """Texts of the standard library, the same choice on every call."""
    paths = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("**/*.py"))
    paths = [p for p in paths if "site-packages" not in p.parts]
    random.Random(0).shuffle(paths)
    texts, total = [], 0
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="ignore")
        texts.append(text)
        total += len(text)
        if total > _CORPUS_BYTES:
            break
    return texts
