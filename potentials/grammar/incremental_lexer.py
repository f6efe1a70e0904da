"""An incremental lexer: longest match, one character at a time, states that can be shared.

Lark's own lexer wants the whole text. Here the terminals of one parser state are run side by side
as automata, so a token is known as soon as the text decides it: at its last character where
nothing could make it longer, else at the first character after it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from potentials.grammar.lark.automata import alphabet as alphabets
from potentials.grammar.lark.automata import pattern, re_semantics
from potentials.grammar.lark.automata.dfa import DEAD, DFA

if TYPE_CHECKING:
    from lark.lexer import TerminalDef

    from potentials.grammar.lark.automata.alphabet import Alphabet

_ASCII = 0x80


class Symbols:
    """Looks up which symbol of an alphabet a character is."""

    def __init__(self, alphabet: Alphabet) -> None:
        ranges = sorted((r, i) for i, symbol in enumerate(alphabet.symbols) for r in symbol)
        self._lows = [low for (low, _high), _i in ranges]
        self._symbols = [i for _range, i in ranges]
        self._ascii = [self._find(code) for code in range(_ASCII)]

    def __call__(self, char: str) -> int:
        """Return the symbol of a character."""
        code = ord(char)
        return self._ascii[code] if code < _ASCII else self._find(code)

    def _find(self, code: int) -> int:
        return self._symbols[max(0, bisect_right(self._lows, code) - 1)]


class Scan:
    """The terminals of one parser state, each at a state of its automaton.

    Immutable but for a memo of its successors; equal scans are one object.
    """

    __slots__ = ("_lexer", "_next", "finished", "states")

    def __init__(self, lexer: Scanner, states: tuple[int, ...]) -> None:
        self._lexer = lexer
        self.states = states
        self._next: dict[int, Scan | None] = {}
        self.finished = self._finished()

    def step(self, symbol: int) -> Scan | None:
        """Return the scan after one more character, or None if no terminal goes on with it."""
        try:
            return self._next[symbol]
        except KeyError:
            after = self._next[symbol] = self._lexer.after(self.states, symbol)
            return after

    def terminal(self, symbol: int) -> str | None:
        """Return the terminal that the characters so far are, if this symbol comes next."""
        return self._lexer.taken(self.states, symbol)

    def _finished(self) -> str | None:
        """The terminal that the characters so far are, if no character could go on with it."""
        if any(
            s != DEAD and a.live_next(s)
            for s, a in zip(self.states, self._lexer.automata, strict=True)
        ):
            return None
        terminals = {self.terminal(x) for x in range(self._lexer.size + 1)}
        return terminals.pop() if len(terminals) == 1 else None


class Scanner:
    """All terminals that may stand at one state of the parser, the preferred ones first."""

    def __init__(self, names: Sequence[str], automata: Sequence[DFA], size: int) -> None:
        self.names, self.automata, self.size = tuple(names), tuple(automata), size
        self._scans: dict[tuple[int, ...], Scan] = {}
        self.start = self._scan((0,) * len(self.names))

    def after(self, states: tuple[int, ...], symbol: int) -> Scan | None:
        """Step every automaton; None if all of them are dead."""
        moved = tuple(
            DEAD if s == DEAD else a.steps[s][symbol]
            for s, a in zip(states, self.automata, strict=True)
        )
        return self._scan(moved) if any(s != DEAD for s in moved) else None

    def taken(self, states: tuple[int, ...], symbol: int) -> str | None:
        """Return the first terminal that matches before a symbol."""
        for name, state, automaton in zip(self.names, states, self.automata, strict=True):
            if state != DEAD and automaton.accept[state] >> symbol & 1:
                return name
        return None

    def _scan(self, states: tuple[int, ...]) -> Scan:
        scan = self._scans.get(states)
        if scan is None:
            scan = self._scans[states] = Scan(self, states)
        return scan


@dataclass(frozen=True)
class Lexicon:
    """Automata of all terminals of a grammar over one alphabet."""

    automata: dict[str, DFA]
    symbol: Symbols
    size: int

    def scanner(self, terminals: Iterable[TerminalDef]) -> Scanner:
        """Return the scanner of some terminals, given in Lark's order of preference.

        Where a fixed string and a pattern match the same characters, Lark takes the string.
        """
        ordered = sorted(terminals, key=lambda t: (-t.priority, t.pattern.type != "str"))
        names = [t.name for t in ordered]
        return Scanner(names, [self.automata[n] for n in names], self.size)


def lexicon(terminals: Iterable[TerminalDef]) -> Lexicon:
    """Return the automata of the terminals.

    Raises:
        pattern.Unsupported: A terminal needs too many states, or is not a regular language.
    """
    nodes = {t.name: pattern.parse(t.pattern.to_regexp()) for t in terminals}
    alphabet = alphabets.build(nodes.values())
    automata = {name: re_semantics.preferred(node, alphabet) for name, node in nodes.items()}
    return Lexicon(automata, Symbols(alphabet), alphabet.size)
