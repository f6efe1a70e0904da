"""An incremental LALR parser: where in a text the rules of a grammar are completed.

The stack of the LALR parser is an immutable linked list, so that particles share it and resampling
copies a reference. A rule is reported when the parser reduces it: at its last character where the
text can only mean that, else when the next terminal decides (`WHERE a = 1` may still go on).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from potentials.grammar.incremental_lexer import Lexicon, Scan, Scanner, lexicon
from potentials.grammar.lark import internals

if TYPE_CHECKING:
    from lark import Lark
    from lark.grammar import Rule


@dataclass(frozen=True, slots=True)
class Event:
    """A rule (or terminal) was completed.

    Attributes:
        name: Of the rule, its alias, or the terminal.
        start: Offset of its first character in the text.
        end: Offset after its last character.
    """

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stack:
    """The top of the parser's stack, and what lies below."""

    state: int
    start: int
    end: int
    below: Stack | None


@dataclass(frozen=True, slots=True)
class Position:
    """The tracker's state after some text.

    Attributes:
        stack: Of the parser; None once the text is not one that the tracker can follow.
        scan: The characters of the unfinished terminal.
        token_start: Offset of its first character.
        offset: Length of the text.
    """

    stack: Stack | None
    scan: Scan
    token_start: int = 0
    offset: int = 0


class Tracker:
    """Follows a text with the LALR tables of a Lark grammar.

    Args:
        lark: A LALR parser without conflicts.
        start: Its start rule.

    Raises:
        Unsupported: A terminal is not a regular language within bounds (`automata.pattern`).
    """

    def __init__(self, lark: Lark, start: str) -> None:
        table = internals.parser_table(lark, start)
        self._shifts, self._reductions = table.shifts, table.reductions
        self._terminals = frozenset({t.name for t in lark.terminals} | {internals.END})
        self._ignored = frozenset(lark.ignore_tokens)
        self._lexicon: Lexicon = lexicon(lark.terminals)
        self._scanners = self._scanners_of(lark)
        self._sure: dict[int, Rule | None] = {}
        first = Stack(table.start, 0, 0, None)
        self.start = Position(first, self._scanners[table.start].start)
        rules: list[Rule] = list(lark.rules)
        self.names = frozenset(
            {str(r.origin.name) for r in rules}
            | {str(r.alias) for r in rules if r.alias}
            | {t.name for t in lark.terminals}
        )

    def feed(self, position: Position, text: str) -> tuple[Position, list[Event]]:
        """Return the position after further text, and what was completed on the way."""
        stack, scan, begun = position.stack, position.scan, position.token_start
        offset, events = position.offset, []
        if stack is None:
            return replace(position, offset=offset + len(text)), events
        for char in text:
            symbol = self._lexicon.symbol(char)
            after = scan.step(symbol)
            if after is None and offset > begun:
                name = scan.terminal(symbol)
                stack = self._take(stack, name, begun, offset, events)
                if stack is not None:
                    begun = offset
                    after = self._scanners[stack.state].start.step(symbol)
            offset += 1
            if stack is not None and after is not None and after.finished is not None:
                stack = self._take(stack, after.finished, begun, offset, events)
                begun = offset
                after = self._scanners[stack.state].start if stack is not None else None
            if stack is None or after is None:
                end = position.offset + len(text)
                return Position(None, position.scan, end, end), events
            scan = after
        return Position(stack, scan, begun, offset), events

    def _take(
        self, stack: Stack, name: str | None, start: int, end: int, events: list[Event]
    ) -> Stack | None:
        """Give a terminal to the parser: reduce, shift, and reduce what is sure already."""
        if name is None:
            return None
        if name in self._ignored:
            return stack
        while (to := self._shifts[stack.state].get(name)) is None:
            rule = self._reductions[stack.state].get(name)
            if rule is None:
                return None
            stack = self._reduce(stack, rule, events)
        stack = Stack(to, start, end, stack)
        events.append(Event(name, start, end))
        while (rule := self._sure_rule(stack.state)) is not None:
            stack = self._reduce(stack, rule, events)
        return stack

    def _reduce(self, stack: Stack, rule: Rule, events: list[Event]) -> Stack:
        start = end = stack.end
        below = stack
        for _ in rule.expansion:
            if below.start < below.end:
                start = below.start
            assert below.below is not None
            below = below.below
        events.append(Event(str(rule.origin.name), start, end))
        if rule.alias:
            events.append(Event(str(rule.alias), start, end))
        state = self._shifts[below.state][rule.origin.name]
        return Stack(state, start, end, below)

    def _sure_rule(self, state: int) -> Rule | None:
        """The rule that is reduced in a state whatever comes next, if there is one."""
        if state not in self._sure:
            rules = {id(rule): rule for rule in self._reductions[state].values()}
            shifts = not self._terminals.isdisjoint(self._shifts[state])
            only = next(iter(rules.values())) if len(rules) == 1 and not shifts else None
            self._sure[state] = only
        return self._sure[state]

    def _scanners_of(self, lark: Lark) -> dict[int, Scanner]:
        """The scanner of every parser state; states with the same terminals share one."""
        lists = dict(internals.contextual_terminals(lark))
        made = {id(terminals): self._lexicon.scanner(terminals) for terminals in lists.values()}
        return {state: made[id(terminals)] for state, terminals in lists.items()}
