"""Labels of the symbols of a scannerless grammar: between which lookaheads each stands."""

from __future__ import annotations

from dataclasses import dataclass

from potentials.grammar.lark.rewrite.negative_lookahead import Ahead

# Of a terminal's automaton, and the lookahead that is left there.
WalkState = tuple[int, Ahead]


@dataclass(frozen=True, slots=True)
class Top:
    """The start symbol."""


@dataclass(frozen=True, slots=True)
class Span:
    """A nonterminal between two lookaheads."""

    before: Ahead
    name: str
    after: Ahead


@dataclass(frozen=True, slots=True)
class Begun:
    """The first `length` symbols of a production, between two lookaheads."""

    before: Ahead
    name: str
    production: int
    length: int
    after: Ahead


@dataclass(frozen=True, slots=True)
class Token:
    """A terminal and what is ignored before it."""

    before: Ahead
    terminal: str
    after: Ahead


@dataclass(frozen=True, slots=True)
class Skipped:
    """What is ignored between a lookahead and any of several."""

    before: Ahead
    afters: frozenset[Ahead]


@dataclass(frozen=True, slots=True)
class Ignored:
    """What is ignored between two lookaheads."""

    before: Ahead
    after: Ahead


@dataclass(frozen=True, slots=True)
class Text:
    """The texts of a terminal between two lookaheads."""

    before: Ahead
    terminal: str
    after: Ahead


@dataclass(frozen=True, slots=True)
class Begin:
    """The beginnings of a terminal's texts that lead to a state of its walk."""

    before: Ahead
    terminal: str
    state: WalkState


Label = Top | Span | Begun | Token | Skipped | Ignored | Text | Begin
