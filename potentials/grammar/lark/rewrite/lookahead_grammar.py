"""Running contexts and debts through a grammar, with what is ignored written out.

Every symbol is labelled with the parser state in which it begins, and with the contexts before and
after it: the state in which the lexer is asked, and what the text so far owes. Between terminals
stands what is ignored, one terminal at a time, because a debt ends there.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from potentials.grammar.lark.lalr import Automaton
from potentials.grammar.lark.lexer.contexts import Context
from potentials.grammar.lark.lexer.cutting import Cutter, Cutting
from potentials.grammar.lark.lexer.joint import Debts, TooIntricateError
from potentials.grammar.lark.productions import Rules, Symbol
from potentials.grammar.lark.rewrite.merging import Lexeme, Threaded, written

_MOST_SYMBOLS = 2000

# The lexer's situation: (parser state, what is owed, what goes on beside, and the terminals that
# must not come next, because Lark would have settled a conflict another way).
Situation = tuple[int, Debts, Debts, frozenset[str]]
Owed = tuple[Debts, Debts]

_NOTHING: Owed = (frozenset(), frozenset())
_ALL_MAY_COME: frozenset[str] = frozenset()


@dataclass
class Threader:
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
    _outs: dict[Hashable, set[Situation]] = field(default_factory=dict)
    _ways: dict[tuple[Situation, str], set[Owed]] = field(default_factory=dict)
    _situations: dict[tuple[int, Owed], Situation] = field(default_factory=dict)
    _by_out: dict[Hashable, dict[Situation, list[tuple[Any, ...]]]] = field(default_factory=dict)

    def thread(self, start: str) -> Threaded:
        """Return the labelled grammar.

        Raises:
            TooIntricateError: If lexemes cannot be cut, or there are too many labels.
        """
        first: Situation = (self.automaton.start, *_NOTHING, _ALL_MAY_COME)
        top = ("N", self.automaton.start, first, start)
        self._settle(top)
        productions: dict[Hashable, list[tuple[Any, ...]]] = {}
        productions["start"] = [((top, out), ("L", out)) for out in self._outs[top]]
        stack: list[Any] = [s for body in productions["start"] for s in body]
        while stack:
            key = stack.pop()
            if key in productions:
                continue
            if len(productions) > _MOST_SYMBOLS:
                raise TooIntricateError
            productions[key] = self._bodies(key)
            stack.extend(s for b in productions[key] for s in b if not isinstance(s, Lexeme))
        return written(productions)

    def _settle(self, top: Hashable) -> None:
        """Find in which situations each labelled symbol may end."""
        self._outs[top] = set()
        changed = True
        while changed:
            changed = False
            if len(self._outs) > _MOST_SYMBOLS:
                raise TooIntricateError
            for key in list(self._outs):
                changed |= self._grow(key)

    def _grow(self, key: Any) -> bool:
        _n, state, situation, name = key
        before = len(self._outs[key]), len(self._outs)
        for production in self.rules[name]:
            ends = {situation}
            at = state
            for symbol, terminal in production:
                row = self.automaton.actions[at] if terminal else self.automaton.gotos[at]
                to = row.get(symbol)
                if not isinstance(to, int):
                    ends = set()
                    break
                if terminal:
                    ends = {
                        self._from(to, owed) for end in ends for owed in self._after(end, symbol)
                    }
                else:
                    keys = [("N", at, end, symbol) for end in ends]
                    ends = set().union(*(self._outs.setdefault(k, set()) for k in keys))
                at = to
                if not ends:
                    break
            barred = self._barred(at, name, production)
            self._outs[key] |= {_barring(end, barred) for end in ends}
        return (len(self._outs[key]), len(self._outs)) != before

    def _cutting(self, situation: Situation) -> Cutting:
        state, debts, beside, _barred = situation
        return self.cutter.cut(self.contexts[state], debts, beside)

    def _from(self, state: int, owed: Owed) -> Situation:
        """Return the situation in a state, without what makes no difference there."""
        key = (state, owed)
        if key not in self._situations:
            found: Situation = (state, *owed, _ALL_MAY_COME)
            if state in self.contexts and owed != _NOTHING:
                plain: Situation = (state, *_NOTHING, _ALL_MAY_COME)
                if self._cutting(found) == self._cutting(plain):
                    found = plain
            self._situations[key] = found
        return self._situations[key]

    def _after_one(self, situation: Situation, terminal: str) -> set[Owed]:
        """Return what may be owed right after a terminal, nothing ignored before it."""
        if situation[0] not in self.contexts:
            return set()
        pieces = self._cutting(situation).pieces.get(terminal, ())
        return {(p.debts, p.beside) for p in pieces if p.target is None and not p.texts.empty}

    def _skips(self, situation: Situation) -> set[Situation]:
        """Return the situations reached by ignoring nothing or something."""
        found = {situation}
        stack = [situation]
        while stack:
            now = stack.pop()
            for ignored in self.ignore:
                ways = self._after_one(now, ignored)
                new = {self._from(now[0], owed) for owed in ways} - found
                found |= new
                stack.extend(new)
        return found

    def _barred(self, state: int, name: str, production: tuple[Symbol, ...]) -> frozenset[str]:
        key = (state, name, tuple(symbol for symbol, _terminal in production))
        return self.automaton.barred.get(key, _ALL_MAY_COME)

    def _after(self, situation: Situation, terminal: str) -> set[Owed]:
        if terminal in situation[3]:
            return set()
        situation = (*situation[:3], _ALL_MAY_COME)
        key = (situation, terminal)
        if key not in self._ways:
            ways = (self._after_one(s, terminal) for s in self._skips(situation))
            self._ways[key] = set().union(*ways)
        return self._ways[key]

    def _bodies(self, key: Any) -> list[tuple[Any, ...]]:
        if key[0] == "L":
            return self._last(key[1])
        if key[0] == "T":
            return self._terminal(*key[1:])
        if key[0] == "M":
            return self._pieces(*key[1:])
        inner, out = key
        if inner not in self._by_out:
            _n, state, situation, name = inner
            by_out: dict[Situation, list[tuple[Any, ...]]] = {}
            for production in self.rules[name]:
                for at, body, end in self._labelled(production, state, situation):
                    barred = self._barred(at, name, production)
                    by_out.setdefault(_barring(end, barred), []).append(body)
            self._by_out[inner] = by_out
        return self._by_out[inner].get(out, [])

    def _labelled(
        self, production: tuple[Symbol, ...], state: int, situation: Situation
    ) -> list[tuple[int, tuple[Any, ...], Situation]]:
        partial: list[tuple[tuple[Any, ...], Situation]] = [((), situation)]
        at = state
        for symbol, terminal in production:
            row = self.automaton.actions[at] if terminal else self.automaton.gotos[at]
            to = row.get(symbol)
            if not isinstance(to, int):
                return []
            longer: list[tuple[tuple[Any, ...], Situation]] = []
            for body, now in partial:
                if terminal:
                    for owed in self._after(now, symbol):
                        part = ("T", (*now[:3], _ALL_MAY_COME), symbol, owed)
                        longer.append(((*body, part), self._from(to, owed)))
                    if len(longer) > _MOST_SYMBOLS:
                        raise TooIntricateError
                else:
                    inner = ("N", at, now, symbol)
                    outs = self._outs.get(inner, ())
                    longer += [((*body, (inner, out)), out) for out in outs]
            partial, at = longer, to
        return [(at, body, end) for body, end in partial]

    def _last(self, situation: Situation) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = [()]
        for ignored in sorted(self.ignore):
            for owed in self._after_one(situation, ignored):
                after = self._from(situation[0], owed)
                found.append((("M", situation, ignored, owed, 0), ("L", after)))
        return found

    def _terminal(self, situation: Situation, terminal: str, owed: Owed) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = [(("M", situation, terminal, owed, 0),)]
        for ignored in sorted(self.ignore):
            for left in self._after_one(situation, ignored):
                after = self._from(situation[0], left)
                if owed in self._after(after, terminal):
                    skip = ("M", situation, ignored, left, 0)
                    found.append((skip, ("T", after, terminal, owed)))
        return found

    def _pieces(
        self, situation: Situation, terminal: str, owed: Owed, source: int
    ) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for piece in self._cutting(situation).pieces.get(terminal, ()):
            if piece.source != source or piece.texts.empty:
                continue
            lexeme = Lexeme(terminal, piece.texts)
            if piece.target is not None:
                found.append((lexeme, ("M", situation, terminal, owed, piece.target)))
            elif (piece.debts, piece.beside) == owed:
                found.append((lexeme,))
        return found


def _barring(situation: Situation, barred: frozenset[str]) -> Situation:
    state, debts, beside, before = situation
    return state, debts, beside, before | barred
