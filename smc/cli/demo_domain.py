"""The protocol of a domain that can be demonstrated, and those that meet it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from smc.errors import SettingsError
from smc.potential import AnyPotential

DOMAINS = {"molecules": "domains.gdb17.demo", "gdb17": "domains.gdb17.demo"}
"""Names that the command takes, and the modules that hold a `DEMO`."""


class DemoDomain(Protocol):
    """A domain with a small model of its own; its items have a `prompt`."""

    @property
    def title(self) -> str:
        """Heading of the page."""
        ...

    @property
    def summary(self) -> str:
        """What is asked, and what steers."""
        ...

    @property
    def note(self) -> str:
        """What the numbers mean."""
        ...

    @property
    def model(self) -> Path:
        """Folder of the language model."""
        ...

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the scores, each between 0 and 1."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end an answer."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of an answer at most."""
        ...

    def items(self, count: int) -> Sequence[Any]:
        """Return so many problems."""
        ...

    def potentials(self, item: Any) -> list[AnyPotential]:
        """Return all potentials of a problem."""
        ...

    def score(self, item: Any, text: str) -> dict[str, float]:
        """Return the scores of an answer."""
        ...

    def remark(self, text: str) -> str:
        """Return what is worth saying of an answer beside its text."""
        ...

    def draw(self, text: str) -> str | None:
        """Return a picture as SVG; None where there is nothing to draw."""
        ...


def find_domain(name: str) -> DemoDomain:
    """Return a domain by name.

    Raises:
        SettingsError: There is none of that name.
    """
    if name not in DOMAINS:
        raise SettingsError(f"demo: no domain {name!r}; expected one of {', '.join(DOMAINS)}.")
    return import_module(DOMAINS[name]).DEMO
