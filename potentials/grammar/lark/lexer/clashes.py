"""Clashes: texts on which maximal munch without backtracking differs from Lark's lexers.

llguidance reads on while some terminal can; if none then comes to an end, the text is lost. Lark
backs up to the last match. Both agree unless, after a match of V, a character that may follow V
also leads on into a terminal T that Lark would have preferred, and T may still come to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from potentials.grammar.lark.automata.dfa import DEAD, DFA
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
            rivals = sorted(
                t
                for t in context.names
                if (not self.competing or t == name or order.rank[t] <= order.rank[name])
                and t not in order.taken_out | ({name} - {t})
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
                for s, t in _meeting(a, [b]):
                    if a.accept[s] and t[0] != DEAD:
                        onward |= self._widened(b.live_next(t[0]))
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

        def report(kind: str, longer: list[str], x: int) -> None:
            key = (kind, tuple(longer))
            reported[key] = reported.get(key, 0) | 1 << x

        size = own.size
        for s, others in _meeting(own, [taken[r] for r in rivals]):
            if not own.accept[s]:
                continue
            if allowed >> size & 1 and not own.accept[s] >> size & 1:
                report("looks ahead", [], size)
            live = 0
            for r, t in zip(rivals, others, strict=True):
                live |= taken[r].live_next(t) if t != DEAD else 0
            wide = self._widened(live)
            for x in range(size):
                if not allowed >> x & 1:
                    continue
                going = [
                    r
                    for r, t in zip(rivals, others, strict=True)
                    if t != DEAD and taken[r].steps[t][x] != DEAD
                ]
                sure = [
                    r
                    for r, t in zip(rivals, others, strict=True)
                    if r in going
                    and (r in context.certain or r == name)
                    and self._goes_on(context, r, taken[r].steps[t][x])
                ]
                if not own.accept[s] >> x & 1:
                    if not sure:
                        report("looks ahead", going, x)
                    continue
                if not going:
                    if wide >> x & 1:
                        report("splits a character", rivals, x)
                    continue
                if not self.competing and going != [name]:
                    report("backs up", going, x)
                    continue
                ends = [
                    r
                    for r, t in zip(rivals, others, strict=True)
                    if r in going and taken[r].accept[taken[r].steps[t][x]] == own.all_next
                ]
                if not ends or not sure:
                    report("backs up", going, x)
        return [
            Clash(kind, name, longer, symbols, context)
            for (kind, longer), symbols in reported.items()
        ]


def _meeting(a: DFA, others: list[DFA]) -> list[tuple[int, tuple[int, ...]]]:
    """Return the joint states reached by texts that may still become a text of `a`."""
    stack: list[tuple[int, tuple[int, ...]]] = [(0, tuple(0 for _ in others))]
    seen = set(stack)
    while stack:
        s, ts = stack.pop()
        for x in range(a.size):
            to = a.steps[s][x]
            if to == DEAD:
                continue
            key = (
                to,
                tuple(
                    DEAD if t == DEAD else o.steps[t][x] for o, t in zip(others, ts, strict=True)
                ),
            )
            if key not in seen:
                seen.add(key)
                stack.append(key)
    return sorted(seen)


def _successors(automaton: DFA, state: int) -> set[int]:
    seen: set[int] = set()
    stack = [state]
    while stack:
        for to in set(automaton.steps[stack.pop()]) - {DEAD}:
            if to not in seen:
                seen.add(to)
                stack.append(to)
    return seen
