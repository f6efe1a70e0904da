"""The served model, at the temperatures that requests ask for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from cachetools import LRUCache

from smc.backends.transformers import TransformersModel
from smc.integrations.server.constraint_cache import Validate
from smc.integrations.server.jobs import LogitsParameters
from smc.potential import AnyPotential

_KEPT = 64


class Served:
    """A Hugging Face model and what is remembered between requests.

    Args:
        name: As clients call it.
        model: A loaded causal language model.
        tokenizer: Its tokenizer.
        potentials: By the names that clients may ask for.
        validate: Tries the constraints of requests before they are made here; see
            `ConstraintCache`. `smc serve` gives one that runs in a process with limits.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        tokenizer: Any,
        potentials: Mapping[str, AnyPotential] | None = None,
        *,
        validate: Validate | None = None,
    ) -> None:
        self.name = name
        self.potentials = dict(potentials or {})
        self.validate = validate
        self._plain = TransformersModel(model, tokenizer)
        self._with_parameters: LRUCache[LogitsParameters, TransformersModel] = LRUCache(_KEPT)
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        name_or_path: str,
        *,
        name: str | None = None,
        potentials: Mapping[str, AnyPotential] | None = None,
        device: str | None = None,
        dtype: str = "auto",
        validate: Validate | None = None,
    ) -> Served:
        """Load a model by name or from a folder; see `smc.load`."""
        loaded = TransformersModel.load(name_or_path, device=device, dtype=dtype)
        return cls(
            name or name_or_path, loaded.model, loaded.tokenizer, potentials, validate=validate
        )

    @property
    def can_chat(self) -> bool:
        """Whether there is a chat template."""
        return bool(getattr(self._plain.tokenizer, "chat_template", None))

    @property
    def context(self) -> int | None:
        """The most tokens that fit, prompt and text together; None where there is no limit."""
        config = self._plain.model.config.get_text_config(decoder=True)
        return getattr(config, "max_position_embeddings", None)

    def at(self, parameters: LogitsParameters) -> TransformersModel:
        """Return the model with a temperature, top_p and top_k; weights are shared."""
        with self._lock:
            model = self._with_parameters.get(parameters)
            if model is None:
                temperature, top_p, top_k = parameters
                model = TransformersModel(
                    self._plain.model,
                    self._plain.tokenizer,
                    temperature=temperature,
                    top_p=top_p,
                    top_k=top_k,
                    vocabulary=self._plain.vocabulary,
                )
                self._with_parameters[parameters] = model
            return model

    def encode(self, prompt: Any, max_tokens: int) -> tuple[int, ...]:
        """Return a prompt's token ids.

        Raises:
            PromptError: It cannot be encoded, or leaves too little of the context.
        """
        return self._plain.encode(prompt, max_tokens)
