"""Causal language models of Hugging Face transformers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Unpack

import torch

from smc.backends.hf import prefill
from smc.backends.hf.decoding import start_decoding
from smc.backends.hf.forward import Forward
from smc.backends.hf.loading import load_pretrained
from smc.backends.hf.logits_transform import LogitsTransform, SamplingOptions
from smc.backends.hf.prefix_tree import PrefixTree, tree_of
from smc.backends.hf.prompts import check_fits, encode
from smc.backends.hf.read_ahead import ReadAhead
from smc.backends.hf.tokenizing import tokenize
from smc.backends.hf.vocabulary import check_width, vocabulary_of
from smc.backends.load_options import TransformersOptions, split
from smc.depth import with_depth
from smc.model import Decoding, Prompt, Vocabulary


class TransformersModel:
    """p(x | prompt) of a causal language model.

    `temperature`, `top_k` and `top_p` (applied in this order, as in `generate`) are part of the
    model and so of the target that a posterior approximates. A proposal may have a temperature of
    its own.

    Rows share what their prompts have in common: keys and values of a long prompt, or of the
    beginning of several, are read once, stored once, and kept for later calls (`prefixes`). A
    network whose attention cannot be split so (sliding windows, recurrent layers) is found out by
    trying, said once in the log, and stores them with each row.

    The vocabulary is as wide as the logits. Ids that are neither text nor end of sequence
    (special, unknown-word and unused tokens) get probability zero, and the rest is renormalised.

    Args:
        model: A loaded `AutoModelForCausalLM`; put into evaluation mode.
        tokenizer: Its tokenizer.
        temperature: > 0.
        top_p: In (0, 1]; 1 keeps all tokens.
        top_k: 0 keeps all tokens.
        eos_ids: Ids that end a sequence, in place of those that the model and its tokenizer name.
        vocabulary: In place of the one read from the tokenizer; of the logits' width.

    Raises:
        SettingsError: temperature, top_p or top_k is out of its range.

    Example:
        `TransformersModel.load("gpt2", top_p=0.95)` is a model to sample from; its
        `vocabulary.tokens[262]` is `b" the"`.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        top_k: int = 0,
        eos_ids: Sequence[int] | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self._options = SamplingOptions(temperature, top_p, top_k)
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._eos_ids = eos_ids
        self._given_vocabulary = vocabulary
        self._forward = Forward(model)
        self._depths: dict[int, TransformersModel] = {}

    @classmethod
    def load(cls, name_or_path: str, **options: Unpack[TransformersOptions]) -> TransformersModel:
        """Load a model and its tokenizer by name or from a folder; see `smc.load`.

        Args:
            name_or_path: Of a Hub repository, a local folder, or a `.gguf` file.
            options: As `smc.load` has them.

        Raises:
            ModelError: There is no such model, or it cannot be loaded; the device or dtype is not
                there.
            SettingsError: An option is out of its range, or unknown.
        """
        sampling, loading = split("transformers", options)
        SamplingOptions(**{n: v for n, v in sampling.items() if n != "eos_ids"})  # before weights
        depth = loading.pop("depth", None)
        model, tokenizer = load_pretrained(name_or_path, **loading)
        return cls(model if depth is None else with_depth(model, depth), tokenizer, **sampling)

    def with_sampling(
        self,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
    ) -> TransformersModel:
        """Return the same network with other options; see `AdjustableModel.with_sampling`."""
        return self._with(self._model, self._options.changed(temperature, top_p, top_k))

    def with_depth(self, depth: int) -> TransformersModel:
        """Return the same weights at another depth; see `smc.with_depth`.

        Raises:
            SettingsError: The network has one depth, or the number is none.
        """
        if depth not in self._depths:
            self._depths[depth] = self._with(with_depth(self._model, depth), self._options)
        return self._depths[depth]

    @property
    def layer_passes(self) -> float | None:
        """Layers that a token goes through, repetitions counted; None of a network of one depth."""
        return getattr(self._model, "layer_passes", None)

    def _with(self, network: Any, options: SamplingOptions) -> TransformersModel:
        return TransformersModel(
            network,
            self._tokenizer,
            temperature=options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
            vocabulary=self.vocabulary,
        )

    def __repr__(self) -> str:
        network = self._model
        name = self.name or type(network).__name__
        size = sum(p.numel() for p in network.parameters())
        kind = str(network.dtype).removeprefix("torch.")
        options = self._options.shown()
        return (
            f"TransformersModel({name!r}, {size:,} parameters, {kind}, {network.device}{options})"
        )

    @property
    def name(self) -> str:
        """What the checkpoint was loaded by; empty of a network that was made in memory."""
        return str(getattr(self._model.config, "name_or_path", None) or "")

    @property
    def model(self) -> Any:
        """The network, as given or loaded."""
        return self._model

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer."""
        return self._tokenizer

    @property
    def prefixes(self) -> PrefixTree:
        """What the network has read of prompts, for all models that are made of it.

        Its `most_bytes` bounds the memory that is kept when no row uses it, and `clear` frees it.
        """
        return tree_of(self._model, prefill.LEAST_SHARED)

    def read_ahead(self, prompt: tuple[int, ...]) -> ReadAhead:
        """Return a prompt to be read some tokens at a time, before `start` is called with it.

        Args:
            prompt: Token ids, of `encode`.
        """
        return ReadAhead(self._forward, prompt)

    def encode(self, prompt: Prompt, max_tokens: int) -> tuple[int, ...]:
        """Return a prompt's token ids, those that `start` begins with.

        Args:
            prompt: Text, chat messages or token ids.
            max_tokens: Which shall follow.

        Raises:
            PromptError: It cannot be encoded, or leaves too little of the context.
        """
        ids = encode(self._tokenizer, prompt, self._num_embedded)
        check_fits(ids, max_tokens, self.context)
        return ids

    def tokenize(self, text: str) -> tuple[int, ...]:
        """Return the ids of a text behind a prompt; see `Tokenizes.tokenize`."""
        return tokenize(self._tokenizer, text, self.vocabulary)

    @property
    def vocabulary(self) -> Vocabulary:
        """The token ids, their bytes, and the ids that end a sequence.

        Raises:
            VocabularyError: The model names no EOS, or its tokenizer's tokens cannot be read.
        """
        return self._vocabulary

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        if self._given_vocabulary is not None:
            return self._given_vocabulary
        return vocabulary_of(self._tokenizer, self._size, self._eos_ids, self._model)

    def start(self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int) -> Decoding:
        """See `LanguageModel.start`; distinct prompts are prefilled in one batch."""
        check_width(vocabulary, self._size)
        rows = [self.encode(prompt, max_tokens) for prompt in prompts]
        transform = LogitsTransform(self._options, self._size, vocabulary.suppressed)
        return start_decoding(self._forward, transform, rows)

    @property
    def _text_config(self) -> Any:
        return self._model.config.get_text_config(decoder=True)

    @property
    def _size(self) -> int:
        """The width of the logits."""
        return self._width_of(self._model.get_output_embeddings(), "out_features")

    @property
    def _num_embedded(self) -> int:
        return self._width_of(self._model.get_input_embeddings(), "num_embeddings")

    def _width_of(self, layer: Any, name: str) -> int:
        """How many ids a layer knows: by its weight, or by its own word where that is packed."""
        weight = getattr(layer, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.is_floating_point():
            return int(weight.shape[0])
        return int(getattr(layer, name, self._text_config.vocab_size))

    @property
    def context(self) -> int | None:
        """The most tokens that fit, prompt and text together; None where there is no limit."""
        return getattr(self._text_config, "max_position_embeddings", None)
