"""LALR(1) automata, lookaheads propagated as by DeRemer and Pennello (1982).

The tables are those of Lark's own parser, which takes time and memory in the square of the number
of keywords; here sets of terminals are bit masks. Conflicts are settled as Lark settles them: shift
goes before reduce, and of two reductions the one of higher priority.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from potentials.grammar.lark.automata.bitmask import joined, members
from potentials.grammar.lark.lr0 import LR0Automaton, Production, lr0_automaton
from potentials.grammar.lark.productions import Rules, nullable

END = "$END"

Transition = tuple[int, str]  # a state, and a nonterminal that leads on from it


@dataclass(frozen=True)
class Reduction:
    """A production that a state reduces.

    Attributes:
        name: The nonterminal.
        body: The symbols.
        lookahead: The mask of terminals before which it does.
        targets: The states that may come next.
    """

    name: str
    body: tuple[str, ...]
    lookahead: int
    targets: frozenset[int]


@dataclass(frozen=True)
class Automaton:
    """A LALR(1) automaton; state 0 is the start.

    Attributes:
        terminals: Their names; bit i of a mask is terminal i, `END` the last.
        shifts: For each state, by terminal the next state.
        gotos: For each state, by nonterminal the next state.
        reductions: For each state what it reduces, before different terminals each.
        barred: For a state and a production (name, symbols) that ends there, the terminals before
            which a conflict was settled against it. Empty if the grammar has no conflict.
    """

    terminals: tuple[str, ...]
    shifts: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    reductions: tuple[tuple[Reduction, ...], ...]
    barred: dict[tuple[int, str, tuple[str, ...]], frozenset[str]]
    start: int = 0

    @cached_property
    def shifted(self) -> list[int]:
        """For each state the mask of the terminals that it shifts."""
        bit = {t: 1 << i for i, t in enumerate(self.terminals)}
        return [sum(bit[t] for t in row) for row in self.shifts]

    @cached_property
    def sought(self) -> list[int]:
        """For each state the mask of the terminals for which it has an action."""
        return [
            joined([mask, *(r.lookahead for r in reductions)])
            for mask, reductions in zip(self.shifted, self.reductions, strict=True)
        ]

    def next_state(self, state: int, symbol: str, *, terminal: bool) -> int | None:
        """Return the state after shifting a terminal, or after a nonterminal."""
        return (self.shifts if terminal else self.gotos)[state].get(symbol)

    def names(self, mask: int) -> list[str]:
        """Return the terminals of a mask."""
        return [self.terminals[i] for i in members(mask)]


@dataclass(frozen=True)
class _Reduced:
    """What a state may reduce, conflicts not yet settled."""

    production: Production
    lookahead: int
    targets: frozenset[int]


def automaton(
    rules: Rules,
    start: str,
    priorities: Mapping[tuple[str, tuple[str, ...]], int],
    *,
    strict: bool,
) -> Automaton | str:
    """Return the automaton of a grammar, or why there is none.

    Args:
        rules: Productions.
        start: The start symbol.
        priorities: Of productions (name, symbols); 0 where none is given.
        strict: Whether a conflict that Lark settles by itself counts as none.
    """
    lr0 = lr0_automaton(rules, start)
    names = {t for row in lr0.shifts for t in row}
    terminals = (*sorted(names), END)
    bit = {t: 1 << i for i, t in enumerate(terminals)}
    shifted = [sum(bit[t] for t in row) for row in lr0.shifts]
    reductions: list[tuple[Reduction, ...]] = []
    barred: dict[tuple[int, str, tuple[str, ...]], frozenset[str]] = {}
    for state, reduced in enumerate(_lookaheads(lr0, rules, start, bit, shifted)):
        kept: list[Reduction] = []
        taken, reduced_before = shifted[state], 0
        for group in _by_priority(reduced, priorities):
            collision = _overlap([r.lookahead for r in group]) & ~reduced_before
            if collision:
                return _collision(group, terminals, collision)
            if strict and any(r.lookahead & taken for r in group):
                lost = next(r.lookahead & taken for r in group if r.lookahead & taken)
                kind = "Shift/Reduce" if lost & shifted[state] else "Reduce/Reduce"
                name = terminals[next(members(lost))]
                return f"{kind} conflict for terminal {name}"
            for r in group:
                lost = r.lookahead & taken
                if lost:
                    key = (state, r.production.name, r.production.symbols)
                    barred[key] = frozenset(terminals[i] for i in members(lost))
                left = r.lookahead & ~taken
                if left:
                    kept.append(Reduction(r.production.name, r.production.symbols, left, r.targets))
            reduced_before |= joined(r.lookahead for r in group)
            taken |= reduced_before
        reductions.append(tuple(kept))
    return Automaton(terminals, lr0.shifts, lr0.gotos, tuple(reductions), barred)


def _by_priority(
    reduced: Sequence[_Reduced], priorities: Mapping[tuple[str, tuple[str, ...]], int]
) -> list[list[_Reduced]]:
    """Return reductions in groups of one priority, the highest first."""
    groups: dict[int, list[_Reduced]] = {}
    for r in reduced:
        groups.setdefault(priorities.get(r.production.key, 0), []).append(r)
    return [groups[p] for p in sorted(groups, reverse=True)]


def _overlap(masks: Sequence[int]) -> int:
    seen = twice = 0
    for mask in masks:
        twice |= seen & mask
        seen |= mask
    return twice


def _collision(group: Sequence[_Reduced], terminals: Sequence[str], mask: int) -> str:
    which = next(members(mask))
    rules = " and ".join(str(r.production) for r in group if r.lookahead >> which & 1)
    return f"Reduce/Reduce conflict for terminal {terminals[which]} between {rules}"


def _lookaheads(
    lr0: LR0Automaton, rules: Rules, start: str, bit: Mapping[str, int], shifted: Sequence[int]
) -> list[list[_Reduced]]:
    """Return what each state may reduce."""
    empty = nullable(rules)
    reads: dict[Transition, list[Transition]] = {}
    includes: dict[Transition, list[Transition]] = {}
    lookback: list[dict[Production, list[int]]] = [{} for _ in lr0.shifts]
    direct: dict[Transition, int] = {}
    for state, row in enumerate(lr0.gotos):
        for name, to in row.items():
            at = (state, name)
            direct[at] = shifted[to] | (bit[END] if at == (0, start) else 0)
            reads[at] = [(to, n) for n in lr0.gotos[to] if n in empty]
            includes.setdefault(at, [])
            for production in lr0.productions[name]:
                end = _walk(lr0, state, production, empty, at, includes)
                lookback[end].setdefault(production, []).append(state)
    follow = _propagated(_propagated(direct, reads), includes)
    return [
        [
            _Reduced(
                production,
                joined(follow[origin, production.name] for origin in origins),
                frozenset(lr0.gotos[origin][production.name] for origin in origins),
            )
            for production, origins in by_production.items()
        ]
        for by_production in lookback
    ]


def _walk(
    lr0: LR0Automaton,
    state: int,
    production: Production,
    empty: set[str],
    at: Transition,
    includes: dict[Transition, list[Transition]],
) -> int:
    """Follow a production from a state; note which transitions inherit what follows it."""
    body = production.body
    last = len(body)
    while last and not body[last - 1][1] and body[last - 1][0] in empty:
        last -= 1
    for i, (symbol, terminal) in enumerate(body):
        if not terminal and i >= last - 1:
            includes.setdefault((state, symbol), []).append(at)
        state = (lr0.shifts if terminal else lr0.gotos)[state][symbol]
    return state


def _propagated(
    own: Mapping[Transition, int], sources: Mapping[Transition, Sequence[Transition]]
) -> dict[Transition, int]:
    """Return the least sets that hold their own and those of their sources."""
    users: dict[Transition, list[Transition]] = {}
    for user, used in sources.items():
        for source in used:
            users.setdefault(source, []).append(user)
    sets = dict(own)
    waiting = list(sets)
    while waiting:
        source = waiting.pop()
        mask = sets[source]
        for user in users.get(source, ()):
            if mask & ~sets[user]:
                sets[user] |= mask
                waiting.append(user)
    return sets
