"""The model that is served, at the temperatures that requests ask for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from smc.backends.transformers import TransformersModel
from smc.integrations.server.jobs import Warp
from smc.integrations.server.makers import Trial
from smc.potential import AnyPotential

_KEPT = 64


class Served:
    """A Hugging Face model and what is remembered between requests.

    Args:
        name: As clients call it.
        model: A loaded causal language model.
        tokenizer: Its tokenizer.
        potentials: By the names that clients may ask for.
        trial: Tries the constraints of requests before they are made here; see `Maker`. `smc serve`
            gives one that runs in a process with limits.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        tokenizer: Any,
        potentials: Mapping[str, AnyPotential] | None = None,
        *,
        trial: Trial | None = None,
    ) -> None:
        self.name = name
        self.potentials = dict(potentials or {})
        self.trial = trial
        self._plain = TransformersModel(model, tokenizer)
        self._warped: OrderedDict[Warp, TransformersModel] = OrderedDict()
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
        trial: Trial | None = None,
    ) -> Served:
        """Load a model by name or from a folder; see `smc.load`."""
        loaded = TransformersModel.load(name_or_path, device=device, dtype=dtype)
        return cls(name or name_or_path, loaded.model, loaded.tokenizer, potentials, trial=trial)

    @property
    def can_chat(self) -> bool:
        """Whether there is a chat template."""
        return bool(getattr(self._plain.tokenizer, "chat_template", None))

    def at(self, warp: Warp) -> TransformersModel:
        """Return the model with a temperature, top_p and top_k; weights are shared."""
        with self._lock:
            found = self._warped.get(warp)
            if found is None:
                temperature, top_p, top_k = warp
                found = TransformersModel(
                    self._plain.model,
                    self._plain.tokenizer,
                    temperature=temperature,
                    top_p=top_p,
                    top_k=top_k,
                    vocabulary=self._plain.vocabulary,
                )
                self._warped[warp] = found
                if len(self._warped) > _KEPT:
                    self._warped.popitem(last=False)
            return found

    def encode(self, prompt: Any, max_tokens: int) -> tuple[int, ...]:
        """Return a prompt's token ids.

        Raises:
            PromptError: It cannot be encoded, or leaves too little of the context.
        """
        return self._plain.encode(prompt, max_tokens)
