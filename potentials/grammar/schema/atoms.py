"""Atoms: what a disjunct of the normal form demands of a value of one type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = ("null", "boolean", "number", "string", "array", "object")


@dataclass(frozen=True, slots=True)
class Literal:
    """A schema that must hold, or must not."""

    node: int
    positive: bool = True

    @property
    def negated(self) -> Literal:
        """The opposite."""
        return Literal(self.node, not self.positive)


@dataclass(frozen=True, slots=True)
class Atom:
    """One demand on a value of a known type.

    Attributes:
        keyword: What is demanded, mostly a keyword of JSON Schema.
        value: Of the keyword; hashable.
        positive: Whether it must hold, or must not.
    """

    keyword: str
    value: Any
    positive: bool = True

    @property
    def negated(self) -> Atom:
        """The opposite."""
        return Atom(self.keyword, self.value, not self.positive)


State = frozenset[Literal]
Disjunct = frozenset[Atom]
EVERYTHING: State = frozenset()
