"""Clashes: texts on which maximal munch without backtracking differs from Lark's lexers.

llguidance reads on while some terminal can; if none then comes to an end, the text is lost. Lark
backs up to the last match. Both agree unless, after a match of V, a character that may follow V
also leads on into a terminal T that Lark would have preferred, and T may still come to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from potentials.grammar.lark.automata.bitmask import joined, members
from potentials.grammar.lark.automata.dfa import DEAD, DFA, meeting
from potentials.grammar.lark.lexer.contexts import Clash, Context
from potentials.grammar.lark.lexer.shares import ShareTable


@dataclass
class ClashFinder:
    """Looks for clashes; remembers what it has seen of pairs of terminals.

    Attributes:
        shares: The shares.
        competing: Whether Lark's lexer lets terminals compete (all but Earley's dynamic lexer).
    """

    shares: ShareTable
    competing: bool
    _pairs: dict[tuple[str, str], int] = field(default_factory=dict)
    _endless_states: dict[tuple[str, int], bool] = field(default_factory=dict)
    _leads: list[frozenset[int]] = field(default_factory=list)

    def clashes(self, context: Context) -> list[Clash]:
        """Return the clashes of a context."""
        out: list[Clash] = []
        order = self.shares.order(context.names)
        for name in sorted(context.next_symbols):
            allowed = context.next_symbols[name]
            near = {*self.shares.beginnings.maybe_longer(name, order.tried), name} & order.tried
            rivals = sorted(
                t
                for t in near
                if (not self.competing or t == name or order.rank[t] <= order.rank[name])
                and self._may_go_on(name, t) & allowed
            )
            out.extend(self._judge(context, name, rivals, allowed))
        return out

    def _may_go_on(self, name: str, other: str) -> int:
        """Return the symbols that lead on into `other` after a match of `name`.

        Non-ASCII symbols that share their first byte with such a one count.
        """
        key = (name, other)
        if key not in self._pairs:
            a, b = self.shares.terminals.taken[name], self.shares.terminals.taken[other]
            onward = 0
            if a.first & b.first:
                for s, alive in meeting([b], a):
                    for _which, t in alive if a.accept[s] else ():
                        onward |= self._widened(b.live_next(t))
            self._pairs[key] = onward
        return self._pairs[key]

    def _goes_on(self, context: Context, name: str, state: int) -> bool:
        """Return whether llguidance, which reads shares, surely reads on in this state, too."""
        if not self.competing:
            return True
        share = self.shares.share(context.names, name)
        if share.earlier or share.reduced is not None:
            return False
        # Finitely many literals are taken out of a terminal that goes on for ever.
        return not share.literals or self._endless(name, state)

    def _endless(self, name: str, state: int) -> bool:
        key = (name, state)
        if key not in self._endless_states:
            automaton = self.shares.terminals.taken[name]
            reached = _successors(automaton, state)
            self._endless_states[key] = any(s in _successors(automaton, s) for s in reached)
        return self._endless_states[key]

    def _widened(self, mask: int) -> int:
        alphabet = self.shares.terminals.alphabet
        if not self._leads:
            self._leads.extend(alphabet.lead_bytes(1 << i) for i in range(alphabet.size))
        bytes_of = frozenset().union(*(self._leads[i] for i in alphabet.indices(mask)))
        if not bytes_of:
            return mask
        return mask | sum(
            1 << i for i, lead in enumerate(self._leads) if not mask >> i & 1 and lead & bytes_of
        )

    def _judge(self, context: Context, name: str, rivals: list[str], allowed: int) -> list[Clash]:
        taken = self.shares.terminals.taken
        own = taken[name]
        if not rivals and name not in self.shares.terminals.looking:
            return []
        reported: dict[tuple[str, tuple[str, ...]], int] = {}

        def report(kind: str, longer: Sequence[str], mask: int) -> None:
            if mask:
                key = (kind, tuple(longer))
                reported[key] = reported.get(key, 0) | mask

        end = 1 << own.size
        for s, alive in meeting([taken[r] for r in rivals], own):
            if not own.accept[s]:
                continue
            if allowed & ~own.accept[s] & end:
                report("looks ahead", [], end)
            going: dict[int, list[tuple[str, int]]] = {}
            for i, t in alive:
                for x, to in taken[rivals[i]].edges[t]:
                    going.setdefault(x, []).append((rivals[i], to))
            live = joined(1 << x for x in going)
            ended = allowed & ~live & ~end
            report("looks ahead", [], ended & ~own.accept[s])
            report("splits a character", rivals, ended & own.accept[s] & self._widened(live))
            for x in members(allowed & live):
                names = [r for r, _to in going[x]]
                sure = any(
                    (r in context.certain or r == name) and self._goes_on(context, r, to)
                    for r, to in going[x]
                )
                if not own.accept[s] >> x & 1:
                    if not sure:
                        report("looks ahead", names, 1 << x)
                    continue
                alone = self.competing or names == [name]
                ends = any(taken[r].accept[to] == own.all_next for r, to in going[x])
                if not (alone and sure and ends):
                    report("backs up", names, 1 << x)
        return [
            Clash(kind, name, longer, symbols, context)
            for (kind, longer), symbols in reported.items()
        ]


def _successors(automaton: DFA, state: int) -> set[int]:
    seen: set[int] = set()
    stack = [state]
    while stack:
        for to in set(automaton.steps[stack.pop()]) - {DEAD}:
            if to not in seen:
                seen.add(to)
                stack.append(to)
    return seen
