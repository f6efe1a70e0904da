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

from potentials.grammar.lark.automata.bitmask import joined
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
        self._segments: dict[int, list[int]] = {}
        self._back: list[set[int]] = [set() for _ in self.states]
        self._read_at: dict[int, list[int]] = {}
        for z, (row, pick) in enumerate(zip(self.steps, self.picks, strict=True)):
            for to in set(row) - {DEAD}:
                self._back[to].add(z)
            if pick is not None:
                self._read_at.setdefault(pick[0], []).append(z)
        self.cuts = [self._cut_symbols(z) for z in range(len(self.states))]
        return Cutting(
            {n: tuple(self._pieces(n)) for n in self.names if n in self.context.next_symbols}
        )

    def _preferred(self, z: int, first: int) -> list[int]:
        """Return the living terminals that would have gone before, had they matched."""
        limit = self.place[first]
        return [i for i in self.alive[z] if self.place[i] <= limit and self.tried[i]]

    def _cut_symbols(self, z: int) -> int:
        state, pick = self.states[z], self.picks[z]
        if pick is None:
            return 0
        allowed = self.context.next_symbols.get(self.names[pick[0]], 0)
        preferred = self._preferred(z, pick[1])
        lawful = 0
        for x in range(self.size):
            going = (
                self.dfas[i].accept[to]
                for i in preferred
                if (to := self.dfas[i].steps[state.at[i]][x]) != DEAD
            )
            # Where one of these matches one more character, Lark reads on, too.
            if allowed >> x & 1 and not any(going) and not self.violates(state, x):
                lawful |= 1 << x
        live = joined(self.dfas[i].live_next(state.at[i]) for i in self.alive[z])
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
        for i in self._preferred(z, pick[1]):
            s = state.at[i]
            wanted = self.dfas[i].live_next(s) & allowed
            if wanted & ~(self._enforced(z, pick[0]) & ~self.cuts[z]):
                forbidden.add(Continuation(self.names[i], s))
        for earlier, d, s in zip(self.forbidden, self.ahead_dfas, state.ahead, strict=False):
            if s != DEAD and d.live_next(s) & allowed:
                forbidden.add(Continuation(earlier.terminal, s))
        alongside = {
            Continuation(self.names[i], state.at[i])
            for i in self.alive[z]
            if self.dfas[i].live_next(state.at[i]) & self.cuts[z]
        }
        return Lookahead(frozenset(forbidden), frozenset(alongside))

    def _enforced(self, z: int, pick: int) -> int:
        """Return the symbols on which llguidance is sure to read on, so that `pick` cannot end."""
        mask = 0
        for i in self.alive[z]:
            if i == pick or self.names[i] in self.context.certain:
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
            inside = [z for z in self._segment(source) if z in reaches]
            ends: dict[Lookahead, set[int]] = {}
            for z in inside:
                if self._reads(z, i):
                    ends.setdefault(self._lookahead_after(z), set()).add(z)
            for lookahead, zs in ends.items():
                out.append(Piece(source, None, lookahead, self._texts(source, zs, reaches)))
            for z in inside:
                onward = [x for x in range(self.size) if self.cuts[z] >> x & 1]
                if any(self.steps[z][x] in reaches for x in onward):
                    out.append(Piece(source, z, ANYTHING_AHEAD, self._texts(source, {z}, reaches)))
                    todo.append(z)
        return out

    def _reads(self, z: int, i: int) -> bool:
        pick = self.picks[z]
        return pick is not None and pick[0] == i

    def _reaches(self, i: int) -> set[int]:
        """Return the states from which the terminal may still end."""
        if i in self._reached:
            return self._reached[i]
        leading = set(self._read_at.get(i, ()))
        stack = list(leading)
        while stack:
            now = stack.pop()
            for z in self._back[now] if self.states[now].at[i] != DEAD else ():
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
        if source in self._segments:
            return self._segments[source]
        seen: set[int] = set()
        stack = [t for t in set(self._edges(source, source, True)) if t != DEAD]
        while stack:
            z = stack.pop()
            if z not in seen:
                seen.add(z)
                stack.extend(t for t in set(self._edges(source, z, False)) if t != DEAD)
        self._segments[source] = sorted(seen)
        return self._segments[source]

    def _texts(self, source: int, ends: set[int], reaches: set[int]) -> DFA:
        """Return what leads from a source to one of some ends, through states of a terminal's."""
        index = {-2: 0}
        queue = [-2]
        steps: list[list[int]] = []
        accept: list[int] = []
        full = (2 << self.size) - 1
        for z in queue:
            edges = self._edges(source, source if z == -2 else z, z == -2)
            row: list[int] = []
            for to in edges:
                if to in reaches and to not in index:
                    index[to] = len(queue)
                    queue.append(to)
                row.append(index[to] if to in reaches else DEAD)
            steps.append(row)
            accept.append(full if z in ends else 0)
        return trimmed(steps, accept, self.size)


def _joint(dfas: list[DFA], states: tuple[int, ...]) -> int:
    """Return the mask of the symbols on which any of the automata lives on."""
    mask = 0
    for automaton, state in zip(dfas, states, strict=True):
        mask |= automaton.live_next(state) if state != DEAD else 0
    return mask
