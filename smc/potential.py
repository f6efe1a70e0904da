"""Potentials: non-negative functions of the text, kept as log weights, larger is better.

The target of the engine is γ(x) = p(x) · ∏ₖ Φₖ(x), and that of its step t is
γₜ(x₁..ₜ) = p(x₁..ₜ) · ∏ₖ φₖ(x₁..ₜ): `prefix` is log φ, `complete` is log Φ. Only Φ matters to the
final target; φ steers the particles on the way and telescopes out.

Three levels, from easy to fast; pick the first that serves:

1. `Potential`: functions of the whole text.
2. `IncrementalPotential`: carries an immutable state from one piece of text to the next.
3. `TokenPotential`: scores the whole vocabulary at once and so enters the proposal.

Those that wait for something (a process, a service) say so with `concurrent`, and work beside the
model.

The law of all three: `prefix` = −inf means that no extension can ever be better than −inf.
`smc.check_potential` checks it, and the others, on examples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from smc.model import Vocabulary

S = TypeVar("S")
B = TypeVar("B")


@runtime_checkable
class Boundary(Protocol[B]):
    """Says where a statement, a step or a line ends, one token at a time."""

    def start(self) -> B:
        """Return the state before any text; states are immutable."""
        ...

    def advance(self, state: B, text: str) -> tuple[B, bool]:
        """Take the text of one token, possibly empty.

        Returns:
            The new state, and whether the text so far stands at a boundary.
        """
        ...


@dataclass(frozen=True)
class WhereBoundary:
    """A boundary from a function of (text before this token, text now); O(length) a token."""

    test: Callable[[str, str], bool]

    def start(self) -> str:
        """Return the empty text."""
        return ""

    def advance(self, state: str, text: str) -> tuple[str, bool]:
        """Append the text and ask the function."""
        now = state + text
        return now, bool(self.test(state, now))


class _Base:
    """What all potentials share.

    Attributes:
        boundary: When `prefix` is asked; None: after every token. The final target does not
            depend on it.
        concurrent: Whether `prefix`, `complete`, their batches and `advance` may be called from
            another thread than the one that samples, one call at a time. Those of one step are
            then made at the same time as other potentials', and beside the model's next forward
            pass: worth it where they wait, for a process, a service or code that lets go of the
            interpreter's lock. Texts that another potential kills in the same step are asked
            about, too. False by default: all is called in the sampling thread, in order. The
            result is the same, bit for bit. Of no account for a `TokenPotential`.
    """

    boundary: Boundary[Any] | None = None
    concurrent: bool = False
    _name: ClassVar[str | None] = None

    @property
    def name(self) -> str:
        """How messages and the history call this potential."""
        return self._name or type(self).__name__


class Potential(_Base):
    """A function of the text. Override `complete`, `prefix`, or both.

    Example:
        >>> class NoQ(Potential):
        ...     def prefix(self, text):
        ...         return float("-inf") if "q" in text else 0.0
        >>> NoQ().complete("quo")
        -inf
    """

    def prefix(self, text: str) -> float:
        """Return log φ of a text that may go on. Default: 0, no opinion."""
        return 0.0

    def complete(self, text: str) -> float:
        """Return log Φ of a finished text. Default: `prefix(text)`."""
        return self.prefix(text)

    def batch_prefix(self, texts: Sequence[str]) -> Sequence[float]:
        """`prefix` of distinct texts; override where a batch is cheaper than its parts."""
        return [self.prefix(t) for t in texts]

    def batch_complete(self, texts: Sequence[str]) -> Sequence[float]:
        """`complete` of distinct texts; override where a batch is cheaper than its parts."""
        return [self.complete(t) for t in texts]


class IncrementalPotential(_Base, ABC, Generic[S]):
    """A potential that reads the text once, piece by piece.

    States must be immutable: particles share them, and resampling copies references.
    """

    @abstractmethod
    def start(self) -> S:
        """Return the state of the empty text."""

    @abstractmethod
    def advance(self, state: S, new_bytes: bytes) -> S:
        """Return the state after further bytes, which may split a UTF-8 character anywhere."""

    def prefix(self, state: S) -> float:
        """Return log φ of a text that may go on. Default: 0, no opinion."""
        return 0.0

    @abstractmethod
    def complete(self, state: S) -> float:
        """Return log Φ of a finished text."""

    def batch_prefix(self, states: Sequence[S]) -> Sequence[float]:
        """`prefix` of several states."""
        return [self.prefix(s) for s in states]

    def batch_complete(self, states: Sequence[S]) -> Sequence[float]:
        """`complete` of several states."""
        return [self.complete(s) for s in states]


@dataclass(frozen=True)
class TokenScores:
    """What each next token would do to a batch of R states.

    Exactly one of the two is given. Score of token v at state s: prefix(s + v) − prefix(s), and
    for an EOS id complete(s) − prefix(s).

    Attributes:
        mask: `[R, W]` packed bits (`smc.model.pack_mask`): set is 0, clear is −inf.
        log_scores: `[R, V]` float32 log weights, −inf allowed.
    """

    mask: NDArray[np.uint32] | None = None
    log_scores: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if (self.mask is None) == (self.log_scores is None):
            raise ValueError("TokenScores: give either `mask` or `log_scores`, and not both.")


class TokenPotential(IncrementalPotential[S]):
    """A potential cheap enough to score every token of the vocabulary at every step."""

    def bind(self, vocabulary: Vocabulary) -> TokenPotential[S]:
        """Return this potential made ready for a vocabulary (which names the EOS ids).

        The engine calls it once a run, before `start`. Default: itself.
        """
        return self

    @abstractmethod
    def token_scores(self, states: Sequence[S]) -> TokenScores:
        """Score all tokens at each of R distinct states of a bound potential."""

    def token_scores_within(self, states: Sequence[S], slots: Sequence[int | None]) -> TokenScores:
        """Score all tokens where the text has a bounded number of tokens left.

        May say −inf, beyond `token_scores`, of a token after which every text that can still be
        reached has `complete` −inf: that changes no target, and keeps particles from texts that
        cannot be finished in time. An EOS keeps its score. Default: `token_scores`, whatever the
        slots. The engine asks this where weights are kept, see `Settings.proposal`.

        Args:
            states: `[R]`; those with equal slots are distinct.
            slots: `[R]` how many more tokens the text may have, the one that is scored included and
                an EOS not; None: nobody says. With 0 the text must end here.
        """
        return self.token_scores(states)

    def complete_after(self, state: S, texts: Sequence[bytes]) -> Sequence[float]:
        """`complete` of a state after each of some further bytes, most of which it refuses.

        Asked only where there are stop strings: may the text end in the middle of a token?
        Override where there is a faster way.
        """
        return self.batch_complete([self.advance(state, text) for text in texts])


class TokenSequencePotential(TokenPotential[S]):
    """A token potential to which the bytes of a text are not enough: a language model, say.

    It weighs the tokens that were drawn, however else their bytes could be spelt. States must be
    hashable, and equal only where what follows is scored alike. What ends a text without a token
    of its own, be it a stop string or `max_tokens`, is not weighed: `complete` is asked of
    end-of-sequence tokens alone.
    """

    @abstractmethod
    def advance_token(self, state: S, token: int) -> S:
        """Return the state after one more token, which is no end of sequence."""


AnyPotential = Potential | IncrementalPotential[Any]


@runtime_checkable
class Parses(Protocol):
    """A potential that can also read the texts that it allows; see `Posterior.parsed`."""

    def parse(self, text: str) -> Any:
        """Return what a text stands for.

        Raises:
            ValueError: It stands for nothing.
        """
        ...


class Product(Potential):
    """The product of potentials: log weights add. The engine takes it apart again."""

    def __init__(self, factors: Iterable[AnyPotential]) -> None:
        self.factors = tuple(flatten(factors))

    @property
    def name(self) -> str:
        """The factors' names, joined."""
        return " · ".join(f.name for f in self.factors) or "1"

    def prefix(self, text: str) -> float:
        """Return the sum of the factors' log φ."""
        return _total(log_prefix(f, text) for f in self.factors)

    def complete(self, text: str) -> float:
        """Return the sum of the factors' log Φ."""
        return _total(log_complete(f, text) for f in self.factors)


def product(*potentials: AnyPotential) -> Product:
    """Return the product of potentials of any level, as one."""
    return Product(potentials)


def flatten(potentials: Iterable[AnyPotential]) -> Iterable[AnyPotential]:
    """Yield the potentials with every `Product` replaced by its factors."""
    for potential in potentials:
        if isinstance(potential, Product):
            yield from potential.factors
        else:
            yield potential


def log_prefix(potential: AnyPotential, text: str) -> float:
    """Return log φ of a text under a potential of any level."""
    if isinstance(potential, Potential):
        return potential.prefix(text)
    return potential.prefix(potential.advance(potential.start(), text.encode()))


def log_complete(potential: AnyPotential, text: str) -> float:
    """Return log Φ of a text under a potential of any level."""
    if isinstance(potential, Potential):
        return potential.complete(text)
    return potential.complete(potential.advance(potential.start(), text.encode()))


def _total(log_values: Iterable[float]) -> float:
    """Sum that stops at the first −inf."""
    total = 0.0
    for value in log_values:
        total += value
        if total == -np.inf:
            break
    return total
