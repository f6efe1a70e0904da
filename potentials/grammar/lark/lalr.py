"""Lark's LALR(1) automaton of a grammar: which terminals its contextual lexer looks for, and when.

A *context* is a parser state in which the lexer is asked for a token: the start state, or the state
right after a terminal was shifted (reductions wait for the next token). The lexer then looks for
every terminal that has an action in that state, viable with the rest of the stack or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from potentials.grammar.lark.loading import Loaded

END = "$END"


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
        found = {self.start}
        for row in self.actions.values():
            found.update(to for to in row.values() if isinstance(to, int))
        return sorted(found)

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
    from lark.common import ParserConf
    from lark.exceptions import GrammarError
    from lark.parsers.lalr_analysis import LALR_Analyzer, Shift

    analyzer = LALR_Analyzer(ParserConf(list(loaded.lark_rules), {}, [loaded.start]), strict=strict)
    try:
        analyzer.compute_lalr()
    except GrammarError as error:
        return str(error).strip().split("\n")[0]
    barred: dict[tuple[int, str, tuple[str, ...]], frozenset[str]] = {}
    # Lark numbers its states in this order.
    for state, itemset in enumerate(analyzer.lr0_itemsets):
        for lookahead, rules in itemset.lookaheads.items():
            ranked = sorted(rules, key=lambda r: r.options.priority or 0, reverse=True)
            lost = ranked if lookahead in itemset.transitions else ranked[1:]
            if lost and strict:
                return f"Reduce/Reduce conflict for terminal {lookahead.name}, settled by priority"
            for rule in lost:
                key = (state, str(rule.origin.name), tuple(str(x.name) for x in rule.expansion))
                barred[key] = barred.get(key, frozenset()) | {str(lookahead.name)}
    table: Any = analyzer.parse_table
    terminal_names = set(loaded.terminals) | {END}
    actions: dict[int, dict[str, Any]] = {}
    gotos: dict[int, dict[str, int]] = {}
    before: dict[tuple[int, str], list[int]] = {}
    for state, row in table.states.items():
        actions[state], gotos[state] = {}, {}
        for name, (action, argument) in row.items():
            if name in terminal_names:
                actions[state][str(name)] = argument
            else:
                gotos[state][str(name)] = argument
            if action is Shift:
                before.setdefault((argument, str(name)), []).append(state)
    return Automaton(table.start_states[loaded.start], actions, gotos, barred, before)
