"""All terminals of a context reading a text together, and which of them Lark reads where."""

from __future__ import annotations

from dataclasses import dataclass

from potentials.grammar.lark.automata.dfa import DEAD
from potentials.grammar.lark.lexer.contexts import Context
from potentials.grammar.lark.lexer.scanner import Scanner

# (terminal, state): the text from here must not lead this terminal to a match.
Debts = frozenset[tuple[str, int]]

_MOST_STATES = 4000


class TooIntricateError(ValueError):
    """A context whose lexemes cannot be cut so that longest match is right."""


@dataclass(frozen=True)
class State:
    """Where each terminal is in the text so far; `best` is the first rank that has matched."""

    at: tuple[int, ...]
    best: int
    owed: tuple[int, ...]


class Joint:
    """The joint automaton of all terminals of a context."""

    def __init__(self, scanner: Scanner, context: Context, debts: Debts, others: Debts) -> None:
        self.context = context
        self.ignored = scanner.loaded.ignore
        taken = scanner.terminals.taken
        self.size = scanner.terminals.alphabet.size
        self.names = sorted(context.names)
        if scanner.terminals.looking & set(self.names):
            raise TooIntricateError
        self.dfas = [taken[n] for n in self.names]
        self.order = scanner.order(context.names)
        by_place = sorted(self.names, key=lambda n: scanner.loaded.terminals[n].order)
        self.place = [by_place.index(n) for n in self.names]
        self.tried = [n not in self.order.taken_out for n in self.names]
        # A literal may also come from an expression's place.
        self.rank = [
            min([by_place.index(e) for e in self.order.made_of.get(n, ())] + ([p] if tried else []))
            for n, p, tried in zip(self.names, self.place, self.tried, strict=True)
        ]
        # Debts first, then what is only beside.
        self.owed = sorted(debts)
        self.beside = sorted(others - debts)
        self.owed_dfas = [taken[n] for n, _ in (*self.owed, *self.beside)]
        self.leads = [scanner.terminals.alphabet.lead_bytes(1 << i) for i in range(self.size)]
        self.states: list[State] = []
        self.steps: list[list[int]] = []
        self.picks: list[tuple[int, int] | None] = []
        self._explore()

    def _explore(self) -> None:
        owed = tuple(s for _, s in (*self.owed, *self.beside))
        start = State(tuple(0 for _ in self.names), 1 << 30, owed)
        index = {start: 0}
        self.states = [start]
        for state in self.states:
            row: list[int] = []
            for x in range(self.size):
                to = self._step(state, x)
                if to is None:
                    row.append(DEAD)
                    continue
                if to not in index:
                    if len(index) >= _MOST_STATES:
                        raise TooIntricateError
                    index[to] = len(self.states)
                    self.states.append(to)
                row.append(index[to])
            self.steps.append(row)
            self.picks.append(self._picked(state))

    def _step(self, state: State, x: int) -> State | None:
        owed = tuple(
            DEAD if s == DEAD else d.steps[s][x]
            for d, s in zip(self.owed_dfas, state.owed, strict=True)
        )
        if self.defaults(state, x):
            return None
        at = tuple(
            DEAD if s == DEAD or r > state.best else d.steps[s][x]
            for d, s, r in zip(self.dfas, state.at, self.rank, strict=True)
        )
        if all(s == DEAD for s in at):
            return None
        best = state.best
        for d, s, p, tried in zip(self.dfas, at, self.place, self.tried, strict=True):
            if tried and s != DEAD and d.accept[s]:
                best = min(best, p)
        at = tuple(DEAD if r > best else s for s, r in zip(at, self.rank, strict=True))
        return State(at, best, owed)

    def _picked(self, state: State) -> tuple[int, int] | None:
        """Return what Lark reads here, if anything: the terminal, and the one it comes from."""
        found = [
            i
            for i, (d, s) in enumerate(zip(self.dfas, state.at, strict=True))
            if s != DEAD and d.accept[s]
        ]
        first = min((i for i in found if self.tried[i]), key=lambda i: self.place[i], default=None)
        if first is None or self.place[first] > state.best:
            return None
        source = self.names[first]
        if source in self.ignored:
            return first, first
        made = [i for i in found if source in self.order.made_of.get(self.names[i], ())]
        return (min(made, key=lambda i: self.place[i]) if made else first), first

    def defaults(self, state: State, x: int) -> bool:
        """Return whether one more character would spell what must not be."""
        debts = zip(self.owed_dfas, state.owed[: len(self.owed)], strict=False)
        return any(s != DEAD and (to := d.steps[s][x]) != DEAD and d.accept[to] for d, s in debts)
