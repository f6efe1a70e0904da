"""What strategies hold in hand, and what they return."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from smc.errors import SettingsError, SMCError
from smc.steps import Budget, Solution

Seed = int | np.random.Generator


@dataclass(frozen=True)
class Chain:
    """One solution and what is known of it.

    Attributes:
        solution: Its steps.
        scores: One for each step that was judged; a strategy may judge only some chains.
        value: The aggregate of its scores that the strategy went by; NaN: not judged.
        finished: The model ended it.
        truncated: It may grow no further, and has no end.
        error: Why it could not go on.
        num_tokens: Tokens of this solution.
        log_weight: Sum of the increments of constrained proposals.
    """

    solution: Solution = ()
    scores: tuple[float, ...] = ()
    value: float = float("nan")
    finished: bool = False
    truncated: bool = False
    error: SMCError | None = None
    num_tokens: int = 0
    log_weight: float = 0.0

    @property
    def text(self) -> str:
        """The steps, joined."""
        return "".join(self.solution)

    @property
    def goes_on(self) -> bool:
        """Whether it can be extended."""
        stopped = self.finished or self.truncated or self.error is not None
        return not stopped and self.log_weight > -np.inf


@dataclass(frozen=True)
class Round:
    """One round of a search.

    Attributes:
        chains: What was there to choose from.
        chosen: Indices of what went on; for particles the ancestors, or () where none were drawn.
        budget: Spent so far.
    """

    chains: tuple[Chain, ...]
    chosen: tuple[int, ...]
    budget: Budget


@dataclass(frozen=True)
class StrategyResult:
    """What a strategy found for one prompt.

    Attributes:
        chains: The solutions it ended with, unfinished and failed ones included.
        answer: What the selection settled on; None where no solution came to its end.
        chosen: Index of the solution that stands for the answer.
        votes: Weight of each answer, the largest first.
        budget: What all of it cost, texts that were dropped included.
        history: Its rounds.
        log_weights: `[N]` of a particle method with a target of its own, scaled such that their
            log mean is the log evidence; else None.
        errors: What went wrong on the way, each message once.
    """

    chains: tuple[Chain, ...]
    answer: Hashable | None
    chosen: int | None
    votes: Mapping[Hashable, float]
    budget: Budget
    history: tuple[Round, ...] = ()
    log_weights: tuple[float, ...] | None = None
    errors: tuple[str, ...] = field(default=())

    @property
    def solutions(self) -> tuple[Solution, ...]:
        """Of all chains."""
        return tuple(c.solution for c in self.chains)

    @property
    def scores(self) -> tuple[tuple[float, ...], ...]:
        """Of all chains, one for each step."""
        return tuple(c.scores for c in self.chains)

    @property
    def finished(self) -> tuple[bool, ...]:
        """Which chains came to their end."""
        return tuple(c.finished for c in self.chains)

    @property
    def text(self) -> str | None:
        """The text of the chosen solution."""
        return None if self.chosen is None else self.chains[self.chosen].text


def generators(seed: Seed, count: int) -> list[np.random.Generator]:
    """Return one generator for each of `count` slots; the first do not depend on how many.

    So a run with more solutions begins with those of a run with fewer, and strategies that must
    agree draw the same.
    """
    return [np.random.default_rng(s) for s in _sequence(seed).spawn(count)]


def generator(seed: Seed) -> np.random.Generator:
    """Return the generator of what is no slot: resampling, choosing a reference."""
    return np.random.default_rng(
        np.random.SeedSequence(_sequence(seed).entropy, spawn_key=(2**32 - 1,))
    )


def fixed(seed: Seed) -> int:
    """Return a whole number in the place of a generator, which is advanced by one draw."""
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**63))
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise SettingsError(f"seed: expected a whole number from 0 on or a generator, got {seed!r}")
    return int(seed)


def at_least_one(**values: int) -> None:
    """Raise unless every value is a whole number above 0.

    Raises:
        SettingsError: One is not.
    """
    for name, value in values.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not (whole and value > 0):
            raise SettingsError(f"{name}: expected a whole number above 0, got {value!r}.")


def replace_all(chains: Sequence[Chain], new: Mapping[int, Chain]) -> list[Chain]:
    """Return the chains with some of them replaced, by index."""
    return [new.get(i, chain) for i, chain in enumerate(chains)]


def messages(chains: Sequence[Chain]) -> tuple[str, ...]:
    """Return what went wrong with the chains, each message once."""
    return tuple(dict.fromkeys(str(c.error) for c in chains if c.error is not None))


def with_log_weight(chain: Chain, log_weight: float) -> Chain:
    """Return the chain with another log weight."""
    return dataclasses.replace(chain, log_weight=log_weight)


def _sequence(seed: Seed) -> np.random.SeedSequence:
    return np.random.SeedSequence(fixed(seed))
