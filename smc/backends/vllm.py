"""Language models in a vLLM engine of this process: its paged cache, its kernels, our draws."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, Unpack

from smc.backends.embedded import place_of
from smc.backends.hf.loading import check_dtype
from smc.backends.hf.logits_transform import LogitsTransform, SamplingOptions
from smc.backends.hf.prompts import check_fits, encode
from smc.backends.hf.tokenizing import tokenize
from smc.backends.hf.vocabulary import check_width, vocabulary_of
from smc.backends.load_options import VLLMOptions, split
from smc.backends.vllm_local.start import check_arguments, check_installed, start_llm
from smc.errors import ModelError
from smc.model import Prompt, Vocabulary

if TYPE_CHECKING:
    from smc.backends.vllm_local.decoding import VLLMDecoding
    from smc.backends.vllm_local.engine import CacheUse


class VLLMModel:
    """p(x | prompt) of a causal language model that vLLM runs.

    The same distribution as `TransformersModel` of the same weights, within rounding. Rows are
    running requests; forks go through the prefix cache. Several decodings may be alive, but a step
    of one frees the requests of the others, which then cost a look-up in the prefix cache: run
    several prompts as one batch (`smc.sample_batch`) instead.

    Which blocks the prefix cache holds decides which kernels run, so the same seed gives the same
    result up to rounding of the logits, not bit by bit.

    Use as a context manager, or call `close`, to free the engine. vLLM's process groups belong to
    the whole process: whichever of its models is closed first takes those of the others along, so
    have one at a time.

    Args:
        llm: A `vllm.LLM` whose processor answers `mailbox`; see `start_llm`, which makes both.
        mailbox: Where that processor finds requests.
        temperature: > 0; like top_p and top_k part of the model, and so of the target.
        top_p: In (0, 1]; 1 keeps all tokens.
        top_k: 0 keeps all tokens.
        eos_ids: Ids that end a sequence, in place of those that the model and its tokenizer name.
        vocabulary: In place of the one read from the tokenizer; of the logits' width.

    Raises:
        SettingsError: temperature, top_p or top_k is out of its range.
    """

    def __init__(
        self,
        llm: Any,
        mailbox: Any,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        top_k: int = 0,
        eos_ids: Sequence[int] | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        # Not before: vLLM reads its environment when it is first imported.
        from smc.backends.vllm_local.engine import Engine
        from smc.backends.vllm_local.internals import model_config

        self._options = SamplingOptions(temperature, top_p, top_k)
        self._llm: Any = llm
        self._eos_ids = eos_ids
        self._given_vocabulary = vocabulary
        self._engine: Engine | None = Engine(llm, mailbox)
        self._config = model_config(llm)

    @classmethod
    def load(
        cls,
        name_or_path: str,
        *,
        vocabulary: Vocabulary | None = None,
        **options: Unpack[VLLMOptions],
    ) -> VLLMModel:
        """Start an engine in this process; see `smc.load`.

        Args:
            name_or_path: Of a Hub repository, or a local folder.
            vocabulary: See the class.
            options: As `smc.load` has them.

        Raises:
            ModelError: vLLM is not installed, or cannot start the model.
            SettingsError: An option is out of its range, or one that the backend sets itself.
        """
        sampling, loading = split("vllm", options)
        SamplingOptions(**{n: v for n, v in sampling.items() if n != "eos_ids"})  # before weights
        further = dict(loading.pop("engine_args", {}))
        loading = {"tensor_parallel_size": 1, "dtype": "auto", **loading}
        check_arguments(further, loading["tensor_parallel_size"])
        check_dtype(loading["dtype"])
        check_installed()
        loading["dtype"] = str(loading["dtype"]).removeprefix("torch.")
        llm, mailbox = start_llm(place_of(name_or_path), {**loading, **further})
        return cls(llm, mailbox, vocabulary=vocabulary, **sampling)

    @property
    def name(self) -> str:
        """What the model was loaded by."""
        return str(getattr(self._config, "model", None) or "")

    def with_sampling(
        self,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
    ) -> VLLMModel:
        """Return the same network with other options; see `AdjustableModel.with_sampling`.

        Closing either of them closes the engine of both.
        """
        _ = self.vocabulary  # read once
        other = copy(self)
        other._options = self._options.changed(temperature, top_p, top_k)
        return other

    def __repr__(self) -> str:
        state = "" if self._engine is not None else ", closed"
        return f"VLLMModel({self.name!r}{self._options.shown()}{state})"

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
        return vocabulary_of(self._tokenizer, self._size, self._eos_ids, self._names_eos)

    def start(
        self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int
    ) -> VLLMDecoding:
        """See `LanguageModel.start`; prompts are prefilled when they are first drawn from."""
        from smc.backends.vllm_local.decoding import VLLMDecoding

        engine = self._open
        check_width(vocabulary, self._size)
        rows = [self.encode(prompt, max_tokens) for prompt in prompts]
        transform = LogitsTransform(self._options, self._size, vocabulary.suppressed)
        return VLLMDecoding(engine, transform, self._size, rows)

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self._tokenizer

    @property
    def context(self) -> int:
        """The most tokens that fit, prompt and text together."""
        return self._open.max_model_len

    def encode(self, prompt: Prompt, max_tokens: int) -> tuple[int, ...]:
        """Return a prompt's token ids, those that `start` begins with.

        Args:
            prompt: Text, chat messages or token ids.
            max_tokens: Which shall follow.

        Raises:
            PromptError: It cannot be encoded, or leaves too little of the context.
        """
        ids = encode(self._tokenizer, prompt, self._size)
        check_fits(ids, max_tokens, self.context)
        return ids

    @property
    def cache_use(self) -> CacheUse:
        """How the prefix cache served the requests so far; take differences for one run."""
        return self._open.cache_use

    @property
    def num_requests(self) -> int:
        """How many requests the engine holds: rows of decodings that are in use."""
        return self._open.num_requests

    def close(self) -> None:
        """Free the engine and its memory; the model is of no use afterwards."""
        if self._engine is not None:
            self._engine.close()
            self._engine = self._llm = None

    def __enter__(self) -> VLLMModel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _open(self) -> Any:
        if self._engine is None:
            raise ModelError("vLLM: this model was closed; load it again.")
        return self._engine

    @cached_property
    def _tokenizer(self) -> Any:
        return self._llm.get_tokenizer()

    @property
    def _size(self) -> int:
        """The width of the logits."""
        return self._config.get_vocab_size()

    @property
    def _names_eos(self) -> Any:
        """What `find_eos_ids` asks of a `transformers` model."""
        generation = self._config.try_get_generation_config()
        return SimpleNamespace(
            generation_config=SimpleNamespace(eos_token_id=generation.get("eos_token_id")),
            config=self._config.hf_text_config,
        )
