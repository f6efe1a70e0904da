"""A language model behind a stock vLLM server: its draws come in segments, over HTTP.

The server runs `smc.integrations.vllm_server`. It draws some tokens ahead, under the model or the
model × a constraint, and reports each one's log weight increment; a decoding hands them out one
at a time, as if they had been drawn then. That is exact: what was drawn ahead from a prefix is a
draw from the proposal at every one of its tokens, and is thrown away with the particle it was for.
A copy made by resampling draws anew.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from smc.backends.embedded import place_of
from smc.backends.hf.logits_transform import SamplingOptions
from smc.backends.hf.prompts import encode
from smc.backends.hf.tokenizing import tokenize
from smc.backends.hf.vocabulary import vocabulary_of
from smc.backends.http import Endpoint
from smc.backends.vllm_http.decoding import RemoteDecoding
from smc.backends.vllm_http.fields import Fields
from smc.backends.vllm_http.segments import Segment, probe, read_segment
from smc.errors import ModelError, SettingsError
from smc.model import Prompt, Vocabulary

Kind = Literal["grammar", "regex", "json"]


class RemoteVLLM:
    """p(x | prompt), or p(x | prompt) × a constraint, of a model behind a vLLM server.

    Any method, potential and number of prompts works as with a model at hand; potentials that
    come with the prompts are asked here, one of the server's own (`constraint`) there. Resampling
    cuts short what was drawn ahead: let particles be compared after every segment,
    `resample_at=every(segment)`.

    Args:
        model: Name under which the server knows the model.
        url: Of the server, up to and with `/v1`.
        tokenizer: A `transformers` tokenizer of that model, or its name or folder.
        constraint: Kind and source of what the server constrains texts by: `("grammar", LARK)`,
            `("regex", PATTERN)`, `("json", SCHEMA)`. It counts in the weights.
        segment: Tokens that are drawn ahead at once.
        temperature: > 0; like top_p and top_k part of the model, and so of the target.
        top_p: In (0, 1].
        top_k: 0 keeps all tokens.
        eos_ids: Ids that end a sequence, in place of the tokenizer's.
        api_key: Of the server, if it wants one.
        max_concurrency: Requests at a time.
        timeout: Seconds for one answer, see `Endpoint`.
        retries: Of a request that may yet succeed, see `Endpoint`. A segment is the same each time.

    Raises:
        SettingsError: A value outside its range.
        ModelError: On first use: the server does not run the processor as it must.
        EndpointError: On use: the server does not answer, or refuses.

    Example:
        >>> server = RemoteVLLM("m", "http://localhost:8000/v1", "m", constraint=("regex", "a+"))
        >>> posterior = smc.sample(server, "x", resample_at=every(16))  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str,
        url: str,
        tokenizer: Any,
        *,
        constraint: tuple[Kind, str] | None = None,
        segment: int = 16,
        temperature: float = 1.0,
        top_p: float = 1.0,
        top_k: int = 0,
        eos_ids: Sequence[int] | None = None,
        api_key: str | None = None,
        max_concurrency: int = 64,
        timeout: float = 300.0,
        retries: int = 4,
    ) -> None:
        if segment < 1 or max_concurrency < 1:
            raise SettingsError(
                "segment, max_concurrency: expected whole numbers above 0, got "
                f"{segment!r} and {max_concurrency!r}."
            )
        self.segment = segment
        self._name = model
        self._given_tokenizer = tokenizer
        self._eos_ids = eos_ids
        self._max_concurrency = max_concurrency
        self._endpoint = Endpoint(url.rstrip("/"), api_key, timeout, retries)
        kind, source = constraint or ("regex", "")
        if kind not in ("grammar", "regex", "json") or (constraint and not source):
            raise SettingsError(
                f"constraint: got {constraint!r}; expected ('grammar', source), ('regex', source) "
                "or ('json', source)."
            )
        shaped = {"temperature": temperature, "top_p": top_p, "top_k": top_k, kind: source}
        try:
            self._fields = Fields(0, 1, (), 1, (0,), **shaped)
        except ValueError as error:
            raise SettingsError(f"model: {error}") from error
        self._probed = False

    def with_sampling(
        self,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
    ) -> RemoteVLLM:
        """Return the same network with other options; see `AdjustableModel.with_sampling`."""
        options = self._options.changed(temperature, top_p, top_k)
        _ = self.vocabulary  # read once
        other = copy.copy(self)
        other._fields = replace(
            self._fields,
            temperature=options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
        )
        return other

    def __repr__(self) -> str:
        options = self._options.shown()
        return f"RemoteVLLM({self._name!r} at {self._endpoint.url!r}{options})"

    @property
    def _options(self) -> SamplingOptions:
        fields = self._fields
        return SamplingOptions(fields.temperature, fields.top_p, fields.top_k)

    def tokenize(self, text: str) -> tuple[int, ...]:
        """Return the ids of a text behind a prompt; see `Tokenizes.tokenize`."""
        return tokenize(self._tokenizer, text, self.vocabulary)

    @property
    def name(self) -> str:
        """What the server knows the model by."""
        return self._name

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The token ids, their bytes, and the ids that end a sequence.

        Raises:
            VocabularyError: The tokenizer names no EOS, or its tokens cannot be read.
        """
        size = max(self._tokenizer.get_vocab().values()) + 1
        return vocabulary_of(self._tokenizer, size, self._eos_ids)

    def start(
        self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int
    ) -> RemoteDecoding:
        """See `LanguageModel.start`; the server reads a prompt when it is first drawn from."""
        rows = [encode(self._tokenizer, prompt, len(vocabulary)) for prompt in prompts]
        fields = replace(self._fields, max_tokens=max_tokens, eos=vocabulary.eos_ids)
        if not self._probed:
            probe = replace(fields, seed=1, prompt=len(rows[0]), probe=1)
            self.ask([(rows[0], probe, 1)])
            self._probed = True
        return RemoteDecoding(self, fields, rows, vocabulary.eos_mask)

    def ask(self, wanted: Sequence[tuple[tuple[int, ...], Fields, int]]) -> list[Segment]:
        """Return a segment for each of these, several requests at a time.

        Args:
            wanted: Token ids of the prompt, what to draw behind it, and how many tokens at most.

        Raises:
            EndpointError: The server does not answer, or refuses.
            ModelError: It answers as one without the processor.
        """
        workers = min(self._max_concurrency, len(wanted))
        with ThreadPoolExecutor(workers, thread_name_prefix="smc-remote") as pool:
            return list(pool.map(lambda job: self._segment(*job), wanted))

    def _segment(self, prompt: tuple[int, ...], fields: Fields, most: int) -> Segment:
        body = {
            "model": self._name,
            "prompt": [*prompt, *fields.text],
            "max_tokens": most,
            "temperature": 0,
            # What a model's generation_config.json may set otherwise.
            "repetition_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "min_tokens": 0,
            "logprobs": 0,
            "return_token_ids": True,
            "stop_token_ids": list(fields.eos),
            "vllm_xargs": fields.to_request(),
        }
        read = probe if fields.probe else read_segment
        return self._endpoint.ask("/completions", body, lambda reply: read(reply, fields.eos))

    @cached_property
    def _tokenizer(self) -> Any:
        if not isinstance(self._given_tokenizer, str):
            return self._given_tokenizer
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(place_of(self._given_tokenizer))
        except (OSError, ValueError) as error:
            raise ModelError(
                f"tokenizer {self._given_tokenizer!r}: cannot be loaded: {error}. Expected the "
                "folder or the name of the model that the server runs."
            ) from error
