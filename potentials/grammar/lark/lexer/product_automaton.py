"""The product automaton of a lexer context: all its terminals reading a text side by side.

Beside them run *continuations*, ends of terminals that began earlier: those that the text must not
spell (a negative lookahead), and those that llguidance looks for, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from potentials.grammar.lark.automata.bitmask import joined, members
from potentials.grammar.lark.automata.dfa import DEAD
from potentials.grammar.lark.lexer.contexts import Context
from potentials.grammar.lark.lexer.shares import ShareTable

_MOST_STATES = 20_000


class TooLargeError(ValueError):
    """A rewrite that fails: no cut makes longest match right, or the result is too large."""


@dataclass(frozen=True, slots=True, order=True)
class Continuation:
    """The rest of a terminal: what leads its automaton from a state to a match."""

    terminal: str
    state: int


@dataclass(frozen=True, slots=True)
class Lookahead:
    """What is known of the text after some point.

    Attributes:
        forbidden: The text must not begin with a match of any of these (negative lookahead).
        alongside: What llguidance also looks for there, pieces of longer terminals.
    """

    forbidden: frozenset[Continuation] = frozenset()
    alongside: frozenset[Continuation] = frozenset()


ANYTHING_AHEAD = Lookahead()


@dataclass(frozen=True)
class State:
    """States of all automata after some text.

    Attributes:
        at: Of each terminal.
        best: The first rank of which a terminal has matched.
        ahead: Of each continuation.
    """

    at: tuple[int, ...]
    best: int
    ahead: tuple[int, ...]


class ProductAutomaton:
    """The product of the automata of a context's terminals and of continuations.

    Args:
        shares: The terminals.
        context: Which of them are looked for.
        lookahead: The continuations.

    Raises:
        TooLargeError: It has too many states, or a terminal's match depends on what follows it.
    """

    def __init__(self, shares: ShareTable, context: Context, lookahead: Lookahead) -> None:
        self.context = context
        self.ignored = shares.loaded.ignore
        taken = shares.terminals.taken
        self.size = shares.terminals.alphabet.size
        self.names = sorted(context.names)
        if shares.terminals.looking & set(self.names):
            raise TooLargeError
        self.dfas = [taken[n] for n in self.names]
        self.order = shares.order(context.names)
        by_place = sorted(self.names, key=lambda n: shares.loaded.terminals[n].order)
        self.place = [by_place.index(n) for n in self.names]
        self.tried = [n not in self.order.taken_out for n in self.names]
        # A literal may also come from an expression's place.
        self.rank = [
            min([by_place.index(e) for e in self.order.made_of.get(n, ())] + ([p] if tried else []))
            for n, p, tried in zip(self.names, self.place, self.tried, strict=True)
        ]
        # What is forbidden first, then what is only looked for alongside.
        self.forbidden = sorted(lookahead.forbidden)
        self.ahead = self.forbidden + sorted(lookahead.alongside - lookahead.forbidden)
        self.ahead_dfas = [taken[c.terminal] for c in self.ahead]
        self.leads = [shares.terminals.alphabet.lead_bytes(1 << i) for i in range(self.size)]
        self.states: list[State] = []
        self.alive: list[list[int]] = []
        self.steps: list[list[int]] = []
        self.picks: list[tuple[int, int] | None] = []
        self._explore()

    def _explore(self) -> None:
        ahead = tuple(c.state for c in self.ahead)
        start = State(tuple(0 for _ in self.names), 1 << 30, ahead)
        index = {start: 0}
        self.states = [start]
        for state in self.states:
            row = [DEAD] * self.size
            # Of many terminals few are alive after a few characters.
            alive = [i for i, s in enumerate(state.at) if s != DEAD]
            self.alive.append(alive)
            for x in members(joined(self.dfas[i].live_next(state.at[i]) for i in alive)):
                to = self._step(state, alive, x)
                if to is None:
                    continue
                if to not in index:
                    if len(index) >= _MOST_STATES:
                        raise TooLargeError
                    index[to] = len(self.states)
                    self.states.append(to)
                row[x] = index[to]
            self.steps.append(row)
            self.picks.append(self._picked(state, alive))

    def _step(self, state: State, alive: Sequence[int], x: int) -> State | None:
        if self.violates(state, x):
            return None
        ahead = tuple(
            DEAD if s == DEAD else d.steps[s][x]
            for d, s in zip(self.ahead_dfas, state.ahead, strict=True)
        )
        at = {
            i: to
            for i in alive
            if self.rank[i] <= state.best and (to := self.dfas[i].steps[state.at[i]][x]) != DEAD
        }
        if not at:
            return None
        matched = (self.place[i] for i, s in at.items() if self.tried[i] and self.dfas[i].accept[s])
        best = min([state.best, *matched])
        row = [DEAD] * len(self.names)
        for i, s in at.items():
            if self.rank[i] <= best:
                row[i] = s
        return State(tuple(row), best, ahead)

    def _picked(self, state: State, alive: Sequence[int]) -> tuple[int, int] | None:
        """Return what Lark reads here, if anything: the terminal, and the one it comes from."""
        matching = [i for i in alive if self.dfas[i].accept[state.at[i]]]
        first = min(
            (i for i in matching if self.tried[i]), key=lambda i: self.place[i], default=None
        )
        if first is None or self.place[first] > state.best:
            return None
        source = self.names[first]
        if source in self.ignored:
            return first, first
        made = [i for i in matching if source in self.order.made_of.get(self.names[i], ())]
        return (min(made, key=lambda i: self.place[i]) if made else first), first

    def violates(self, state: State, x: int) -> bool:
        """Return whether one more character would spell something forbidden."""
        forbidden = zip(self.ahead_dfas, state.ahead[: len(self.forbidden)], strict=False)
        return any(
            s != DEAD and (to := d.steps[s][x]) != DEAD and d.accept[to] for d, s in forbidden
        )
