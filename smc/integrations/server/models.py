"""The served model, at the temperatures that requests ask for."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Unpack

from cachetools import LRUCache

from smc.backends.hf.prompts import check_fits
from smc.backends.load_options import LoadOptions
from smc.backends.loading import load
from smc.backends.transformers import TransformersModel
from smc.errors import SettingsError
from smc.integrations.server.constraint_cache import Validate
from smc.integrations.server.jobs import LogitsParameters
from smc.integrations.server.tool_prompts import described, writes_calls
from smc.model import Chat, LanguageModel
from smc.potential import AnyPotential

_KEPT = 64


class ServedModel(LanguageModel, Protocol):
    """A model as `smc.load` returns it, of whichever backend."""

    @property
    def tokenizer(self) -> Any:
        """Of transformers."""
        ...

    @property
    def context(self) -> int | None:
        """The most tokens that fit, prompt and text together; None where there is no limit."""
        ...

    def encode(self, prompt: Any, max_tokens: int) -> tuple[int, ...]:
        """Return a prompt's token ids."""
        ...

    def with_sampling(self, temperature: float, top_p: float, top_k: int) -> LanguageModel:
        """Return the model at another temperature, top_p and top_k."""
        ...


class Served:
    """A model and what is remembered between requests.

    Args:
        name: As clients call it; or several names, any of which they may use.
        model: A model of `smc.load`; or, with its tokenizer, a causal model of transformers.
        tokenizer: See there.
        potentials: By the names that clients may ask for.
        validate: Tries the constraints of requests before they are made here; see
            `ConstraintCache`. `smc serve` gives one that runs in a process with limits.
        max_model_len: Tokens that a prompt and a text may have together, where that is less than
            the model's context.

    Raises:
        SettingsError: There is no name, or an empty one; or there is no room for tokens.
    """

    def __init__(
        self,
        name: str | Sequence[str],
        model: Any,
        tokenizer: Any = None,
        potentials: Mapping[str, AnyPotential] | None = None,
        *,
        validate: Validate | None = None,
        max_model_len: int | None = None,
    ) -> None:
        self.names = (name,) if isinstance(name, str) else tuple(dict.fromkeys(name))
        if not self.names or not all(self.names):
            raise SettingsError(
                f"served model name: got {name!r}; expected one or more, none empty."
            )
        if max_model_len is not None and max_model_len < 2:
            raise SettingsError(f"max_model_len: got {max_model_len}; expected 2 tokens or more.")
        self._max_model_len = max_model_len
        self.potentials = dict(potentials or {})
        self.validate = validate
        self._plain: ServedModel = (
            model if tokenizer is None else TransformersModel(model, tokenizer)
        )
        self._with_parameters: LRUCache[LogitsParameters, LanguageModel] = LRUCache(_KEPT)
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        name_or_path: str,
        *,
        name: str | Sequence[str] | None = None,
        potentials: Mapping[str, AnyPotential] | None = None,
        validate: Validate | None = None,
        max_model_len: int | None = None,
        **options: Unpack[LoadOptions],
    ) -> Served:
        """Load a model by name or from a folder; see `smc.load`, which takes the options."""
        loaded = load(name_or_path, **options)
        return cls(
            name or name_or_path,
            loaded,
            potentials=potentials,
            validate=validate,
            max_model_len=max_model_len,
        )

    @property
    def name(self) -> str:
        """The first of its names."""
        return self.names[0]

    @property
    def can_chat(self) -> bool:
        """Whether there is a chat template."""
        return bool(getattr(self._plain.tokenizer, "chat_template", None))

    @property
    def context(self) -> int | None:
        """The most tokens that fit, prompt and text together; None where there is no limit."""
        limits = [n for n in (self._plain.context, self._max_model_len) if n is not None]
        return min(limits, default=None)

    def at(self, parameters: LogitsParameters) -> LanguageModel:
        """Return the model with a temperature, top_p and top_k; weights are shared."""
        with self._lock:
            model = self._with_parameters.get(parameters)
            if model is None:
                model = self._plain.with_sampling(*parameters)
                self._with_parameters[parameters] = model
            return model

    def token_bytes(self, token: int) -> bytes:
        """Return what a token stands for; of one that is no text, its name."""
        own = self._plain.vocabulary.tokens
        known = own[token] if token < len(own) else None
        return known or self._plain.tokenizer.decode([token]).encode()

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids."""
        return self._plain.tokenizer.decode(list(ids))

    def encode(self, prompt: Any, max_tokens: int) -> tuple[int, ...]:
        """Return a prompt's token ids.

        Raises:
            PromptError: It cannot be encoded, or leaves too little of the context.
        """
        if isinstance(prompt, Chat) and not writes_calls(self._plain.tokenizer.chat_template):
            prompt = described(prompt)
        ids = self._plain.encode(prompt, max_tokens)
        check_fits(ids, max_tokens, self.context)
        return ids
