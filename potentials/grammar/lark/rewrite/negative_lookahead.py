"""What a match still asks of the text after it, where terminals do not compete.

Lark's dynamic lexer takes, at each place and for each terminal, the one text that Python's `re`
would take there. So after `12`, read as digits and perhaps a fraction, the text must not go on
with `.5`, nor with `3`: the match would have been longer. Such *obligations* follow the text,
character by character, through whatever terminals it is read as, and end when they can no longer
be broken.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from potentials.grammar.lark.automata.dfa import DEAD, DFA

# Classes of obligations that hold at the same place.
Owing = frozenset[int]

NOTHING_OWED: Owing = frozenset()
_KEPT = -1
_BROKEN = -2


@dataclass
class Obligations:
    """The obligations of all terminals, those that ask the same of any text as one class.

    Attributes:
        automata: For each terminal the texts of which Python takes the longest.
        size: The number of symbols; this number stands for the end of the text.
    """

    automata: dict[str, DFA]
    size: int
    _class_of: dict[tuple[str, int, bool], int] = field(default_factory=dict)
    _rows: list[tuple[int, ...]] = field(default_factory=list)
    _after: dict[tuple[Owing, int], Owing | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        raw: dict[tuple[str, int, bool], list[tuple[str, int, bool] | int]] = {}
        for name, automaton in self.automata.items():
            for state, accept in enumerate(automaton.accept):
                raw[name, state, False] = self._row(name, automaton, state, accept)
                if accept:
                    ended = ~accept & automaton.all_next
                    raw[name, state, True] = self._row(name, automaton, state, ended)
        block: dict[tuple[str, int, bool], int] = dict.fromkeys(raw, 0)
        count = 1
        while True:
            names: dict[tuple[int, ...], int] = {}
            refined = {
                key: names.setdefault(
                    tuple(to if isinstance(to, int) else block[to] for to in row), len(names)
                )
                for key, row in raw.items()
            }
            block = refined
            if len(names) == count:
                break
            count = len(names)
        rows: dict[int, tuple[int, ...]] = {}
        for key, row in raw.items():
            rows[block[key]] = tuple(to if isinstance(to, int) else block[to] for to in row)
        self._class_of = block
        self._rows = [rows[i] for i in range(count)]

    def _row(
        self, name: str, automaton: DFA, state: int, breaking: int
    ) -> list[tuple[str, int, bool] | int]:
        row: list[tuple[str, int, bool] | int] = []
        for x in range(self.size + 1):
            to = automaton.steps[state][x] if x < self.size else DEAD
            if breaking >> x & 1 or (to != DEAD and automaton.accept[to] == automaton.all_next):
                row.append(_BROKEN)
            else:
                row.append(_KEPT if to == DEAD else (name, to, False))
        return row

    def ended(self, owing: Owing, terminal: str, state: int) -> Owing:
        """Return what is owed once a terminal has ended in a state."""
        found = self._class_of[terminal, state, True]
        if all(to == _KEPT for to in self._rows[found]):
            return owing
        return owing | {found}

    def after(self, owing: Owing, symbol: int) -> Owing | None:
        """Return what is owed after a symbol (or the end); None where that breaks something."""
        if not owing:
            return owing
        key = (owing, symbol)
        if key not in self._after:
            found = {self._rows[c][symbol] for c in owing}
            self._after[key] = None if _BROKEN in found else frozenset(found - {_KEPT})
        return self._after[key]
