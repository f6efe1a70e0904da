"""The model that is served, at the temperatures that requests ask for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from smc.backends.hf_prompts import check_fits, encode
from smc.backends.transformers import TransformersModel
from smc.integrations.constraints import constraints
from smc.integrations.server.jobs import Warp
from smc.potential import AnyPotential

_KEPT = 64


class Served:
    """A Hugging Face model and what is remembered between requests.

    Args:
        name: As clients call it.
        model: A loaded causal language model.
        tokenizer: Its tokenizer.
        potentials: By the names that clients may ask for.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        tokenizer: Any,
        potentials: Mapping[str, AnyPotential] | None = None,
    ) -> None:
        self.name = name
        self.potentials = dict(potentials or {})
        self._model, self._tokenizer = model, tokenizer
        self._plain = TransformersModel(model, tokenizer)
        self._warped: OrderedDict[Warp, TransformersModel] = OrderedDict()
        self._constraints: OrderedDict[tuple[str, str], list[AnyPotential]] = OrderedDict()
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
    ) -> Served:
        """Load a model by name or from a folder; see `smc.load`."""
        loaded = TransformersModel.load(name_or_path, device=device, dtype=dtype)
        return cls(name or name_or_path, loaded._model, loaded._tokenizer, potentials)

    @property
    def can_chat(self) -> bool:
        """Whether there is a chat template."""
        return bool(getattr(self._tokenizer, "chat_template", None))

    def at(self, warp: Warp) -> TransformersModel:
        """Return the model with a temperature, top_p and top_k; weights are shared."""
        with self._lock:
            found = self._warped.get(warp)
            if found is None:
                temperature, top_p, top_k = warp
                found = TransformersModel(
                    self._model,
                    self._tokenizer,
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
        ids = encode(self._tokenizer, prompt, self._plain._num_embedded)
        check_fits(ids, max_tokens, self._plain._context)
        return ids

    def constraints(self, kind: str, text: str) -> Sequence[AnyPotential]:
        """Return what `grammar`, `regex` or `json_schema` means; equal ones are made once.

        Raises:
            GrammarError: It is malformed, or cannot be carried exactly.
        """
        key = (kind, text)
        with self._lock:
            if key in self._constraints:
                self._constraints.move_to_end(key)
                return self._constraints[key]
        made = constraints(**{kind: text})
        with self._lock:
            self._constraints[key] = made
            if len(self._constraints) > _KEPT:
                self._constraints.popitem(last=False)
            return self._constraints[key]
