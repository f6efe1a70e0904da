"""An Earley parser over lexemes whose states are values: equal states go on alike.

It reads as the mask engine does: of the terminals that may come, those that go on for longest, all
of them that match there. An Earley set is kept as its kernel, the productions that a terminal was
read in last, each with where its completion returns to: a symbol that was begun at a kernel. What
is predicted there depends on the symbols that come next in the kernel alone, and is worked out once
for each choice of them. Kernels are interned by what they hold, so texts that were read differently
come to the same state where nothing that may follow tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from potentials.grammar.completion.byte_grammar import ByteGrammar
from potentials.grammar.states.lexer_states import LexerStates

_DONE = -1  # where the completion of the start symbol returns to
_ITSELF = -2
_MOST_STATES = 20_000
_MOST_ITEMS = 400  # of a kernel: more are an ambiguity that costs more than it saves

Item = tuple[int, int]
"""What is left of a production, and where its completion returns to."""


class TooManyStatesError(RuntimeError):
    """The texts lead to more states than are worth it."""


@dataclass(frozen=True, eq=False)
class _Prediction:
    """What the closure of a kernel adds, whatever its items return to.

    Attributes:
        waiting: For each symbol what is left after it, and the nonterminal it is left of.
        lexer: The lexer's state before the terminals that may come.
    """

    waiting: dict[int, list[Item]]
    lexer: int


@dataclass(frozen=True, eq=False)
class _Kernel:
    """An Earley set.

    Attributes:
        items: By the symbol that comes next, what is left after it and where that returns to.
        prediction: Of these symbols.
        after: The kernels after terminals, as they become known.
    """

    items: dict[int, list[Item]]
    prediction: _Prediction
    after: dict[frozenset[int], int] = field(default_factory=dict)


class ParserStates:
    """The states of a parser of one grammar; see above.

    Args:
        grammar: Its terminals are exact, and none matches the empty text.

    Attributes:
        start: The state of the empty text. A state is a kernel and a lexer's state.
    """

    def __init__(self, grammar: ByteGrammar) -> None:
        self._grammar = grammar
        self._lexer = LexerStates(grammar.terminals)
        # What is left of a production, as (next symbol, the rest): equal rests are one.
        self._rests: dict[tuple[int, ...], int] = {(): 0}
        self._next: list[tuple[int, int]] = [(-1, -1)]
        self._bodies = [[self._rest(body) for body in bodies] for bodies in grammar.rules]
        self._predictions: dict[frozenset[int], _Prediction] = {}
        # What goes on after a completion; those that go on alike are one.
        self._waiting: list[frozenset[Item]] = []
        self._numbered: dict[frozenset[Item], int] = {}
        self._returns: dict[tuple[int, int], int] = {}
        self._begun: dict[tuple[int, int], int | None] = {}
        self._kernels: list[_Kernel] = []
        self._numbers: dict[tuple[frozenset[Item], bool], int] = {}
        kernel = self._closed([(self._rest((grammar.start,)), _DONE)])
        self.start = kernel, self._kernels[kernel].prediction.lexer

    def read(self, state: tuple[int, int], text: bytes) -> tuple[int, int] | None:
        """Return the state after further bytes; None if no sentence begins so.

        Raises:
            TooManyStatesError: There are too many.
        """
        kernel, lexer = state
        for byte in text:
            on = self._lexer.step(lexer, byte)
            if on < 0:
                kernel = self._after(kernel, self._lexer.accepted(lexer))
                if kernel < 0:
                    return None
                on = self._lexer.step(self._kernels[kernel].prediction.lexer, byte)
                if on < 0:
                    return None
            lexer = on
        return kernel, lexer

    def _after(self, number: int, terminals: frozenset[int]) -> int:
        """Return the kernel after a lexeme that is all of some terminals; -1 for none."""
        if not terminals:
            return -1
        kernel = self._kernels[number]
        known = kernel.after.get(terminals)
        if known is None:
            count = len(self._grammar.rules)
            scanned = [item for t in terminals for item in self._entries(number, count + t)]
            known = kernel.after[terminals] = self._closed(scanned) if scanned else -1
        return known

    def _entries(self, number: int, symbol: int) -> list[Item]:
        """Return what a kernel's set goes on with after a symbol."""
        kernel = self._kernels[number]
        predicted = kernel.prediction.waiting.get(symbol, ())
        return kernel.items.get(symbol, []) + [(r, self._return(number, a)) for r, a in predicted]

    def _return(self, kernel: int, symbol: int) -> int:
        """Number where the completion of a nonterminal returns to that was begun at a kernel."""
        place = kernel, symbol
        if place in self._returns:
            return self._returns[place]
        if place in self._begun:  # a circle through other nonterminals: it has a number of its own
            number = self._begun[place]
            if number is None:
                number = self._begun[place] = self._add(frozenset())
            return number
        self._begun[place] = None
        entries: set[Item] = set(self._kernels[kernel].items.get(symbol, ()))
        for rest, nonterminal in self._kernels[kernel].prediction.waiting.get(symbol, ()):
            if nonterminal != symbol:
                entries.add((rest, self._return(kernel, nonterminal)))
            elif rest:
                entries.add((rest, _ITSELF))
        begun = set(self._begun.values())
        for rest, back in list(entries):
            if not rest and back != _DONE and back not in begun:  # what only returns is skipped
                entries.remove((rest, back))
                entries |= self._waiting[back]
        number = self._interned(frozenset(entries), self._begun.pop(place))
        self._returns[place] = number
        return number

    def _interned(self, entries: frozenset[Item], number: int | None) -> int:
        if number is None:
            number = self._numbered.get(entries)
            if number is not None:
                return number
            number = self._numbered[entries] = self._add(entries)
        self._waiting[number] = frozenset((r, number if t == _ITSELF else t) for r, t in entries)
        return number

    def _add(self, entries: frozenset[Item]) -> int:
        self._waiting.append(entries)
        return len(self._waiting) - 1

    def _closed(self, todo: list[Item]) -> int:
        """Number the kernel of some items, once what they complete is completed."""
        kept: set[Item] = set(todo)
        accepting = False
        while todo:
            rest, back = todo.pop()
            symbol, after = self._next[rest]
            fresh: Iterable[Item] = ()
            if symbol >= 0:
                if symbol in self._grammar.nullable:
                    fresh = [(after, back)]
            elif back == _DONE:
                accepting = True
            else:
                fresh = self._waiting[back]
            for item in fresh:
                if item not in kept:
                    kept.add(item)
                    todo.append(item)
            if len(kept) > _MOST_ITEMS:
                raise TooManyStatesError
        return self._number(frozenset(item for item in kept if item[0]), accepting)

    def _number(self, items: frozenset[Item], accepting: bool) -> int:
        key = items, accepting
        number = self._numbers.get(key)
        if number is None:
            if len(self._kernels) + len(self._lexer) >= _MOST_STATES:
                raise TooManyStatesError
            by_symbol: dict[int, list[Item]] = {}
            for rest, back in items:
                symbol, after = self._next[rest]
                by_symbol.setdefault(symbol, []).append((after, back))
            number = self._numbers[key] = len(self._kernels)
            self._kernels.append(_Kernel(by_symbol, self._predicted(frozenset(by_symbol))))
        return number

    def _predicted(self, symbols: frozenset[int]) -> _Prediction:
        """Return what may come where some symbols may."""
        if symbols not in self._predictions:
            grammar, count = self._grammar, len(self._grammar.rules)
            waiting: dict[int, list[Item]] = {}
            todo, seen = [s for s in symbols if s < count], set(symbols)
            while todo:
                nonterminal = todo.pop()
                for body in self._bodies[nonterminal]:
                    symbol, rest = self._next[body]
                    while symbol >= 0:
                        waiting.setdefault(symbol, []).append((rest, nonterminal))
                        if symbol < count and symbol not in seen:
                            seen.add(symbol)
                            todo.append(symbol)
                        if symbol not in grammar.nullable:
                            break
                        symbol, rest = self._next[rest]
            terminals = {s - count for s in (*symbols, *waiting) if s >= count}
            self._predictions[symbols] = _Prediction(waiting, self._lexer.start(terminals))
        return self._predictions[symbols]

    def _rest(self, symbols: Iterable[int]) -> int:
        whole = tuple(symbols)
        for begin in range(len(whole) - 1, -1, -1):
            rest = whole[begin:]
            if rest not in self._rests:
                self._rests[rest] = len(self._next)
                self._next.append((rest[0], self._rests[rest[1:]]))
        return self._rests[whole]
