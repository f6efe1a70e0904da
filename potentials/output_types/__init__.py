"""Output types: what the texts are to stand for, as a constraint and a parser in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.lazy import lazy_names

if TYPE_CHECKING:
    from potentials.output_types.choice import Choice
    from potentials.output_types.output_type import OutputType

_HOMES = {
    "Choice": "potentials.output_types.choice",
    "OutputType": "potentials.output_types.output_type",
}

__all__ = ["Choice", "OutputType"]

__getattr__ = lazy_names(__name__, _HOMES)
