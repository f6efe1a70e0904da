"""An Earley recogniser whose states are values: texts that may go on alike are in one state.

A state is a set of terminals half read, each with where its completion returns to (a node of a
graph-structured stack). Both are interned by what they hold, and a return to what only returns
itself is skipped (Leo 1991), so lists and nesting lead back to states that are known: near its end
a text has few, and what is found out about one holds for all texts that lead there.

Terminals are not matched longest first here: more texts are sentences than for the mask engine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from potentials.grammar.completion.byte_automaton import FAR
from potentials.grammar.completion.byte_grammar import ByteGrammar, packed_steps

_DONE = 0  # where the completion of the start symbol returns to
_OPEN = -2  # a state whose steps are not known yet
_ITSELF = -1
_MOST_STATES = 50_000

Entry = tuple[int, int]
"""What is left of a production, and where its completion returns to."""


class TooManyStatesError(RuntimeError):
    """The texts asked about lead to more states than are worth it."""


class Recogniser:
    """Reads texts byte by byte; see above.

    Args:
        grammar: What they are to be sentences of.

    Attributes:
        start: The state of the empty text; −1 is that of texts that begin no sentence.
        distance: `[S]` for each state the least number of bytes after which there is a sentence.
        expanded: How many states' steps have been worked out.
    """

    def __init__(self, grammar: ByteGrammar) -> None:
        self._grammar = grammar
        self._steps, firsts = packed_steps(grammar.terminals)
        left = [a.distance for a in grammar.terminals]
        self._left = np.concatenate(left) if left else np.zeros(0, np.int32)
        self._goes_on = np.any(self._steps >= 0, axis=1)
        self._first_of = [-1] * len(grammar.rules) + firsts
        # What is left of a production, as (next symbol, the rest): equal rests are one.
        self._rests: dict[tuple[int, ...], int] = {(): 0}
        self._next: list[tuple[int, int]] = [(-1, -1)]
        self._rest_length = [0]
        self._bodies = [tuple(self._rest(o) for o in options) for options in grammar.rules]
        self._entries: list[frozenset[Entry]] = [frozenset()]
        self._return_length = [0]
        self._returns: dict[frozenset[Entry], int] = {}
        self._kernels: list[frozenset[Entry]] = []
        self._numbers: dict[frozenset[Entry], int] = {}
        self._table: NDArray[np.int32] = np.full((256, 256), _OPEN, np.int32)
        self.distance = np.full(256, FAR, np.int32)
        self.expanded = 0
        self.start = self._number(frozenset())
        self.distance[self.start] = grammar.lengths[grammar.start]

    def read(self, state: int, text: bytes) -> int:
        """Return the state after further bytes; −1 if no sentence begins so."""
        for byte in text:
            if state < 0:
                return -1
            following = int(self._table[state, byte])
            if following == _OPEN:
                self._expand(state)
                following = int(self._table[state, byte])
            state = following
        return state

    def step(self, states: NDArray[np.int32], bytes_: NDArray[np.uint8]) -> NDArray[np.int32]:
        """`[n]` the next states, −1 for none."""
        following = self._table[states, bytes_]
        unknown = following == _OPEN
        if unknown.any():
            for state in np.unique(states[unknown]).tolist():
                self._expand(state)
            following = self._table[states, bytes_]
        return following

    def _expand(self, state: int) -> None:
        """Work out the steps of a state."""
        self.expanded += 1
        scans = self._scans(state)
        row = np.full(256, -1, np.int32)
        if scans:
            tails = [tail for _, tail in scans]
            table = self._steps[[s for s, _ in scans]]
            columns, which = np.unique(table.T, axis=0, return_inverse=True)
            numbers = []
            for column in columns.tolist():
                kernel = frozenset((s, t) for s, t in zip(column, tails, strict=True) if s >= 0)
                numbers.append(self._number(kernel) if kernel else -1)
            row[:] = np.array(numbers, np.int32)[which.reshape(-1)]
        self._table[state] = row

    def _scans(self, state: int) -> list[Entry]:
        """The terminals that a state may go on with: where each stands, and where it returns."""
        grammar, kernel = self._grammar, self._kernels[state]
        scans = [(s, tail) for s, tail in kernel if self._goes_on[s]]
        done = {tail for s, tail in kernel if self._left[s] == 0}
        todo = [entry for tail in done for entry in self._entries[tail]]
        if not kernel:
            todo = [(self._rest((grammar.start,)), _DONE)]
        waiting: dict[int, list[Entry]] = {}
        seen = set(todo)
        while todo:
            left, tail = todo.pop()
            fresh: list[Entry] = []
            symbol, rest = self._next[left]
            if symbol < 0:  # complete; a symbol of this state that is has no text: see below
                if tail >= 0 and tail not in done:
                    done.add(tail)
                    fresh = list(self._entries[tail])
            else:
                if symbol not in waiting:
                    waiting[symbol] = []
                    if symbol < len(grammar.rules):
                        fresh = [(body, ~symbol) for body in self._bodies[symbol]]
                waiting[symbol].append((rest, tail))
                if symbol in grammar.nullable:
                    fresh.append((rest, tail))
            for entry in fresh:
                if entry not in seen:
                    seen.add(entry)
                    todo.append(entry)
        returns = _Returns(self, waiting)
        first_of = self._first_of
        scans += [(first_of[x], returns.of(x)) for x in waiting if first_of[x] >= 0]
        returns.settle()
        return list(dict.fromkeys(scans))

    def _number(self, kernel: frozenset[Entry]) -> int:
        """Number a state; −1 where nothing ever completes it."""
        number = self._numbers.get(kernel)
        if number is None:
            distance = min(
                (int(self._left[s]) + self._return_length[tail] for s, tail in kernel), default=0
            )
            if distance >= FAR:
                number = -1
            else:
                number = len(self._kernels)
                if number >= _MOST_STATES:
                    raise TooManyStatesError
                self._kernels.append(kernel)
                if number == len(self._table):
                    more = np.full_like(self._table, _OPEN)
                    self._table = np.concatenate([self._table, more])
                    self.distance = np.concatenate([self.distance, np.full(number, FAR, np.int32)])
                self.distance[number] = distance
            self._numbers[kernel] = number
        return number

    def _rest(self, symbols: tuple[int, ...]) -> int:
        for begin in range(len(symbols) - 1, -1, -1):
            rest = symbols[begin:]
            if rest not in self._rests:
                self._rests[rest] = len(self._next)
                below = self._rests[rest[1:]]
                self._next.append((rest[0], below))
                length = self._grammar.lengths[rest[0]] + self._rest_length[below]
                self._rest_length.append(min(length, FAR))
        return self._rests[symbols]


class _Returns:
    """Where the symbols that one state waits for return to, in numbers that last.

    Args:
        recogniser: Keeps them.
        waiting: For each symbol the entries that wait for it; those with a negative number ~x
            return to the entries of this state that wait for x.
    """

    def __init__(self, recogniser: Recogniser, waiting: dict[int, list[Entry]]) -> None:
        self._recogniser, self._waiting = recogniser, waiting
        self._of: dict[int, int] = {}
        self._begun: dict[int, int | None] = {}
        self._fresh: list[int] = []

    def of(self, symbol: int) -> int:
        """Return where a symbol returns to."""
        if symbol in self._of:
            return self._of[symbol]
        if symbol in self._begun:  # a circle: this one has a number of its own
            number = self._begun[symbol]
            if number is None:
                number = self._begun[symbol] = self._add(frozenset())
            return number
        self._begun[symbol] = None
        entries: set[Entry] = set()
        kept = self._recogniser._entries
        for rest, tail in self._waiting[symbol]:
            if ~tail == symbol:
                if rest:
                    entries.add((rest, _ITSELF))
                continue
            to = tail if tail >= 0 else self.of(~tail)
            begun = self._begun.values()
            if rest or to == _DONE or to in begun:
                entries.add((rest, to))
            else:  # a return to what only returns
                entries |= {(r, to if t == _ITSELF else t) for r, t in kept[to]}
        self._of[symbol] = self._interned(frozenset(entries), self._begun.pop(symbol))
        return self._of[symbol]

    def _interned(self, entries: frozenset[Entry], number: int | None) -> int:
        recogniser = self._recogniser
        if number is None:
            known = recogniser._returns.get(entries)
            if known is not None:
                return known
            number = recogniser._returns[entries] = self._add(entries)
        recogniser._entries[number] = frozenset(
            (rest, number if tail == _ITSELF else tail) for rest, tail in entries
        )
        return number

    def _add(self, entries: frozenset[Entry]) -> int:
        recogniser = self._recogniser
        recogniser._entries.append(entries)
        recogniser._return_length.append(FAR)
        self._fresh.append(len(recogniser._entries) - 1)
        return self._fresh[-1]

    def settle(self) -> None:
        """Work out how long what follows is, which may go in circles."""
        recogniser, changed = self._recogniser, True
        lengths = recogniser._return_length
        while changed:
            changed = False
            for number in self._fresh:
                for rest, tail in recogniser._entries[number]:
                    length = recogniser._rest_length[rest] + lengths[tail]
                    if length < lengths[number]:
                        lengths[number], changed = length, True
