"""The arguments of a run: checked, and brought to what the engine takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from smc.engine.sampler import sampler_of
from smc.errors import SettingsError
from smc.potential import AnyPotential, Boundary, IncrementalPotential, Potential, flatten
from smc.proposals import Proposal
from smc.settings import Settings, method_settings

Seed = int | np.random.Generator


def chosen_settings(
    method: str,
    free: Settings,
    proposal: Proposal | None,
    potentials: Sequence[Sequence[AnyPotential]],
) -> Settings:
    """Return the settings of a run: what the method fixes, and the proposal that was asked for.

    Args:
        method: Its name.
        free: What it leaves free.
        proposal: In place of the method's; None: the method's.
        potentials: Of each prompt, which the proposal must fit.

    Raises:
        SettingsError: There is no such method, or the proposal does not fit.
    """
    settings = method_settings(method, free)
    if proposal is None:
        return settings
    sampler_of(proposal).check([p for own in potentials for p in flatten(own)])
    return dataclasses.replace(settings, proposal=proposal)


def generators_of(seeds: Sequence[Seed] | Seed, count: int) -> list[np.random.Generator]:
    """Return a generator for each prompt.

    Raises:
        SettingsError: Not a seed for each, nor one from which theirs are derived.
    """
    if isinstance(seeds, np.random.Generator):
        return list(seeds.spawn(count))
    if isinstance(seeds, int | np.integer):
        sequence = np.random.SeedSequence(_checked_seed(seeds))
        return [np.random.default_rng(s) for s in sequence.spawn(count)]
    if isinstance(seeds, str) or not isinstance(seeds, Sequence | np.ndarray):
        raise SettingsError(f"seeds: expected one for each prompt, or one number; got {seeds!r}.")
    if len(seeds) != count:
        raise SettingsError(
            f"seeds: got {len(seeds)} for {count} prompts; expected one each, or one number."
        )
    return [s if isinstance(s, np.random.Generator) else generator_of(s) for s in seeds]


def generator_of(seed: int) -> np.random.Generator:
    """Return the generator of a prompt's run.

    Raises:
        SettingsError: The seed is no whole number from 0 on.
    """
    return np.random.default_rng(_checked_seed(seed))


def _checked_seed(seed: int) -> int:
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise SettingsError(
            f"seed: expected a whole number of at least 0 or a numpy Generator, got {seed!r}."
        )
    return int(seed)


def checked_stop(stop: Sequence[str]) -> tuple[str, ...]:
    """Return stop strings.

    Raises:
        SettingsError: One is none, is empty, or cannot be spelled.
    """
    if isinstance(stop, str):
        raise SettingsError(
            f"stop: expected a sequence of strings, got {stop!r}; write ({stop!r},)."
        )
    if not isinstance(stop, Sequence) or not all(isinstance(s, str) for s in stop):
        raise SettingsError(f"stop: expected a sequence of strings, got {stop!r}.")
    if any(not s for s in stop):
        raise SettingsError("stop: an empty string would end every text before it begins.")
    for text in stop:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise SettingsError(
                f"stop: {text!r} holds half of a surrogate pair, which no text does; expected "
                "strings that UTF-8 can spell."
            ) from error
    return tuple(stop)


def check_potentials(potentials: Sequence[Sequence[AnyPotential]]) -> None:
    """Raise where something else stands in the place of potentials, one list a prompt.

    Raises:
        SettingsError: See above.
    """
    for own in potentials:
        if isinstance(own, Potential | IncrementalPotential) or not isinstance(own, Iterable):
            raise SettingsError(
                f"potentials: expected a list of potentials for a prompt, got {own!r}; write "
                "[potential], or [] for none."
            )
        for potential in flatten(own):
            if not isinstance(potential, Potential | IncrementalPotential):
                raise SettingsError(
                    f"potentials: expected instances of smc.Potential, smc.IncrementalPotential "
                    f"or smc.TokenPotential; got {potential!r}. Subclass smc.Potential and "
                    "override `complete`, or make an instance of the class given; for a type that "
                    "the texts are to stand for, smc.generate(…, output_type=…) or "
                    "potentials.OutputType."
                )
            if not isinstance(potential.boundary, Boundary | None):
                raise SettingsError(
                    f"potential {potential.name}: boundary is {potential.boundary!r}; expected "
                    "an object with start and advance (see smc.Boundary), or None."
                )
