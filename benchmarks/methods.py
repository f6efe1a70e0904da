"""Methods and settings of a run: the engine's, with the values of the paper.

Loula et al. 2025 (arXiv:2504.13139): N = 10, resampling under 0.9 of it, temperature 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from domains.base import Item
from smc.errors import SettingsError
from smc.retries import Retries
from smc.settings import METHODS, LastSlot, Settings

PAPER_RESAMPLING = {"gdb17": "stratified", "ds1000": "stratified"}
"""By domain; the paper's others resampled multinomially."""


AT_MAX_TOKENS: LastSlot = "cut"
"""Of every method: an end that is forced costs nothing where weights are not kept, and so would be
a better answer for the methods that do not correct. See `benchmarks.records`."""


@dataclass(frozen=True)
class RunSettings:
    """What fixes the result of an item, apart from model, method and seed.

    Attributes:
        num_particles: N.
        max_tokens: Of an answer, its end included; a longer one is cut.
        ess_threshold: Fraction of N under which to resample.
        resampling: The scheme.
        retries: How often particles that all died are tried again, see `smc.retries`.
        stop: Strings that end an answer.

    Raises:
        SettingsError: A value outside its range.
    """

    num_particles: int
    max_tokens: int
    ess_threshold: float = 0.9
    resampling: str = "multinomial"
    retries: int = 0
    stop: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        # The engine's own check, before a model is loaded.
        Settings(self.num_particles, self.max_tokens, self.ess_threshold, self.resampling)
        Retries(self.retries)


def parse_methods(text: str) -> list[str]:
    """Return the methods of a comma-separated list, in the order of `smc.METHODS`.

    Raises:
        SettingsError: One of them is unknown, or none is given.
    """
    named = [m.strip() for m in text.split(",") if m.strip()]
    unknown = [m for m in named if m not in METHODS]
    if unknown or not named:
        raise SettingsError(
            f"--methods: got {text!r}; expected some of {','.join(METHODS)}, separated by commas."
        )
    return [m for m in METHODS if m in named]


def generator(seed: int, item: Item) -> np.random.Generator:
    """Return the generator of one item.

    It depends on the seed's number and the item's id alone: not on batches, on the limit, or on
    what ran before. All methods share it, so that they start from the same draws, and differences
    between them are less noisy than if each had its own.
    """
    digest = hashlib.sha256(item.id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")])


def in_order(methods: Sequence[str]) -> list[str]:
    """Return methods in the order of `smc.METHODS`, unknown ones last."""
    known = list(METHODS)
    return sorted(methods, key=lambda m: (known.index(m) if m in known else len(known), m))
