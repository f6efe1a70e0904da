"""Lark's LALR(1) automaton: which terminals its contextual lexer looks for, and when.

A *context* is a parser state in which the lexer is asked for a token: the start state, or the state
right after a terminal was shifted (reductions wait for the next token). The lexer then looks for
every terminal that has an action in that state, viable with the rest of the stack or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from potentials.grammar.lark import internals
from potentials.grammar.lark.internals import END
from potentials.grammar.lark.loading import Loaded


@dataclass(frozen=True)
class Automaton:
    """A LALR(1) automaton.

    Attributes:
        start: The start state.
        actions: For each state and terminal the state to shift to, or the rule to reduce.
        gotos: For each state and nonterminal the next state.
        barred: For a state and a production (name, symbols) that ends there, the terminals before
            which Lark settles a conflict against it. Empty if the grammar has no conflict.
    """

    start: int
    actions: dict[int, dict[str, Any]]
    gotos: dict[int, dict[str, int]]
    barred: dict[tuple[int, str, tuple[str, ...]], frozenset[str]]
    _before: dict[tuple[int, str], list[int]]
    _after: dict[tuple[int, str], frozenset[int]] = field(default_factory=dict)
    _certain: dict[tuple[int, str], bool] = field(default_factory=dict)

    def contexts(self) -> list[int]:
        """Return the states in which the lexer is asked for a token."""
        states = {self.start}
        for row in self.actions.values():
            states.update(to for to in row.values() if isinstance(to, int))
        return sorted(states)

    def looked_for(self, state: int) -> frozenset[str]:
        """Return the terminals that the lexer looks for, without the end."""
        return frozenset(self.actions[state]) - {END}

    def after(self, state: int, terminal: str) -> frozenset[int]:
        """Return the states that may follow once the terminal has been shifted."""
        key = (state, terminal)
        if key not in self._after:
            self._after[key] = frozenset()
            out: set[int] = set()
            seen: set[int] = set()
            stack = [state]
            while stack:
                at = stack.pop()
                if at in seen:
                    continue
                seen.add(at)
                action = self.actions[at].get(terminal)
                if isinstance(action, int):
                    out.add(action)
                elif action is not None:
                    stack.extend(self._reduced(at, action))
            self._after[key] = frozenset(out)
        return self._after[key]

    def certain(self, state: int, terminal: str) -> bool:
        """Return whether the terminal can be shifted whatever lies below on the stack.

        LALR merges lookaheads, so an action may be there for the sake of another stack.
        """
        key = (state, terminal)
        if key not in self._certain:
            self._certain[key] = True
            action = self.actions[state].get(terminal)
            if not isinstance(action, int):
                self._certain[key] = action is not None and all(
                    self.certain(to, terminal) for to in self._reduced(state, action)
                )
        return self._certain[key]

    def _reduced(self, state: int, rule: Any) -> list[int]:
        """Return where the automaton may be after reducing a rule in a state."""
        states = {state}
        for symbol in reversed(rule.expansion):
            states = {s for t in states for s in self._before.get((t, str(symbol.name)), ())}
        origin = str(rule.origin.name)
        return [self.gotos[s][origin] for s in states if origin in self.gotos[s]]


def automaton(loaded: Loaded, *, strict: bool) -> Automaton | str:
    """Return Lark's automaton, or why there is none.

    Args:
        loaded: The grammar.
        strict: Whether a conflict that Lark settles by itself counts as none.
    """
    try:
        table, lookaheads = internals.lalr_table(loaded.lark_rules, loaded.start, strict=strict)
    except internals.LalrConflictError as error:
        return str(error)
    barred: dict[tuple[int, str, tuple[str, ...]], frozenset[str]] = {}
    for lookahead in lookaheads:
        ranked = sorted(lookahead.rules, key=lambda r: r.options.priority or 0, reverse=True)
        lost = ranked if lookahead.shifts else ranked[1:]
        if lost and strict:
            return f"Reduce/Reduce conflict for terminal {lookahead.terminal}, settled by priority"
        for rule in lost:
            body = tuple(str(x.name) for x in rule.expansion)
            key = (lookahead.state, str(rule.origin.name), body)
            barred[key] = barred.get(key, frozenset()) | {lookahead.terminal}
    actions: dict[int, dict[str, Any]] = {}
    gotos: dict[int, dict[str, int]] = {}
    before: dict[tuple[int, str], list[int]] = {}
    for state, row in table.shifts.items():
        terminals = {n for n in row if n in loaded.terminals or n == END}
        actions[state] = {n: row[n] for n in terminals} | table.reductions[state]
        gotos[state] = {n: to for n, to in row.items() if n not in terminals}
        for name, to in row.items():
            before.setdefault((to, name), []).append(state)
    return Automaton(table.start, actions, gotos, barred, before)
