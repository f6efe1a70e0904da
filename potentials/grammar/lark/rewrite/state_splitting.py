"""Splitting nonterminals by LALR state and lexer context, so that each terminal has one share.

Two labels do it, and neither changes the language. The parser state in which a symbol begins is
the same for every derivation of a text. The *context*, that is the state in which the lexer was
asked for the symbol's first terminal, runs through the derivation from left to right. What ends up
the same under all labels is merged again: a grammar that needs no splitting stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from potentials.grammar.lark.lalr import Automaton
from potentials.grammar.lark.lexer.contexts import Context
from potentials.grammar.lark.lexer.shares import Share, ShareTable
from potentials.grammar.lark.productions import Rules, Symbol
from potentials.grammar.lark.rewrite.merging import Label, Lexeme, LexemeGrammar, Top, merge

_NO_CONTEXT = -1


@dataclass(frozen=True, slots=True)
class Opening:
    """A nonterminal that begins in a state of the parser and a context of the lexer."""

    state: int
    context: int
    name: str


@dataclass(frozen=True, slots=True)
class Span:
    """A nonterminal between two contexts."""

    opening: Opening
    end: int

    @property
    def name(self) -> str:
        """The nonterminal."""
        return self.opening.name


Body = tuple[Label | Lexeme[Share], ...]


def split(
    rules: Rules,
    start: str,
    automaton: Automaton,
    contexts: dict[int, Context],
    shares: ShareTable,
) -> LexemeGrammar[Share]:
    """Split a grammar by Lark's parser states.

    Args:
        rules: Usable productions.
        start: The start symbol.
        automaton: Lark's automaton.
        contexts: By parser state.
        shares: The terminals.
    """
    by_names = {
        names: {n: shares.share(names, n) for n in names}
        for names in dict.fromkeys(context.names for context in contexts.values())
    }
    everywhere = _one_share_each(by_names.values())
    if everywhere is not None:
        return unsplit(rules, start, everywhere)
    class_of, classes = _classes(by_names)
    context_of = {state: class_of[context.names] for state, context in contexts.items()}
    table = _Splitter(rules, automaton, context_of, classes)
    first = Opening(automaton.start, context_of[automaton.start], start)
    top = Top(start)
    productions: dict[Label, list[Body]] = {top: [(Span(first, end),) for end in table.ends(first)]}
    stack = [s for body in productions[top] for s in body]
    while stack:
        symbol = stack.pop()
        if isinstance(symbol, Lexeme) or symbol in productions:
            continue
        assert isinstance(symbol, Span)
        productions[symbol] = table.bodies(symbol)
        stack.extend(s for body in productions[symbol] for s in body)
    return merge(productions, top)


def unsplit(rules: Rules, start: str, shares: dict[str, Share]) -> LexemeGrammar[Share]:
    """Return a grammar as it is, each terminal with its one share."""
    used = {n for ps in rules.values() for p in ps for n, terminal in p if terminal}
    return LexemeGrammar(rules, start, {n: Lexeme(n, shares[n]) for n in sorted(used)})


def _one_share_each(contexts: Iterable[dict[str, Share]]) -> dict[str, Share] | None:
    by_name: dict[str, Share] = {}
    for shares in contexts:
        for name, share in shares.items():
            if by_name.setdefault(name, share) != share:
                return None
    return by_name


def _classes(
    contexts: dict[frozenset[str], dict[str, Share]],
) -> tuple[dict[frozenset[str], int], list[dict[str, Share]]]:
    """Return a class for each context, and its shares; in one class all in common is the same."""
    class_of: dict[frozenset[str], int] = {}
    classes: list[dict[str, Share]] = []
    for names in sorted(contexts, key=len, reverse=True):
        mine = contexts[names]
        for i, theirs in enumerate(classes):
            if all(theirs.get(n, s) == s for n, s in mine.items()):
                theirs.update(mine)
                class_of[names] = i
                break
        else:
            class_of[names] = len(classes)
            classes.append(dict(mine))
    return class_of, classes


@dataclass
class _Splitter:
    """The productions under labels, worked out as they are asked for."""

    rules: Rules
    automaton: Automaton
    context_of: dict[int, int]
    shares: list[dict[str, Share]]
    _ends: dict[Opening, set[int]] = field(default_factory=dict)
    _users: dict[Opening, set[Opening]] = field(default_factory=dict)

    def ends(self, opening: Opening) -> set[int]:
        """Return the contexts in which a labelled nonterminal may end."""
        if opening not in self._ends:
            self._ends[opening] = set()
            waiting = {opening: None}
            while waiting:
                known, _ = waiting.popitem()
                before = len(self._ends[known])
                waiting |= dict.fromkeys(self._grow(known))
                if len(self._ends[known]) > before:
                    waiting |= dict.fromkeys(self._users.get(known, ()))
        return self._ends[opening]

    def _grow(self, opening: Opening) -> list[Opening]:
        """Add what is known now of where one may end; return those met for the first time."""
        new: list[Opening] = []
        for production in self.rules[opening.name]:
            ends = {opening.context}
            at = opening.state
            for symbol, terminal in production:
                to = self.automaton.next_state(at, symbol, terminal=terminal)
                if to is None:
                    ends = set()
                elif terminal:
                    usable = any(self._share(c, symbol) for c in ends)
                    ends = {self.context_of.get(to, _NO_CONTEXT)} if usable else set()
                else:
                    inner = [Opening(at, c, symbol) for c in ends]
                    ends = set()
                    for o in inner:
                        if o not in self._ends:
                            self._ends[o] = set()
                            new.append(o)
                        self._users.setdefault(o, set()).add(opening)
                        ends |= self._ends[o]
                if to is None or not ends:
                    break
                at = to
            self._ends[opening] |= ends
        return new

    def _share(self, context: int, terminal: str) -> Share | None:
        return None if context == _NO_CONTEXT else self.shares[context].get(terminal)

    def bodies(self, span: Span) -> list[Body]:
        """Return the labelled bodies of a nonterminal."""
        opening = span.opening
        return [
            body
            for production in self.rules[opening.name]
            for body, end in self._labelled(production, opening)
            if end == span.end
        ]

    def _labelled(self, production: tuple[Symbol, ...], opening: Opening) -> list[tuple[Body, int]]:
        partial: list[tuple[Body, int]] = [((), opening.context)]
        at = opening.state
        for symbol, terminal in production:
            to = self.automaton.next_state(at, symbol, terminal=terminal)
            if to is None:
                return []
            longer: list[tuple[Body, int]] = []
            for body, context in partial:
                if terminal:
                    share = self._share(context, symbol)
                    if share is not None:
                        after = self.context_of.get(to, _NO_CONTEXT)
                        longer.append(((*body, Lexeme(symbol, share)), after))
                else:
                    inner = Opening(at, context, symbol)
                    ends = self._ends.get(inner, ())
                    longer.extend(((*body, Span(inner, end)), end) for end in ends)
            partial, at = longer, to
        return partial
