"""Potentials on how a model thinks: a price on leaving a line of thought too early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smc.errors import SettingsError
from smc.model import Vocabulary
from smc.potential import TokenPotential, TokenScores

SWITCHES = ("alternatively",)
"""Words that open another line of thought."""


@dataclass(frozen=True, slots=True)
class Thought:
    """Where a text stands.

    Attributes:
        age: Tokens since the current thought began.
        log_value: Penalties so far.
    """

    age: int = 0
    log_value: float = 0.0


class ThoughtSwitchPenalty(TokenPotential[Thought]):
    """TIP, the thought-switching penalty: −α on every switch token in a thought's first β tokens.

    A switch token begins a new thought, wherever it stands; so does the text. Sampled without a
    correction of the weights (`method="lcd"`), it is the paper's change of the logits:

        z(v) − α  if v is a switch token and t < Ψ + β,  else z(v),   Ψ the thought's first token

    With weights kept, the same potential gives the global target p(x) · exp(−α · penalised
    switches in x), which a text can also escape by what comes before.

    Thoughts are measured in tokens, so a text must be read token by token, as the engine does;
    a longer piece is read as the longest tokens that make it up.

    Args:
        penalty: α ≥ 0 in nats; 3 in the paper.
        duration: β ≥ 0 tokens; 600 in the paper.
        switches: Words; every token that is one of them, whatever its case and with or without
            white space before it, is a switch token.
        token_ids: The switch tokens, in place of what the words say.

    Raises:
        SettingsError: A value outside its range; or, when it is bound, no token is a switch.

    Source: Wang et al. (2025), "Thoughts are all over the place: on the underthinking of o1-like
    LLMs", section 4.
    """

    def __init__(
        self,
        *,
        penalty: float = 3.0,
        duration: int = 600,
        switches: Sequence[str] = SWITCHES,
        token_ids: Sequence[int] | None = None,
    ) -> None:
        if not (np.isfinite(penalty) and penalty >= 0):
            raise SettingsError(
                f"ThoughtSwitchPenalty: penalty is {penalty!r}; expected nats from 0 on."
            )
        if isinstance(duration, bool) or duration < 0:
            raise SettingsError(
                f"ThoughtSwitchPenalty: duration is {duration!r}; expected tokens from 0 on."
            )
        if token_ids is None and (isinstance(switches, str) or not all(switches) or not switches):
            raise SettingsError(
                f"ThoughtSwitchPenalty: switches is {switches!r}; expected a sequence of words, "
                "none of them empty."
            )
        self.penalty = float(penalty)
        self.duration = int(duration)
        self.switches = tuple(switches)
        self.token_ids = None if token_ids is None else tuple(token_ids)
        self._row: NDArray[np.float32] | None = None
        self._by_bytes: dict[bytes, int] = {}
        self._is_switch: frozenset[int] = frozenset()

    def bind(self, vocabulary: Vocabulary) -> ThoughtSwitchPenalty:
        """Return this potential for a vocabulary: its switch tokens found."""
        bound = type(self)(
            penalty=self.penalty,
            duration=self.duration,
            switches=self.switches,
            token_ids=self.token_ids,
        )
        switches = self._switches(vocabulary)
        eos = vocabulary.eos_set
        bound._is_switch = frozenset(switches)
        bound._by_bytes = {b: i for i, b in enumerate(vocabulary.tokens) if b and i not in eos}
        bound._row = np.zeros(len(vocabulary), dtype=np.float32)
        bound._row[switches] = -self.penalty
        return bound

    def start(self) -> Thought:
        """Return the beginning of a thought."""
        return Thought()

    def advance(self, state: Thought, new_bytes: bytes) -> Thought:
        """Read a token, or the tokens that a longer piece is made of."""
        for token in self._tokens(new_bytes):
            state = self._after(state, token)
        return state

    def prefix(self, state: Thought) -> float:
        """Return the penalties so far."""
        return state.log_value

    def complete(self, state: Thought) -> float:
        """Return the penalties of the text."""
        return state.log_value

    def token_scores(self, states: Sequence[Thought]) -> TokenScores:
        """Return −α at the switch tokens where the thought is young, else 0."""
        assert self._row is not None, "the engine binds a token potential before it is asked"
        young = np.array([s.age < self.duration for s in states])
        return TokenScores(log_scores=np.where(young[:, None], self._row, np.float32(0)))

    def _after(self, state: Thought, token: int) -> Thought:
        if token not in self._is_switch:
            return Thought(state.age + 1, state.log_value)
        paid = self.penalty if state.age < self.duration else 0.0
        return Thought(1, state.log_value - paid)  # the switch token is the new thought's first

    def _tokens(self, piece: bytes) -> list[int]:
        """The token that a piece is, or else the longest tokens that it begins with, in turn."""
        ids, rest = [], piece
        while rest:
            sizes = range(len(rest), 0, -1)
            size = next((n for n in sizes if rest[:n] in self._by_bytes), None)
            ids.append(-1 if size is None else self._by_bytes[rest[:size]])
            rest = rest[size or 1 :]
        return ids

    def _switches(self, vocabulary: Vocabulary) -> list[int]:
        if self.token_ids is not None:
            outside = [i for i in self.token_ids if not 0 <= i < len(vocabulary)]
            if outside:
                raise SettingsError(
                    f"ThoughtSwitchPenalty: token_ids {outside} are outside "
                    f"0..{len(vocabulary) - 1}; expected ids of the model's vocabulary."
                )
            return list(self.token_ids)
        words = {w.strip().casefold() for w in self.switches}
        tokens = enumerate(vocabulary.tokens)
        switches = [
            i for i, b in tokens if b and b.decode("utf-8", "replace").strip().casefold() in words
        ]
        if not switches:
            raise SettingsError(
                f"ThoughtSwitchPenalty: none of {', '.join(self.switches)} is a token of this "
                "vocabulary; expected at least one that is. Give token_ids=, the first tokens of "
                "the words, say."
            )
        return switches
