"""Negative lookahead written into a grammar's nonterminals, with what is ignored written out.

Every nonterminal is labelled with the parser state in which it begins, and with the situations
before and after it: the state in which the lexer is asked, and what is known of the text from
there. Between terminals stands what is ignored, one terminal at a time, because a lookahead may end
there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from potentials.grammar.lark.automata.dfa import DFA
from potentials.grammar.lark.lalr import Automaton
from potentials.grammar.lark.lexer.contexts import Context
from potentials.grammar.lark.lexer.cutting import Cutter, Cutting
from potentials.grammar.lark.lexer.product_automaton import (
    ANYTHING_AHEAD,
    Lookahead,
    TooLargeError,
)
from potentials.grammar.lark.productions import Rules, Symbol
from potentials.grammar.lark.rewrite import merging
from potentials.grammar.lark.rewrite.labels import (
    ALL_MAY_COME,
    Opening,
    Pieces,
    Situation,
    Span,
    Tail,
    Token,
)
from potentials.grammar.lark.rewrite.merging import Label, Lexeme, LexemeGrammar, Top

_MOST_SYMBOLS = 2000
_MOST_PRODUCTIONS = 60_000
_MOST_STEPS = 500_000  # some seconds

T = TypeVar("T")

Body = tuple[Label | Lexeme[DFA], ...]


@dataclass
class LookaheadLabeller:
    """Labels a grammar.

    Attributes:
        rules: Usable productions.
        automaton: Lark's automaton.
        contexts: By parser state.
        ignore: Ignored terminals.
        cutter: Cuts the lexemes.
    """

    rules: Rules
    automaton: Automaton
    contexts: dict[int, Context]
    ignore: frozenset[str]
    cutter: Cutter
    _ends: dict[Opening, dict[Situation, None]] = field(default_factory=dict)
    _after_skipping: dict[tuple[Situation, str], dict[Lookahead, None]] = field(
        default_factory=dict
    )
    _situations: dict[tuple[int, Lookahead], Situation] = field(default_factory=dict)
    _by_end: dict[Opening, dict[Situation, list[Body]]] = field(default_factory=dict)
    _steps: int = 0

    def label(self, start: str) -> LexemeGrammar[DFA]:
        """Return the labelled grammar.

        Raises:
            TooLargeError: If lexemes cannot be cut, or there are too many labels.
        """
        first = Opening(self.automaton.start, Situation(self.automaton.start), start)
        self._settle(first)
        top = Top()
        productions: dict[Label, list[Body]] = {
            top: [(Span(first, end), Tail(end)) for end in self._ends[first]]
        }
        stack = [s for body in productions[top] for s in body]
        while stack:
            symbol = stack.pop()
            if isinstance(symbol, Lexeme) or symbol in productions:
                continue
            if len(productions) > _MOST_PRODUCTIONS:
                raise TooLargeError
            productions[symbol] = self._bodies(symbol)
            stack.extend(s for body in productions[symbol] for s in body)
        return merging.merge(productions, top)

    def _settle(self, first: Opening) -> None:
        """Find in which situations each labelled nonterminal may end."""
        self._ends[first] = {}
        changed = True
        while changed:
            changed = False
            if len(self._ends) > _MOST_SYMBOLS:
                raise TooLargeError
            for opening in list(self._ends):
                changed |= self._grow(opening)

    def _grow(self, opening: Opening) -> bool:
        before = len(self._ends[opening]), len(self._ends)
        for production in self.rules[opening.name]:
            ends = {opening.begin: None}
            at = opening.state
            for symbol, terminal in production:
                to = self.automaton.next_state(at, symbol, terminal=terminal)
                if to is None:
                    ends = {}
                    break
                if terminal:
                    ends = dict.fromkeys(
                        self._at(to, after) for e in ends for after in self._after(e, symbol)
                    )
                else:
                    inner = [Opening(at, end, symbol) for end in ends]
                    ends = _union(self._ends.setdefault(o, {}) for o in inner)
                at = to
                self._steps += 1 + len(ends)
                if self._steps > _MOST_STEPS:
                    raise TooLargeError
                if not ends:
                    break
            barred = self._barred(at, opening.name, production)
            self._ends[opening] |= dict.fromkeys(_barring(end, barred) for end in ends)
        return (len(self._ends[opening]), len(self._ends)) != before

    def _cutting(self, situation: Situation) -> Cutting:
        return self.cutter.cut(self.contexts[situation.state], situation.lookahead)

    def _at(self, state: int, lookahead: Lookahead) -> Situation:
        """Return the situation in a state, without what makes no difference there."""
        key = (state, lookahead)
        if key not in self._situations:
            situation, plain = Situation(state, lookahead), Situation(state)
            if (
                state in self.contexts
                and lookahead != ANYTHING_AHEAD
                and self._cutting(situation) == self._cutting(plain)
            ):
                situation = plain
            self._situations[key] = situation
        return self._situations[key]

    def _directly_after(self, situation: Situation, terminal: str) -> dict[Lookahead, None]:
        """Return what may be known after a terminal, nothing ignored before it."""
        if situation.state not in self.contexts:
            return {}
        pieces = self._cutting(situation).pieces.get(terminal, ())
        return dict.fromkeys(p.lookahead for p in pieces if p.target is None and not p.texts.empty)

    def _skips(self, situation: Situation) -> dict[Situation, None]:
        """Return the situations reached by ignoring nothing or something."""
        reached = {situation: None}
        for now in (queue := [situation]):
            for ignored in sorted(self.ignore):
                for after in self._directly_after(now, ignored):
                    then = self._at(now.state, after)
                    if then not in reached:
                        reached[then] = None
                        queue.append(then)
        return reached

    def _barred(self, state: int, name: str, production: tuple[Symbol, ...]) -> frozenset[str]:
        key = (state, name, tuple(symbol for symbol, _terminal in production))
        return self.automaton.barred.get(key, ALL_MAY_COME)

    def _after(self, situation: Situation, terminal: str) -> dict[Lookahead, None]:
        """Return what may be known after a terminal and what is ignored before it."""
        if terminal in situation.barred:
            return {}
        situation = replace(situation, barred=ALL_MAY_COME)
        key = (situation, terminal)
        if key not in self._after_skipping:
            ways = (self._directly_after(s, terminal) for s in self._skips(situation))
            self._after_skipping[key] = _union(ways)
        return self._after_skipping[key]

    def _bodies(self, symbol: Label) -> list[Body]:
        if isinstance(symbol, Tail):
            return self._tail(symbol)
        if isinstance(symbol, Token):
            return self._token(symbol)
        if isinstance(symbol, Pieces):
            return self._pieces(symbol)
        assert isinstance(symbol, Span)
        opening = symbol.opening
        if opening not in self._by_end:
            by_end: dict[Situation, list[Body]] = {}
            for production in self.rules[opening.name]:
                for at, body, end in self._labelled(production, opening):
                    barred = self._barred(at, opening.name, production)
                    by_end.setdefault(_barring(end, barred), []).append(body)
            self._by_end[opening] = by_end
        return self._by_end[opening].get(symbol.end, [])

    def _labelled(
        self, production: tuple[Symbol, ...], opening: Opening
    ) -> list[tuple[int, Body, Situation]]:
        partial: list[tuple[Body, Situation]] = [((), opening.begin)]
        at = opening.state
        for symbol, terminal in production:
            to = self.automaton.next_state(at, symbol, terminal=terminal)
            if to is None:
                return []
            longer: list[tuple[Body, Situation]] = []
            for body, now in partial:
                if terminal:
                    begin = replace(now, barred=ALL_MAY_COME)
                    for after in self._after(now, symbol):
                        token = Token(begin, symbol, after)
                        longer.append(((*body, token), self._at(to, after)))
                    if len(longer) > _MOST_SYMBOLS:
                        raise TooLargeError
                else:
                    inner = Opening(at, now, symbol)
                    ends = self._ends.get(inner, ())
                    longer += [((*body, Span(inner, end)), end) for end in ends]
            partial, at = longer, to
        return [(at, body, end) for body, end in partial]

    def _tail(self, tail: Tail) -> list[Body]:
        bodies: list[Body] = [()]
        for ignored in sorted(self.ignore):
            for after in self._directly_after(tail.begin, ignored):
                rest = Tail(self._at(tail.begin.state, after))
                bodies.append((Pieces(tail.begin, ignored, after), rest))
        return bodies

    def _token(self, token: Token) -> list[Body]:
        begin = token.begin
        bodies: list[Body] = [(Pieces(begin, token.name, token.after),)]
        for ignored in sorted(self.ignore):
            for after in self._directly_after(begin, ignored):
                now = self._at(begin.state, after)
                if token.after in self._after(now, token.name):
                    skip = Pieces(begin, ignored, after)
                    bodies.append((skip, Token(now, token.name, token.after)))
        return bodies

    def _pieces(self, pieces: Pieces) -> list[Body]:
        bodies: list[Body] = []
        for piece in self._cutting(pieces.begin).pieces.get(pieces.name, ()):
            if piece.source != pieces.source or piece.texts.empty:
                continue
            lexeme = Lexeme(pieces.name, piece.texts)
            if piece.target is not None:
                bodies.append((lexeme, replace(pieces, source=piece.target)))
            elif piece.lookahead == pieces.after:
                bodies.append((lexeme,))
        return bodies


def _barring(situation: Situation, barred: frozenset[str]) -> Situation:
    return replace(situation, barred=situation.barred | barred)


def _union(ordered: Iterable[dict[T, None]]) -> dict[T, None]:
    """Return the union of sets that keep their order, so that translation is reproducible."""
    return {item: None for each in ordered for item in each}
