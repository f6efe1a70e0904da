"""Token biases and penalties on repetition: prices of tokens, by how often the text has them.

Source: the sampling parameters `logit_bias`, `presence_penalty` and `frequency_penalty` of
OpenAI's API, there added to the logits of each token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smc.errors import SettingsError
from smc.model import Vocabulary
from smc.potential import TokenScores, TokenSequencePotential


@dataclass(frozen=True)
class TokenCounts:
    """The tokens of a text.

    Attributes:
        counts: From each that it has to how often, in order of ids.
        log_value: Log Φ of it.
    """

    counts: tuple[tuple[int, int], ...] = ()
    log_value: float = field(default=0.0, compare=False)


class TokenBias(TokenSequencePotential[TokenCounts]):
    """Φ(x) = exp(Σₜ b(xₜ) − presence · [xₜ came before] − frequency · how often it came before).

    The sum is over the tokens of the text; those of the prompt do not count, and an end costs
    nothing. The target is p · Φ: of whole texts, each with what all its tokens cost. One particle
    draws each token as OpenAI's sampler does, from p(v | x) · exp(b(v) − …) normalised; further
    ones weigh by that normaliser, which its sampler throws away.

    Args:
        bias: b, by token id; finite.
        presence: The price of a token that the text has already.
        frequency: The price of a token for each time that the text has it.

    Raises:
        SettingsError: A price is not finite.
    """

    def __init__(
        self,
        bias: Mapping[int, float] | None = None,
        *,
        presence: float = 0.0,
        frequency: float = 0.0,
    ) -> None:
        self.bias = dict(bias or {})
        self.presence, self.frequency = presence, frequency
        for name, values in (
            ("bias", list(self.bias.values())),
            ("presence", [presence]),
            ("frequency", [frequency]),
        ):
            if not np.all(np.isfinite(values)):
                raise SettingsError(
                    f"TokenBias: {name} is {values!r:.120}; expected finite numbers."
                )
        self._vocabulary: Vocabulary | None = None
        self._row = np.zeros(0, dtype=np.float32)

    def bind(self, vocabulary: Vocabulary) -> TokenBias:
        """Return this potential made ready for a vocabulary.

        Raises:
            SettingsError: A bias is of an id that is no text in it.
        """
        bound = type(self)(self.bias, presence=self.presence, frequency=self.frequency)
        bound._vocabulary = vocabulary
        bound._row = np.zeros(len(vocabulary), dtype=np.float32)
        for token, value in self.bias.items():
            if token in vocabulary.eos_set:
                raise SettingsError(
                    f"TokenBias: token {token} ends a text, and an end costs nothing; expected ids "
                    "of text."
                )
            if not 0 <= token < len(vocabulary) or vocabulary.tokens[token] is None:
                raise SettingsError(f"TokenBias: token {token} is no text; expected ids of text.")
            bound._row[token] = value
        bound._row[vocabulary.suppressed] = -np.inf
        return bound

    def start(self) -> TokenCounts:
        """Return the empty text."""
        return TokenCounts()

    def advance(self, state: TokenCounts, new_bytes: bytes) -> TokenCounts:
        """Read bytes as the longest tokens that spell them; the engine reads tokens instead."""
        assert self._vocabulary is not None, "a token potential is bound before it is asked"
        for token in self._vocabulary.longest_tokens(new_bytes):
            state = self.advance_token(state, token)
        return state

    def advance_token(self, state: TokenCounts, token: int) -> TokenCounts:
        """Return the text with one more token."""
        counts = dict(state.counts)
        count = counts.get(token, 0)
        counts[token] = count + 1
        price = self.bias.get(token, 0.0) - self._penalty(count)
        return TokenCounts(tuple(sorted(counts.items())), state.log_value + price)

    def prefix(self, state: TokenCounts) -> float:
        """Return log Φ of the tokens so far."""
        return state.log_value

    def complete(self, state: TokenCounts) -> float:
        """Return log Φ; an end costs nothing."""
        return state.log_value

    def token_scores(self, states: Sequence[TokenCounts]) -> TokenScores:
        """`[R, V]` what each token costs."""
        rows: NDArray[np.float32] = np.repeat(self._row[None], len(states), axis=0)
        if self.presence or self.frequency:
            for row, state in zip(rows, states, strict=True):
                for token, count in state.counts:
                    row[token] -= self._penalty(count)
        return TokenScores(log_scores=rows)

    def _penalty(self, count: int) -> float:
        return (self.presence if count else 0.0) + self.frequency * count
