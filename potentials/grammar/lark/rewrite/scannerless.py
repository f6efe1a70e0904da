"""Scannerless grammars: terminals spelled out in rules over single characters.

The exact way where terminals interact and lexemes fail: single characters never run into one
another, so maximal munch has nothing to decide. Every symbol of the grammar is labelled with the
negative lookahead before and after it; what is ignored is written out between terminals.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from potentials.grammar.lark.automata.dfa import DEAD, DFA
from potentials.grammar.lark.lexer.product_automaton import TooLargeError
from potentials.grammar.lark.productions import Rules
from potentials.grammar.lark.rewrite.negative_lookahead import ANYTHING, Ahead, NegativeLookaheads
from potentials.grammar.lark.rewrite.scannerless_labels import (
    Begin,
    Begun,
    Ignored,
    Label,
    Skipped,
    Span,
    Text,
    Token,
    Top,
    WalkState,
)

_MOST_SYMBOLS = 12_000
_MOST_STEPS = 400_000


Bodies = list[tuple[Label | int, ...]]


@dataclass
class Speller:
    """Labels a grammar and spells its terminals.

    In the bodies an integer is a mask of characters, anything else a labelled symbol.

    Attributes:
        rules: Usable productions.
        automata: For each terminal the texts of which Python takes the longest.
        ignore: Ignored terminals.
        size: The number of symbols of the alphabet.
        anywhere: Terminals that may end wherever they match, not only where they must.
    """

    rules: Rules
    automata: dict[str, DFA]
    ignore: tuple[str, ...]
    size: int
    anywhere: frozenset[str] = frozenset()
    _walks: dict[tuple[Ahead, str], dict[Ahead, list[WalkState]]] = field(default_factory=dict)
    _edges: dict[tuple[Ahead, str], dict[WalkState, dict[WalkState, int]]] = field(
        default_factory=dict
    )
    _narrowed: dict[tuple[Ahead, str], Ahead] = field(default_factory=dict)
    _skips: dict[Ahead, dict[Ahead, set[tuple[Ahead, str]]]] = field(default_factory=dict)
    _outs: dict[tuple[Ahead, str], set[Ahead]] = field(default_factory=dict)
    _users: dict[tuple[Ahead, str], dict[tuple[Ahead, str], None]] = field(default_factory=dict)
    _steps: int = 0

    def __post_init__(self) -> None:
        self.lookaheads = NegativeLookaheads(self.automata, self.size)

    def spell(self, start: str) -> dict[Label, Bodies]:
        """Return the productions; the start symbol is `Top()`.

        Raises:
            TooLargeError: If there are too many labels.
        """
        self._settle((ANYTHING, start))
        top: Bodies = []
        for out in self._outs[ANYTHING, start]:
            for left in self._skipped(out):
                if self.lookaheads.after(left, self.size) is not None:
                    top.append((Span(ANYTHING, start, out), Ignored(out, left)))
        productions: dict[Label, Bodies] = {Top(): top}
        stack = [s for body in top for s in body]
        while stack:
            key = stack.pop()
            if isinstance(key, int) or key in productions:
                continue
            if len(productions) > _MOST_SYMBOLS:
                raise TooLargeError
            productions[key] = self._bodies(key)
            self._count(len(productions[key]))
            stack.extend(s for body in productions[key] for s in body)
        return productions

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise TooLargeError

    def _settle(self, top: tuple[Ahead, str]) -> None:
        """Find the lookaheads after each labelled symbol."""
        self._outs[top] = set()
        waiting = [top]
        queued = {top}
        while waiting:
            key = waiting.pop()
            queued.discard(key)
            before, name = key
            after: set[Ahead] = set()
            for production in self.rules[name]:
                ends = {before}
                for symbol, terminal in production:
                    self._count(len(ends))
                    nexts: set[Ahead] = set()
                    for end in ends:
                        if terminal:
                            nexts |= self._ways(end, symbol).keys()
                            continue
                        inner = (end, symbol)
                        if inner not in self._outs:
                            if len(self._outs) > _MOST_SYMBOLS:
                                raise TooLargeError
                            self._outs[inner] = set()
                            waiting.append(inner)
                            queued.add(inner)
                        self._users.setdefault(inner, {})[key] = None
                        nexts |= self._outs[inner]
                    ends = nexts
                after |= ends
            if not after <= self._outs[key]:
                self._outs[key] |= after
                new = [user for user in self._users.get(key, ()) if user not in queued]
                waiting.extend(new)
                queued.update(new)

    def _narrow(self, before: Ahead, terminal: str) -> Ahead:
        """Return nothing where the lookahead makes no difference to a terminal."""
        key = (before, terminal)
        if key not in self._narrowed:
            first = self.automata[terminal].first
            after = (self.lookaheads.after(before, x) for x in range(self.size) if first >> x & 1)
            free = all(left == ANYTHING for left in after)
            self._narrowed[key] = ANYTHING if free else before
        return self._narrowed[key]

    def _walk(self, before: Ahead, terminal: str) -> dict[Ahead, list[WalkState]]:
        """Return, for all lookaheads after a terminal, the states in which it has ended."""
        key = (before, terminal)
        if key in self._walks:
            return self._walks[key]
        automaton = self.automata[terminal]
        begin: tuple[int, Ahead] = (0, before)
        into: dict[WalkState, dict[WalkState, int]] = {begin: {}}
        ends: dict[Ahead, list[WalkState]] = {}
        queue: list[tuple[int, Ahead]] = [begin]
        for state in queue:
            at, ahead = state
            for x in range(self.size):
                to = automaton.steps[at][x]
                left = self.lookaheads.after(ahead, x) if to != DEAD else None
                if left is None:
                    continue
                after = (to, left)
                if after not in into:
                    into[after] = {}
                    queue.append(after)
                into[after][state] = into[after].get(state, 0) | 1 << x
            self._count(1)
        for state in queue:
            at, ahead = state
            if terminal in self.anywhere:
                # Python is asked for a match of the text up to here.
                if automaton.accept[at] >> self.size & 1:
                    ends.setdefault(ahead, []).append(state)
            elif automaton.accept[at]:
                ended = self.lookaheads.ended(ahead, terminal, at)
                ends.setdefault(ended, []).append(state)
        self._walks[key], self._edges[key] = ends, into
        return ends

    def _skipped(self, before: Ahead) -> dict[Ahead, set[tuple[Ahead, str]]]:
        """Return the lookaheads after ignoring something, and how that came about."""
        if before not in self._skips:
            ways: dict[Ahead, set[tuple[Ahead, str]]] = {before: set()}
            for now in (queue := [before]):
                for ignored in self.ignore:
                    for left in self._walk(self._narrow(now, ignored), ignored):
                        if left not in ways:
                            ways[left] = set()
                            queue.append(left)
                        ways[left].add((now, ignored))
            self._skips[before] = ways
        return self._skips[before]

    def _ways(self, before: Ahead, terminal: str) -> dict[Ahead, dict[Ahead, frozenset[Ahead]]]:
        """Return, for all lookaheads after a terminal, those where it began.

        Each of those with the ones after skipping to there.
        """
        grouped: dict[Ahead, set[Ahead]] = {}
        for left in self._skipped(before):
            grouped.setdefault(self._narrow(left, terminal), set()).add(left)
        out: dict[Ahead, dict[Ahead, frozenset[Ahead]]] = {}
        for begin, lefts in grouped.items():
            for end in self._walk(begin, terminal):
                out.setdefault(end, {})[begin] = frozenset(lefts)
        return out

    def _bodies(self, label: Label) -> Bodies:
        match label:
            case Span(before, name, after):
                return [
                    (Begun(before, name, i, len(production), after),)
                    for i, production in enumerate(self.rules[name])
                    if after in self._ends(before, name, i, len(production))
                ]
            case Begun():
                return self._begun(label)
            case Token(before, terminal, after):
                return [
                    (Skipped(before, lefts), Text(begin, terminal, after))
                    for begin, lefts in self._ways(before, terminal)[after].items()
                ]
            case Skipped(before, afters):
                return [(Ignored(before, after),) for after in sorted(afters, key=sorted)]
            case Ignored():
                return self._ignored(label)
            case Text(before, terminal, after):
                states = self._walk(before, terminal)[after]
                return [(Begin(before, terminal, s),) for s in states]
            case Begin(before, terminal, state):
                into = self._edges[before, terminal][state]
                empty: Bodies = [()] if state == (0, before) else []
                steps: Bodies = [(Begin(before, terminal, s), mask) for s, mask in into.items()]
                return empty + steps
            case Top():
                raise AssertionError("the start symbol has its productions from the first")

    def _ignored(self, label: Ignored) -> Bodies:
        ways = self._skipped(label.before)[label.after]
        empty: Bodies = [()] if label.before == label.after else []
        return empty + [
            (Ignored(label.before, now), Text(self._narrow(now, ignored), ignored, label.after))
            for now, ignored in sorted(ways, key=lambda w: (sorted(w[0]), w[1]))
        ]

    def _ends(self, before: Ahead, name: str, which: int, length: int) -> set[Ahead]:
        """Return the lookaheads after the first symbols of a production."""
        ends = {before}
        for symbol, terminal in self.rules[name][which][:length]:
            nexts: set[Ahead] = set()
            for end in ends:
                nexts |= self._ways(end, symbol).keys() if terminal else self._outs[end, symbol]
            ends = nexts
        return ends

    def _begun(self, label: Begun) -> Bodies:
        if label.length == 0:
            return [()] if label.before == label.after else []
        shorter = label.length - 1
        symbol, terminal = self.rules[label.name][label.production][shorter]
        bodies: Bodies = []
        for between in self._ends(label.before, label.name, label.production, shorter):
            outs = self._ways(between, symbol) if terminal else self._outs[between, symbol]
            if label.after in outs:
                first = replace(label, length=shorter, after=between)
                last = (Token if terminal else Span)(between, symbol, label.after)
                bodies.append((first, last))
        return bodies
