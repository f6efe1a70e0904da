"""Potentials whose own code runs within a time limit, at every level of potentials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smc.integrations.server.time_limits import CallLimit
from smc.model import Vocabulary
from smc.potential import (
    AnyPotential,
    IncrementalPotential,
    Potential,
    Product,
    TokenPotential,
    TokenScores,
)

_BINDINGS = 10
"""A potential may take this many times longer to read a vocabulary, once, than for a call."""


def with_time_limit(potential: AnyPotential, limit: CallLimit) -> AnyPotential:
    """Return a potential of the same level whose own code runs within a time limit.

    Args:
        potential: Of any level.
        limit: Of its calls.
    """
    if isinstance(potential, Product):
        return Product([with_time_limit(factor, limit) for factor in potential.factors])
    if isinstance(potential, TokenPotential):
        return _LimitedToken(potential, limit)
    if isinstance(potential, IncrementalPotential):
        return _LimitedIncremental(potential, limit)
    return _Limited(potential, limit)


class _Limited(Potential):
    def __init__(self, potential: Potential, limit: CallLimit) -> None:
        self._potential, self._limit = potential, limit
        self.boundary = potential.boundary

    @property
    def name(self) -> str:
        return self._potential.name

    def prefix(self, text: str) -> float:
        return self._limit(lambda: self._potential.prefix(text))

    def complete(self, text: str) -> float:
        return self._limit(lambda: self._potential.complete(text))

    def batch_prefix(self, texts: Sequence[str]) -> Sequence[float]:
        return self._limit(lambda: self._potential.batch_prefix(texts))

    def batch_complete(self, texts: Sequence[str]) -> Sequence[float]:
        return self._limit(lambda: self._potential.batch_complete(texts))


class _LazyState:
    """A state that is computed when it is first asked about, so that a step is one call.

    Attributes:
        parent: Of the text before `new`; None at the empty text, and once the state is known.
        state: The potential's own, in a tuple; None as long as it is not known.
    """

    __slots__ = ("new", "parent", "state")

    def __init__(self, parent: _LazyState | None, new: bytes) -> None:
        self.parent, self.new = parent, new
        self.state: tuple[Any] | None = None

    def of(self, potential: IncrementalPotential[Any]) -> Any:
        """Return the potential's own state."""
        unknown: list[_LazyState] = []
        node = self
        while (known := node.state) is None:
            unknown.append(node)
            parent = node.parent
            if parent is not None:
                node = parent
            elif node.state is None:  # else a call that had been given up has just told it
                known = (potential.start(),)
                break
        (state,) = known
        for node in reversed(unknown):
            state = potential.advance(state, node.new) if node.new else state
            node.state = (state,)
            node.parent = None  # after the state: who finds neither stands at the empty text
        return state


class _LimitedIncremental(IncrementalPotential[_LazyState]):
    def __init__(self, potential: IncrementalPotential[Any], limit: CallLimit) -> None:
        self._potential, self._limit = potential, limit
        self.boundary = potential.boundary

    @property
    def name(self) -> str:
        return self._potential.name

    def start(self) -> _LazyState:
        return _LazyState(None, b"")

    def advance(self, state: _LazyState, new_bytes: bytes) -> _LazyState:
        return _LazyState(state, new_bytes)

    def prefix(self, state: _LazyState) -> float:
        return self._limit(lambda: self._potential.prefix(state.of(self._potential)))

    def complete(self, state: _LazyState) -> float:
        return self._limit(lambda: self._potential.complete(state.of(self._potential)))

    def batch_prefix(self, states: Sequence[_LazyState]) -> Sequence[float]:
        return self._limit(lambda: self._potential.batch_prefix(self._known(states)))

    def batch_complete(self, states: Sequence[_LazyState]) -> Sequence[float]:
        return self._limit(lambda: self._potential.batch_complete(self._known(states)))

    def _known(self, states: Sequence[_LazyState]) -> list[Any]:
        return [s.of(self._potential) for s in states]


class _LimitedToken(_LimitedIncremental, TokenPotential[_LazyState]):
    def __init__(self, potential: TokenPotential[Any], limit: CallLimit) -> None:
        super().__init__(potential, limit)
        self._token: TokenPotential[Any] = potential

    def bind(self, vocabulary: Vocabulary) -> TokenPotential[_LazyState]:
        seconds = _BINDINGS * self._limit.seconds
        bound = self._limit(lambda: self._token.bind(vocabulary), seconds)
        return _LimitedToken(bound, self._limit)

    def token_scores(self, states: Sequence[_LazyState]) -> TokenScores:
        return self._limit(lambda: self._token.token_scores(self._known(states)))

    def token_scores_within(
        self, states: Sequence[_LazyState], slots: Sequence[int | None]
    ) -> TokenScores:
        return self._limit(lambda: self._token.token_scores_within(self._known(states), slots))

    def complete_after(self, state: _LazyState, texts: Sequence[bytes]) -> Sequence[float]:
        return self._limit(lambda: self._token.complete_after(state.of(self._potential), texts))
