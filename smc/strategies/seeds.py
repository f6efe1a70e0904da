"""Random number generators of a strategy: one for each place, and one for the rest."""

from __future__ import annotations

import numpy as np

from smc.errors import SettingsError

Seed = int | np.random.Generator


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


def _sequence(seed: Seed) -> np.random.SeedSequence:
    return np.random.SeedSequence(fixed(seed))
