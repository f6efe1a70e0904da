"""Tempering: a harsh potential enters by and by, and whole where the text ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from potentials import returned
from potentials.incremental import incremental
from smc.errors import PotentialError, SettingsError
from smc.potential import AnyPotential, IncrementalPotential, TokenPotential

_LOG_ZERO = float("-inf")

Schedule = Callable[[int], float]
"""From the bytes of the text so far to a power λ in [0, 1]."""


@dataclass(frozen=True)
class Ramp:
    """λ rises evenly from 0 to 1 over the first bytes of a text.

    Attributes:
        size: How many; at least 1.
    """

    size: int

    def __post_init__(self) -> None:
        if not self.size >= 1:
            raise SettingsError(f"Ramp: size is {self.size!r}; expected at least 1 byte.")

    def __call__(self, size: int) -> float:
        """Return λ at a length."""
        return min(1.0, size / self.size)


@dataclass(frozen=True, slots=True)
class TemperedState:
    """What the potential knows of a text, and its length in bytes."""

    inner: Any
    size: int


class Tempered(IncrementalPotential[TemperedState]):
    """φ(x)^λ on the way and Φ(x) at the end: the targets of the steps rise to the full one.

    For a potential whose word of an unfinished text is far too sharp: all particles but one would
    die of what the next tokens may mend. The final target is that without tempering, since what a
    prefix was worth telescopes out. A text of weight zero keeps it, whatever λ is.

    Args:
        potential: Of text or of bytes; asked where it would be asked anyway.
        schedule: λ by the length of the text.

    Raises:
        SettingsError: The potential scores tokens, and so enters the proposal whole.
        PotentialError: On use, where λ is not in [0, 1].

    Example:
        >>> from smc import Potential
        >>> class Short(Potential):
        ...     def prefix(self, text):
        ...         return -10.0 * len(text)
        >>> gentle = Tempered(Short(), Ramp(100))
        >>> state = gentle.advance(gentle.start(), b"four")
        >>> round(gentle.prefix(state), 6), gentle.complete(state)
        (-1.6, -40.0)

    Source: Neal (2001), "Annealed importance sampling"; Del Moral, Doucet & Jasra (2006).
    """

    def __init__(self, potential: AnyPotential, schedule: Schedule) -> None:
        if isinstance(potential, TokenPotential):
            raise SettingsError(
                f"Tempered: {potential.name} scores tokens, and enters the proposal whole; "
                "expected a potential that is asked about texts."
            )
        self.inner = incremental(potential)
        self.schedule = schedule
        self.boundary = potential.boundary

    @property
    def name(self) -> str:
        """That of the potential."""
        return self.inner.name

    def start(self) -> TemperedState:
        """Return the state of the empty text."""
        return TemperedState(self.inner.start(), 0)

    def advance(self, state: TemperedState, new_bytes: bytes) -> TemperedState:
        """Read on."""
        inner = self.inner.advance(state.inner, new_bytes)
        return TemperedState(inner, state.size + len(new_bytes))

    def prefix(self, state: TemperedState) -> float:
        """Return λ · log φ; −inf where φ is 0, also at λ = 0."""
        return self.batch_prefix([state])[0]

    def complete(self, state: TemperedState) -> float:
        """Return log Φ."""
        return self.inner.complete(state.inner)

    def batch_prefix(self, states: Sequence[TemperedState]) -> list[float]:
        """`prefix` of several texts; the potential is asked in one batch."""
        values = self.inner.batch_prefix([s.inner for s in states])
        powers = [self._power(s.size) for s in states]
        return [
            value if value == _LOG_ZERO else power * value
            for power, value in zip(powers, values, strict=True)
        ]

    def batch_complete(self, states: Sequence[TemperedState]) -> list[float]:
        """`complete` of several texts; the potential is asked in one batch."""
        return list(self.inner.batch_complete([s.inner for s in states]))

    def _power(self, size: int) -> float:
        power = returned.number(self.schedule(size), "Tempered: schedule", f"{size} bytes")
        if not 0 <= power <= 1:  # NaN is not
            raise PotentialError(
                f"Tempered: schedule({size}) is {power!r}; expected a power in [0, 1]."
            )
        return power
