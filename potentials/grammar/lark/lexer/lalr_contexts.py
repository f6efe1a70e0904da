"""Lexer contexts of Lark's LALR parser, whose contextual lexer knows the state of the parser."""

from __future__ import annotations

from potentials.grammar.lark.automata.bitmask import joined
from potentials.grammar.lark.lalr import END, Automaton
from potentials.grammar.lark.lexer.contexts import Context, any_of
from potentials.grammar.lark.lexer.terminals import Terminals
from potentials.grammar.lark.loading import Loaded


def lalr_contexts(
    loaded: Loaded,
    terminals: Terminals,
    automaton: Automaton,
    *,
    viable: Automaton | None,
    basic: bool,
) -> dict[int, Context]:
    """Return the context of each parser state in which the contextual lexer is asked.

    A *context* is a parser state in which the lexer is asked for a token: the start state, or the
    state right after a terminal was shifted (reductions wait for the next token). The lexer then
    looks for every terminal that has an action in that state, viable with the rest of the stack or
    not. States that look for the same terminals with the same followers have one context.

    Args:
        loaded: The grammar.
        terminals: Its terminals.
        automaton: Lark's automaton.
        viable: The automaton of the productions that can come to an end; None if it is not known.
        basic: Whether the lexer is the basic one, which looks for all terminals everywhere.
    """
    return _LalrContexts(loaded, terminals, automaton, viable, basic).contexts()


class _LalrContexts:
    def __init__(
        self,
        loaded: Loaded,
        terminals: Terminals,
        automaton: Automaton,
        viable: Automaton | None,
        basic: bool,
    ) -> None:
        self.automaton = automaton
        self.ignore = frozenset(loaded.ignore)
        self.everywhere = frozenset(loaded.terminals) if basic else self.ignore
        self.first = terminals.first
        self.end = 1 << automaton.terminals.index(END)
        self.end_symbol = terminals.alphabet.end
        self.shifted = automaton.shifted
        self.sought = automaton.sought
        self.sure = _certain(automaton, viable)
        self._next_symbols: dict[int, int] = {}
        self._first_of: dict[int, int] = {}

    def contexts(self) -> dict[int, Context]:
        asked = {self.automaton.start}
        asked.update(to for row in self.automaton.shifts for to in row.values())
        out: dict[int, Context] = {}
        known: dict[object, Context] = {}
        for state in sorted(asked):
            if not self.sought[state]:
                continue
            key = self._alike(state)
            if key not in known:
                known[key] = self._context(state)
            out[state] = known[key]
        return out

    def _alike(self, state: int) -> object:
        """Return what is equal for states whose contexts must be equal."""
        reductions = self.automaton.reductions[state]
        if len(reductions) == 1 and not self.shifted[state]:
            return reductions[0].lookahead, reductions[0].targets, self.sure[state]
        return state

    def _context(self, state: int) -> Context:
        named = frozenset(self.automaton.names(self.sought[state] & ~self.end))
        follows = dict.fromkeys(self.ignore, self._after(state))
        for name, targets in self._shifted_to(state).items():
            if name not in self.ignore:
                follows[name] = joined(self._after(to) for to in targets)
        certain = self.sure[state] & named
        where = f"where {_list(named)} may come"
        return Context(named | self.everywhere, certain | self.ignore, follows, where)

    def _after(self, state: int) -> int:
        """Return the mask of the characters (and the end) that may come in a state."""
        if state not in self._next_symbols:
            sought = self.sought[state]
            if sought not in self._first_of:
                names = {*self.automaton.names(sought & ~self.end), *self.ignore}
                mask = any_of(self.first, names)
                self._first_of[sought] = mask | (self.end_symbol if sought & self.end else 0)
            self._next_symbols[state] = self._first_of[sought]
        return self._next_symbols[state]

    def _shifted_to(self, state: int) -> dict[str, set[int]]:
        """Return the states that may follow once a terminal has been shifted, by terminal."""
        out: dict[str, set[int]] = {}
        seen: dict[int, int] = {}
        stack = [(state, self.sought[state] & ~self.end)]
        while stack:
            at, mask = stack.pop()
            new = mask & ~seen.get(at, 0)
            if not new:
                continue
            seen[at] = seen.get(at, 0) | new
            shifts = self.automaton.shifts[at]
            for name in self.automaton.names(new & self.shifted[at]):
                out.setdefault(name, set()).add(shifts[name])
            for reduction in self.automaton.reductions[at]:
                going = new & reduction.lookahead
                if going:
                    stack.extend((to, going) for to in reduction.targets)
        # Looked for, though it leads nowhere: nothing follows it.
        for name in self.automaton.names(self.sought[state] & ~self.end):
            out.setdefault(name, set())
        return out


def _certain(automaton: Automaton, viable: Automaton | None) -> list[frozenset[str]]:
    """Return for each state the terminals that can be shifted whatever lies on the stack.

    LALR merges lookaheads, so an action may be there for the sake of another stack.
    """
    everything = frozenset(automaton.terminals)
    if viable is None:
        return [frozenset()] * len(automaton.shifts)
    masks = _surely_shifted(viable)
    named = {mask: frozenset(viable.names(mask)) for mask in dict.fromkeys(masks)}
    sure = [named[mask] for mask in masks]
    if viable is automaton:
        return sure
    # The same symbols lead both automata along; where the second ends, nothing comes to an end.
    out = [everything] * len(automaton.shifts)
    seen = {(automaton.start, viable.start)}
    stack = list(seen)
    while stack:
        state, theirs = stack.pop()
        out[state] &= sure[theirs]
        for rows, their_rows in (
            (automaton.shifts, viable.shifts),
            (automaton.gotos, viable.gotos),
        ):
            for symbol, to in their_rows[theirs].items():
                pair = (rows[state][symbol], to)
                if pair not in seen:
                    seen.add(pair)
                    stack.append(pair)
    return out


def _surely_shifted(automaton: Automaton) -> list[int]:
    shifted, sure = automaton.shifted, list(automaton.sought)
    users: dict[int, list[int]] = {}
    for state, reductions in enumerate(automaton.reductions):
        for reduction in reductions:
            for to in reduction.targets:
                users.setdefault(to, []).append(state)
    waiting = list(range(len(sure)))
    while waiting:
        state = waiting.pop()
        mask = shifted[state]
        for reduction in automaton.reductions[state]:
            kept = reduction.lookahead
            for to in reduction.targets:
                kept &= sure[to]
            mask |= kept
        if mask != sure[state]:
            sure[state] = mask
            waiting.extend(users.get(state, ()))
    return sure


def _list(names: frozenset[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
