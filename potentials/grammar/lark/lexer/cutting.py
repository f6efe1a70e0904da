"""Cutting terminals into lexemes, so that maximal munch without backtracking loses no text.

Take `"or"`, `"order"` and names that may follow `or` without a space. After `ord`, llguidance can
only go on to `order`, while Lark backs up and reads `or`, `dx` in `ordx`. So `order` is cut in two
lexemes, `or` and `der`; then nothing is live after `or` but what may really come next. What follows
`or` directly must not spell `der`, which Lark would have read as `order`: that *negative lookahead*
goes with the context to whatever comes next, and ends when the text can no longer spell it (after a
space, say).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from potentials.grammar.lark.automata.dfa import DEAD, DFA, trimmed
from potentials.grammar.lark.lexer.contexts import Context
from potentials.grammar.lark.lexer.product_automaton import (
    ANYTHING_AHEAD,
    Continuation,
    Lookahead,
    ProductAutomaton,
    TooLargeError,
)
from potentials.grammar.lark.lexer.shares import ShareTable


@dataclass(frozen=True)
class Piece:
    """One lexeme on the way to a terminal.

    Attributes:
        source: Where it begins: the context's start, or a cut.
        target: The cut where it ends; None if the terminal ends with it.
        lookahead: What holds after it, if the terminal ends with it.
        texts: What it takes.
    """

    source: int
    target: int | None
    lookahead: Lookahead
    texts: DFA


@dataclass(frozen=True)
class Cutting:
    """The lexemes of a context: for each terminal its pieces."""

    pieces: dict[str, tuple[Piece, ...]]


@dataclass
class Cutter:
    """Cuts the lexemes of contexts.

    Attributes:
        shares: The terminals.
    """

    shares: ShareTable
    _done: dict[Hashable, Cutting] = field(default_factory=dict)

    def cut(self, context: Context, lookahead: Lookahead) -> Cutting:
        """Return the lexemes of a context.

        Args:
            context: What is looked for.
            lookahead: What else is known of the text that is to be cut.

        Raises:
            TooLargeError: If no cut makes longest match right.
        """
        key = (
            context.names,
            tuple(sorted(context.next_symbols.items())),
            context.certain,
            lookahead,
        )
        if key not in self._done:
            self._done[key] = _Cuts(self.shares, context, lookahead).cutting()
        return self._done[key]


class _Cuts(ProductAutomaton):
    """The cuts of a context."""

    def cutting(self) -> Cutting:
        """Cut, and return the lexemes."""
        self._reached: dict[int, set[int]] = {}
        self.cuts = [self._cut_symbols(z) for z in range(len(self.states))]
        return Cutting(
            {n: tuple(self._pieces(n)) for n in self.names if n in self.context.next_symbols}
        )

    def _preferred(self, first: int) -> list[int]:
        """Return the terminals that would have gone before, had they matched."""
        limit = self.place[first]
        return [i for i, p in enumerate(self.place) if p <= limit and self.tried[i]]

    def _cut_symbols(self, z: int) -> int:
        state, pick = self.states[z], self.picks[z]
        if pick is None:
            return 0
        allowed = self.context.next_symbols.get(self.names[pick[0]], 0)
        preferred = self._preferred(pick[1])
        lawful = 0
        for x in range(self.size):
            going = (
                self.dfas[i].accept[to]
                for i in preferred
                if state.at[i] != DEAD and (to := self.dfas[i].steps[state.at[i]][x]) != DEAD
            )
            # Where one of these matches one more character, Lark reads on, too.
            if allowed >> x & 1 and not any(going) and not self.violates(state, x):
                lawful |= 1 << x
        live = _joint(self.dfas, state.at)
        ahead = _joint(self.ahead_dfas, state.ahead)
        if ahead & lawful or self._sharing(ahead, lawful):
            raise TooLargeError
        # llguidance sees bytes: what begins with the same byte has to begin a lexeme, too.
        return (lawful & live) | self._sharing(live, lawful)

    def _sharing(self, mask: int, other: int) -> int:
        """Return the symbols of a mask whose first byte one of another mask has, beyond ASCII."""
        leads = frozenset().union(*(self.leads[x] for x in range(self.size) if other >> x & 1))
        return sum(1 << x for x in range(self.size) if mask >> x & 1 and self.leads[x] & leads)

    def _lookahead_after(self, z: int) -> Lookahead:
        """Return what is known of the text after what Lark reads at a state."""
        state, pick = self.states[z], self.picks[z]
        assert pick is not None
        allowed = self.context.next_symbols.get(self.names[pick[0]], 0)
        forbidden: set[Continuation] = set()
        for i in self._preferred(pick[1]):
            s = state.at[i]
            wanted = self.dfas[i].live_next(s) & allowed if s != DEAD else 0
            if wanted & ~(self._enforced(z, pick[0]) & ~self.cuts[z]):
                forbidden.add(Continuation(self.names[i], s))
        for earlier, d, s in zip(self.forbidden, self.ahead_dfas, state.ahead, strict=False):
            if s != DEAD and d.live_next(s) & allowed:
                forbidden.add(Continuation(earlier.terminal, s))
        alongside = {
            Continuation(self.names[i], s)
            for i, s in enumerate(state.at)
            if s != DEAD and self.dfas[i].live_next(s) & self.cuts[z]
        }
        return Lookahead(frozenset(forbidden), frozenset(alongside))

    def _enforced(self, z: int, pick: int) -> int:
        """Return the symbols on which llguidance is sure to read on, so that `pick` cannot end."""
        mask = 0
        for i, name in enumerate(self.names):
            if i == pick or name in self.context.certain:
                reaches = self._reaches(i)
                mask |= sum(1 << x for x, to in enumerate(self.steps[z]) if to in reaches)
        return mask

    def _pieces(self, name: str) -> list[Piece]:
        i = self.names.index(name)
        reaches = self._reaches(i)
        out: list[Piece] = []
        todo, done = [0], set()
        while todo:
            source = todo.pop()
            if source in done:
                continue
            done.add(source)
            inside = self._segment(source)
            ends: dict[Lookahead, set[int]] = {}
            for z in inside:
                if self._reads(z, i):
                    ends.setdefault(self._lookahead_after(z), set()).add(z)
            for lookahead, zs in ends.items():
                out.append(Piece(source, None, lookahead, self._texts(source, zs)))
            for z in inside:
                onward = [x for x in range(self.size) if self.cuts[z] >> x & 1]
                if any(self.steps[z][x] in reaches for x in onward):
                    out.append(Piece(source, z, ANYTHING_AHEAD, self._texts(source, {z})))
                    todo.append(z)
        return out

    def _reads(self, z: int, i: int) -> bool:
        pick = self.picks[z]
        return pick is not None and pick[0] == i

    def _reaches(self, i: int) -> set[int]:
        """Return the states from which the terminal may still end."""
        if i in self._reached:
            return self._reached[i]
        back: dict[int, list[int]] = {}
        for z, row in enumerate(self.steps):
            for to in set(row) - {DEAD}:
                if self.states[to].at[i] != DEAD:
                    back.setdefault(to, []).append(z)
        leading = {z for z in range(len(self.states)) if self._reads(z, i)}
        stack = list(leading)
        while stack:
            for z in back.get(stack.pop(), ()):
                if z not in leading:
                    leading.add(z)
                    stack.append(z)
        self._reached[i] = leading
        return leading

    def _edges(self, source: int, z: int, fresh: bool) -> list[int]:
        """Return the steps of a segment: from a cut its cut symbols first, then all others."""
        cut = self.cuts[z]
        take = cut if fresh and source else ((1 << self.size) - 1) & ~cut
        return [to if take >> x & 1 else DEAD for x, to in enumerate(self.steps[z])]

    def _segment(self, source: int) -> list[int]:
        seen: set[int] = set()
        stack = [t for t in set(self._edges(source, source, True)) if t != DEAD]
        while stack:
            z = stack.pop()
            if z not in seen:
                seen.add(z)
                stack.extend(t for t in set(self._edges(source, z, False)) if t != DEAD)
        return sorted(seen)

    def _texts(self, source: int, ends: set[int]) -> DFA:
        index = {-2: 0}
        queue = [-2]
        steps: list[list[int]] = []
        accept: list[int] = []
        full = (2 << self.size) - 1
        for z in queue:
            edges = self._edges(source, source if z == -2 else z, z == -2)
            row: list[int] = []
            for to in edges:
                if to != DEAD and to not in index:
                    index[to] = len(queue)
                    queue.append(to)
                row.append(DEAD if to == DEAD else index[to])
            steps.append(row)
            accept.append(full if z in ends else 0)
        return trimmed(steps, accept, self.size)


def _joint(dfas: list[DFA], states: tuple[int, ...]) -> int:
    """Return the mask of the symbols on which any of the automata lives on."""
    mask = 0
    for automaton, state in zip(dfas, states, strict=True):
        mask |= automaton.live_next(state) if state != DEAD else 0
    return mask
