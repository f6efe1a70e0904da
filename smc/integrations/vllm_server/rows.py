"""The rows of a server's batch: the text of each request, and what may follow it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from smc.backends.hf.logits_transform import LogitsTransform, SamplingOptions
from smc.backends.vllm_http.fields import Fields
from smc.errors import SMCError
from smc.model import Vocabulary
from smc.potential import TokenPotential

_KEPT = 64
"""RequestParts, vocabularies and transforms that are kept ready."""

_REMEMBERED = 4096
"""Requests whose tokens are remembered beyond their place in the batch (preemption)."""


class TokenHistory:
    """The tokens of requests, by their fields: an engine may take one out and put it back."""

    def __init__(self) -> None:
        self._tokens: LRUCache[int, list[int]] = LRUCache(_REMEMBERED)

    def of(self, fields: Fields) -> list[int]:
        """Return the growing tokens of a request's text."""
        key = hash(fields)  # the fields themselves may hold much text
        if key not in self._tokens:
            self._tokens[key] = list(fields.text)
        return self._tokens[key]


class RequestParts:
    """Potentials, vocabularies and transforms that requests share; the last ones are kept."""

    def __init__(self, tokens: tuple[bytes | None, ...]) -> None:
        self._tokens = tokens
        self._made: LRUCache[Any, Any] = LRUCache(_KEPT)

    def vocabulary(self, eos: tuple[int, ...]) -> Vocabulary:
        """Return the vocabulary with these ends.

        Raises:
            VocabularyError: An id is out of range.
        """
        return self._once(eos, lambda: Vocabulary(self._tokens, eos))

    def bound(self, fields: Fields) -> TokenPotential[Any] | None:
        """Return what constrains a request; None where nothing does.

        Raises:
            GrammarError: The source is malformed, or cannot be carried exactly.
        """
        kind, source = fields.constraint
        if not kind:
            return None
        vocabulary = self.vocabulary(fields.eos)
        made = self._once((kind, source), lambda: constraint(kind, source))
        return made.bind(vocabulary)

    def transform(self, fields: Fields) -> LogitsTransform:
        """Return what makes the target's logits of the model's, for a request."""
        options = SamplingOptions(fields.temperature, fields.top_p, fields.top_k)
        vocabulary = self.vocabulary(fields.eos)
        return self._once(
            (options, fields.eos),
            lambda: LogitsTransform(options, len(vocabulary), vocabulary.suppressed),
        )

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


def constraint(kind: str, source: str) -> TokenPotential[Any]:
    """Return the potential of a source, with the limits for what strangers write.

    Raises:
        GrammarError: The source is malformed, or cannot be carried exactly.
    """
    from smc.integrations.constraints import constraints, request_limits

    name = {"json": "json_schema"}.get(kind, kind)
    (potential,) = constraints(**{name: source}, limits=request_limits())  # type: ignore[arg-type]
    assert isinstance(potential, TokenPotential)
    return potential


class RequestRow:
    """A request's text as it grows.

    Args:
        fields: What was asked for.
        tokens: Of its text; written to as they are drawn.
        parts: Where its potential comes from.
    """

    def __init__(self, fields: Fields, tokens: list[int], parts: RequestParts) -> None:
        self.fields = fields
        self.parts = parts
        self.vocabulary = parts.vocabulary(fields.eos)
        self.potential = parts.bound(fields)
        self._tokens = tokens
        self._read = 0
        self._state = self.potential.start() if self.potential else None

    def state(self, length: int) -> Any:
        """Return the potential's state after the first tokens.

        Args:
            length: How many; those must be known.
        """
        potential = self.potential
        assert potential is not None
        if length < self._read:  # a row that was drawn before its prompt was through
            self._read, self._state = 0, potential.start()
        for token in self._tokens[self._read : length]:
            self._state = potential.advance(self._state, self.vocabulary.tokens[token] or b"")
        self._read = length
        return self._state

    def knows(self, length: int) -> bool:
        """Whether the first tokens are known, so that one more can be drawn."""
        return len(self.fields.text) <= length <= len(self._tokens)

    def put(self, length: int, token: int) -> None:
        """Note the token after the first ones."""
        del self._tokens[length:]
        self._tokens.append(token)

    def must_end(self, length: int) -> bool:
        """Whether only an end may follow so many tokens."""
        return self._is_last(length) and not self.fields.cut

    def is_cut_short(self, length: int, token: int) -> bool:
        """Whether a token after so many fills the last slot of a text that may not end there."""
        if self.potential is None or token in self.vocabulary.eos_set or not self._is_last(length):
            return False
        try:
            after = self.potential.advance(self.state(length), self.vocabulary.tokens[token] or b"")
            return self.potential.complete(after) == -math.inf
        except SMCError:  # the row's own fault, and the server must go on
            return True

    def _is_last(self, length: int) -> bool:
        return length + 1 >= self.fields.max_tokens


def uniforms(seeds: Sequence[int], places: Sequence[int]) -> NDArray[np.float64]:
    """Return `[R]` numbers in [0, 1), one for each seed and place: the same on every machine.

    Source: Steele, Lea & Flood (2014), SplitMix64; the place is the counter.
    """
    with np.errstate(over="ignore"):
        step = np.asarray(places, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = np.asarray(seeds, dtype=np.uint64) + step
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)
