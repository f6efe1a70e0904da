"""Bisimulation of nonterminals: those that derive the same in the same way become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from potentials.grammar.lark.automata.partition import coarsest_partition
from potentials.grammar.lark.productions import Rules, Symbol, reduce_rules

T = TypeVar("T")


class Label(Protocol):
    """A nonterminal of the source under some label; hashable."""

    @property
    def name(self) -> str:
        """The nonterminal, for people."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Top:
    """The start symbol of a labelled grammar."""

    name: str = "start"


@dataclass(frozen=True, slots=True)
class Lexeme(Generic[T]):
    """A terminal of a labelled grammar: some texts of a terminal of the source."""

    terminal: str
    texts: T


Body = tuple[Label | Lexeme[T], ...]


@dataclass(frozen=True)
class LexemeGrammar(Generic[T]):
    """Productions over lexemes.

    Attributes:
        rules: Productions; a terminal's name is a key of `lexemes`. Empty without a sentence.
        start: The start symbol.
        lexemes: What each terminal takes.
    """

    rules: Rules
    start: str
    lexemes: dict[str, Lexeme[T]]


def merge(productions: Mapping[Label, Sequence[Body[T]]], start: Label) -> LexemeGrammar[T]:
    """Return the grammar with one nonterminal for those that derive the same in the same way."""

    def shape(key: Label, block: Mapping[Label, int]) -> frozenset[tuple[object, ...]]:
        return frozenset(
            tuple(s if isinstance(s, Lexeme) else block[s] for s in body)
            for body in productions[key]
        )

    block = coarsest_partition(productions, shape)
    names: dict[int, str] = {}
    for key in (start, *productions):
        names.setdefault(block[key], f"{key.name}#{block[key]}")
    lexeme_names: dict[Lexeme[T], str] = {}

    def symbol(s: Label | Lexeme[T]) -> Symbol:
        if isinstance(s, Lexeme):
            return lexeme_names.setdefault(s, f"{s.terminal}#{len(lexeme_names)}"), True
        return names[block[s]], False

    rules: Rules = {}
    for key, bodies in productions.items():
        if names[block[key]] not in rules:
            written = (tuple(symbol(s) for s in body) for body in bodies)
            rules[names[block[key]]] = tuple(dict.fromkeys(written))
    kept, _dropped = reduce_rules(rules, names[block[start]])
    return LexemeGrammar(kept, names[block[start]], {n: s for s, n in lexeme_names.items()})
