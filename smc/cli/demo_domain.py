"""The protocol of a domain that can be demonstrated, and those that meet it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from smc.errors import SettingsError
from smc.extras import require
from smc.neighbours import foreign
from smc.potential import AnyPotential, Boundary

DOMAINS = {
    "molecules": "domains.gdb17.demo",
    "goals": "domains.planetarium.demo",
    "arithmetic": "domains.arithmetic.demo",
    "json": "domains.ds1000.demo",
    "sql": "domains.spider.demo",
    "gdb17": "domains.gdb17.demo",
    "planetarium": "domains.planetarium.demo",
}
"""Names that the command takes, and the modules that hold a `DEMO`; the benchmarks' names too."""

_NEEDS = {
    "domains.gdb17.demo": ("rdkit", "partialsmiles"),
    "domains.spider.demo": ("sqlglot",),
}
"""Packages of extras, by module."""


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
    def prompts(self) -> int:
        """How many problems by default: about as many as take half a minute on two cores."""
        ...

    @property
    def particles(self) -> int:
        """How many for each problem by default."""
        ...

    @property
    def ess_threshold(self) -> float:
        """Fraction of N under which a population is resampled."""
        ...

    @property
    def resample_at(self) -> Boundary[Any] | None:
        """Where particles wait for each other before they are resampled; None: nowhere."""
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

    def remark(self, item: Any, text: str) -> str:
        """Return what is worth saying of an answer beside its text."""
        ...

    def draw(self, item: Any, text: str) -> str | None:
        """Return a picture as SVG; None where there is nothing to draw."""
        ...


def default_domain() -> str:
    """Return the name of the domain that is shown by default: one whose packages are installed.

    Molecules are looked at most easily; goals need nothing beyond the plain installation.
    """
    needed = _NEEDS[DOMAINS["molecules"]]
    return "molecules" if all(map(find_spec, needed)) else "goals"


def find_domain(name: str) -> DemoDomain:
    """Return a domain by name.

    Raises:
        SettingsError: There is none of that name, or another package is called `domains`.
        MissingExtraError: A package that it needs is not installed.
    """
    if name not in DOMAINS:
        raise SettingsError(f"demo: no domain {name!r}; expected one of {', '.join(DOMAINS)}.")
    require(f"smc demo {name}", *_NEEDS.get(DOMAINS[name], ()))
    clash = foreign("domains")
    if clash is not None:
        raise SettingsError(f"demo: {clash}")
    return import_module(DOMAINS[name]).DEMO
