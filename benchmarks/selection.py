"""Selections of items: the first so many, a random sample by digest of their ids, or by name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from domains.base import Item
from smc.errors import SettingsError


@dataclass(frozen=True)
class Selection:
    """Which items of a task to run; each part narrows the one before.

    Attributes:
        limit: The first so many; None: all.
        sample: So many of these, spread over the data: those whose ids have the smallest digests.
            A larger sample holds the smaller one, and no seed or machine changes it.
        ids: These alone; empty: all.

    Raises:
        SettingsError: A number below 1.
    """

    limit: int | None = None
    sample: int | None = None
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("limit", self.limit), ("sample", self.sample)):
            if value is not None and value < 1:
                raise SettingsError(f"--{name}: expected a whole number above 0, got {value}.")

    def of(self, items: Sequence[Item]) -> list[Item]:
        """Return the items that are selected, in the order of the data.

        Args:
            items: What the task gave under `limit`.

        Raises:
            SettingsError: An id that no item has.
        """
        chosen = list(items)
        if self.sample is not None:
            kept = {item.id for item in sorted(chosen, key=_digest)[: self.sample]}
            chosen = [item for item in chosen if item.id in kept]
        if self.ids:
            unknown = sorted(set(self.ids) - {item.id for item in chosen})
            if unknown:
                raise SettingsError(
                    f"--items: no item has the id {unknown[0]!r}; expected ids such as "
                    f"{', '.join(repr(item.id) for item in chosen[:3])}."
                )
            chosen = [item for item in chosen if item.id in self.ids]
        return chosen


def _digest(item: Item) -> bytes:
    return hashlib.sha256(item.id.encode()).digest()
