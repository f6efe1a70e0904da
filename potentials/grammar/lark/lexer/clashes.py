"""Clashes: texts on which maximal munch without backtracking differs from Lark's lexers.

llguidance reads on while some terminal can; if none then comes to an end, the text is lost. Lark
backs up to the last match. Both agree unless, after a match of V, a character that may follow V
also leads on into a terminal T that Lark would have preferred, and T may still come to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from potentials.grammar.lark.automata.bitmask import joined, members
from potentials.grammar.lark.automata.dfa import DFA, meeting, pairs
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
    _pairs: dict[tuple[DFA, DFA], int] = field(default_factory=dict)
    _leads: list[frozenset[int]] = field(default_factory=list)

    def clashes(self, context: Context) -> list[Clash]:
        """Return the clashes of a context."""
        out: list[Clash] = []
        # Where terminals do not compete, a string is not made of an expression either.
        sought = context.names if self.competing else self.shares.order(context.names).tried
        for name in sorted(context.next_symbols):
            allowed = context.next_symbols[name]
            own = self._texts(context, name)
            near = {*self.shares.beginnings.maybe_longer(name, sought), name} & sought
            rivals = {t: self._texts(context, t) for t in sorted(near)}
            rivals = {t: a for t, a in rivals.items() if self._may_go_on(own, a) & allowed}
            out.extend(self._judge(context, name, own, rivals))
        return out

    def _texts(self, context: Context, name: str) -> DFA:
        """Return what Lark takes as a terminal in a context."""
        if not self.competing:
            return self.shares.terminals.taken[name]
        return self.shares.language(self.shares.share(context.names, name))

    def _may_go_on(self, a: DFA, b: DFA) -> int:
        """Return the symbols that lead on into the second after a match of the first.

        Non-ASCII symbols that share their first byte with such a one count.
        """
        if (a, b) not in self._pairs:
            onward = joined(b.live_next(t) for s, t in pairs(a, b) if a.accept[s])
            self._pairs[a, b] = self._widened(onward) if onward else 0
        return self._pairs[a, b]

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

    def _judge(self, context: Context, name: str, own: DFA, rivals: dict[str, DFA]) -> list[Clash]:
        if not rivals and name not in self.shares.terminals.looking:
            return []
        allowed = context.next_symbols[name]
        names, automata = list(rivals), list(rivals.values())
        reported: dict[tuple[str, tuple[str, ...]], int] = {}

        def report(kind: str, longer: Sequence[str], mask: int) -> None:
            if mask:
                key = (kind, tuple(longer))
                reported[key] = reported.get(key, 0) | mask

        end = 1 << own.size
        for s, alive in meeting(automata, own):
            if not own.accept[s]:
                continue
            report("looks ahead", [], allowed & ~own.accept[s] & end)
            going: dict[int, list[tuple[str, bool]]] = {}
            for i, t in alive:
                for x, to in automata[i].edges[t]:
                    ends = automata[i].accept[to] == own.all_next
                    going.setdefault(x, []).append((names[i], ends))
            live = joined(1 << x for x in going)
            ended = allowed & ~live & ~end
            report("looks ahead", [], ended & ~own.accept[s])
            report("splits a character", names, ended & own.accept[s] & self._widened(live))
            for x in members(allowed & live):
                longer = [r for r, _ends in going[x]]
                # llguidance reads on, too, where it is sure to look for one of them.
                sure = any(r in context.certain or r == name for r in longer)
                if not own.accept[s] >> x & 1:
                    if not sure:
                        report("looks ahead", longer, 1 << x)
                    continue
                alone = self.competing or longer == [name]
                if not (alone and sure and any(ends for _r, ends in going[x])):
                    report("backs up", longer, 1 << x)
        return [
            Clash(kind, name, longer, symbols, context)
            for (kind, longer), symbols in reported.items()
        ]
