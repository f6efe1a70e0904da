"""Splitting nonterminals by LALR state and lexer context, so that each terminal has one share.

Two labels do it, and neither changes the language. The parser state in which a symbol begins is
the same for every derivation of a text. The *context*, that is the state in which the lexer was
asked for the symbol's first terminal, runs through the derivation from left to right. What ends up
the same under all labels is merged again: a grammar that needs no splitting stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from potentials.grammar.lark.lalr import Automaton
from potentials.grammar.lark.lexer.shares import Share
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
    rules: Rules, start: str, automaton: Automaton, shares: dict[tuple[int, str], Share]
) -> LexemeGrammar[Share]:
    """Split a grammar by Lark's parser states.

    Args:
        rules: Usable productions.
        start: The start symbol.
        automaton: Lark's automaton.
        shares: For each context and terminal what it takes there.
    """
    everywhere = _one_share_each(shares)
    if everywhere is not None:
        return unsplit(rules, start, everywhere)
    context_of = _classes(shares)
    table = _Splitter(rules, automaton, shares, context_of)
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


def _one_share_each(shares: dict[tuple[int, str], Share]) -> dict[str, Share] | None:
    by_name: dict[str, Share] = {}
    for (_state, name), share in shares.items():
        if by_name.setdefault(name, share) != share:
            return None
    return by_name


def _classes(shares: dict[tuple[int, str], Share]) -> dict[int, int]:
    """Return a number for each context; contexts with one number share all they have in common."""
    by_state: dict[int, dict[str, Share]] = {}
    for (state, name), share in shares.items():
        by_state.setdefault(state, {})[name] = share
    groups: list[dict[str, Share]] = []
    out: dict[int, int] = {}
    for state in sorted(by_state, key=lambda s: -len(by_state[s])):
        mine = by_state[state]
        for i, group in enumerate(groups):
            if all(group.get(n, s) == s for n, s in mine.items()):
                group.update(mine)
                out[state] = i
                break
        else:
            groups.append(dict(mine))
            out[state] = len(groups) - 1
    return out


@dataclass
class _Splitter:
    """The productions under labels, worked out as they are asked for."""

    rules: Rules
    automaton: Automaton
    shares: dict[tuple[int, str], Share]
    context_of: dict[int, int]
    _ends: dict[Opening, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_context: dict[tuple[int, str], Share] = {
            (self.context_of[s], n): share for (s, n), share in self.shares.items()
        }

    def ends(self, opening: Opening) -> set[int]:
        """Return the contexts in which a labelled nonterminal may end."""
        if opening not in self._ends:
            self._ends[opening] = set()
            changed = True
            while changed:
                changed = False
                for known in list(self._ends):
                    changed |= self._grow(known)
        return self._ends[opening]

    def _grow(self, opening: Opening) -> bool:
        before = len(self._ends[opening]), len(self._ends)
        for production in self.rules[opening.name]:
            ends = {opening.context}
            at = opening.state
            for symbol, terminal in production:
                to = self._next_state(at, symbol, terminal)
                if to is None:
                    ends = set()
                elif terminal:
                    usable = any((c, symbol) in self._by_context for c in ends)
                    ends = {self.context_of.get(to, _NO_CONTEXT)} if usable else set()
                else:
                    inner = (Opening(at, c, symbol) for c in ends)
                    ends = set().union(*[self._ends.setdefault(o, set()) for o in inner])
                if to is None or not ends:
                    break
                at = to
            self._ends[opening] |= ends
        return (len(self._ends[opening]), len(self._ends)) != before

    def _next_state(self, at: int, symbol: str, terminal: bool) -> int | None:
        row = self.automaton.actions[at] if terminal else self.automaton.gotos[at]
        to = row.get(symbol)
        return to if isinstance(to, int) else None

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
            to = self._next_state(at, symbol, terminal)
            if to is None:
                return []
            longer: list[tuple[Body, int]] = []
            for body, context in partial:
                if terminal:
                    share = self._by_context.get((context, symbol))
                    if share is not None:
                        after = self.context_of.get(to, _NO_CONTEXT)
                        longer.append(((*body, Lexeme(symbol, share)), after))
                else:
                    inner = Opening(at, context, symbol)
                    ends = self._ends.get(inner, ())
                    longer.extend(((*body, Span(inner, end)), end) for end in ends)
            partial, at = longer, to
        return partial
