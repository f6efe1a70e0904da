"""Labels of nonterminals: between which situations of the lexer and the parser each stands."""

from __future__ import annotations

from dataclasses import dataclass

from potentials.grammar.lark.lexer.product_automaton import ANYTHING_AHEAD, Lookahead

ALL_MAY_COME: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the lexer stands.

    Attributes:
        state: The parser's.
        lookahead: What is known of the text from here.
        barred: Terminals that must not come next, because Lark would have settled a conflict
            another way.
    """

    state: int
    lookahead: Lookahead = ANYTHING_AHEAD
    barred: frozenset[str] = ALL_MAY_COME


@dataclass(frozen=True, slots=True)
class Opening:
    """A nonterminal that begins in a state of the parser and a situation."""

    state: int
    begin: Situation
    name: str


@dataclass(frozen=True, slots=True)
class Span:
    """A nonterminal between two situations."""

    opening: Opening
    end: Situation

    @property
    def name(self) -> str:
        """The nonterminal."""
        return self.opening.name


@dataclass(frozen=True, slots=True)
class Tail:
    """What is ignored after the last terminal."""

    begin: Situation
    name: str = "after all"


@dataclass(frozen=True, slots=True)
class Token:
    """A terminal, and what is ignored before it.

    Attributes:
        begin: The situation before both.
        name: The terminal.
        after: What is known of the text after it.
    """

    begin: Situation
    name: str
    after: Lookahead


@dataclass(frozen=True, slots=True)
class Pieces:
    """A terminal as its lexemes, or what is left of it from a cut on.

    Attributes:
        begin: The situation before the terminal.
        name: The terminal.
        after: What is known of the text after it.
        source: The cut; 0 for all of the terminal.
    """

    begin: Situation
    name: str
    after: Lookahead
    source: int = 0
