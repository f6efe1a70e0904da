"""Negative lookahead of Lark's dynamic lexer: what a match still asks of the text after it.

Lark's dynamic lexer takes, at each place and for each terminal, the one text that Python's `re`
would take there. So after `12`, read as digits and perhaps a fraction, the text must not go on
with `.5`, nor with `3`: the match would have been longer. Such a *negative lookahead* follows the
text, character by character, through whatever terminals it is read as, and ends when the text can
no longer violate it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from potentials.grammar.lark.automata.dfa import DEAD, DFA
from potentials.grammar.lark.automata.partition import coarsest_partition

# Classes of lookaheads that hold at the same place.
Ahead = frozenset[int]

ANYTHING: Ahead = frozenset()
_MET = -1
_VIOLATED = -2


@dataclass(frozen=True, slots=True)
class _Pending:
    """A match that must not get longer.

    Attributes:
        terminal: Which was matched.
        state: Of its automaton, after the text so far.
        just_ended: Whether the match ends right here.
    """

    terminal: str
    state: int
    just_ended: bool = False


@dataclass
class NegativeLookaheads:
    """The lookaheads of all terminals, those that ask the same of any text as one class.

    Attributes:
        automata: For each terminal the texts of which Python takes the longest.
        size: The number of symbols; this number stands for the end of the text.
    """

    automata: dict[str, DFA]
    size: int
    _class_of: dict[_Pending, int] = field(default_factory=dict)
    _rows: list[tuple[int, ...]] = field(default_factory=list)
    _after: dict[tuple[Ahead, int], Ahead | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows: dict[_Pending, list[_Pending | int]] = {}
        for name, automaton in self.automata.items():
            for state, accept in enumerate(automaton.accept):
                rows[_Pending(name, state)] = self._row(name, automaton, state, accept)
                if accept:
                    longer = ~accept & automaton.all_next
                    ended = _Pending(name, state, just_ended=True)
                    rows[ended] = self._row(name, automaton, state, longer)

        def seen(pending: _Pending, block: Mapping[_Pending, int]) -> tuple[int, ...]:
            return tuple(to if isinstance(to, int) else block[to] for to in rows[pending])

        self._class_of = coarsest_partition(rows, seen)
        by_class = {self._class_of[pending]: seen(pending, self._class_of) for pending in rows}
        self._rows = [by_class[i] for i in range(len(by_class))]

    def _row(self, name: str, automaton: DFA, state: int, violating: int) -> list[_Pending | int]:
        row: list[_Pending | int] = []
        for x in range(self.size + 1):
            to = automaton.steps[state][x] if x < self.size else DEAD
            if violating >> x & 1 or (to != DEAD and automaton.accept[to] == automaton.all_next):
                row.append(_VIOLATED)
            else:
                row.append(_MET if to == DEAD else _Pending(name, to))
        return row

    def ended(self, ahead: Ahead, terminal: str, state: int) -> Ahead:
        """Return what holds once a terminal has ended in a state."""
        own = self._class_of[_Pending(terminal, state, just_ended=True)]
        if all(to == _MET for to in self._rows[own]):
            return ahead
        return ahead | {own}

    def after(self, ahead: Ahead, symbol: int) -> Ahead | None:
        """Return what holds after a symbol (or the end); None where that violates something."""
        if not ahead:
            return ahead
        key = (ahead, symbol)
        if key not in self._after:
            following = {self._rows[c][symbol] for c in ahead}
            self._after[key] = None if _VIOLATED in following else frozenset(following - {_MET})
        return self._after[key]
