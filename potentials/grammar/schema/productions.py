"""A context-free grammar that is built rule by rule and pruned of all that derives nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from potentials.grammar.left_factoring import left_factored
from smc.errors import GrammarError

MOST_SYMBOLS = 400_000


@dataclass(frozen=True, slots=True)
class Terminal:
    """A lexeme: a regular expression in llguidance's dialect, or an inline `%json` rule."""

    source: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A nonterminal, by number."""

    number: int


Symbol = Terminal | Rule


@dataclass(slots=True)
class Productions:
    """The productions of a grammar.

    Attributes:
        bodies: For each rule, its alternatives.
        size: Symbols so far.
    """

    bodies: list[list[tuple[Symbol, ...]]] = field(default_factory=list)
    size: int = 0

    def rule(self) -> Rule:
        """Return a new nonterminal without alternatives."""
        self.bodies.append([])
        return Rule(len(self.bodies) - 1)

    def add(self, rule: Rule, *symbols: Symbol) -> None:
        """Add an alternative to a rule."""
        self.size += len(symbols) + 1
        if self.size > MOST_SYMBOLS:
            raise GrammarError(
                f"JSONSchema: the grammar needs more than {MOST_SYMBOLS:,} symbols. Lower the "
                "numbers of items or properties in the schema, or the alternatives."
            )
        self.bodies[rule.number].append(symbols)

    def productive(self) -> set[Rule]:
        """Return the rules that derive some text."""
        users: dict[Rule, list[tuple[int, int]]] = {}
        missing: dict[tuple[int, int], int] = {}
        fresh: list[Rule] = []
        known: set[Rule] = set()

        def settle(rule: Rule) -> None:
            if rule not in known:
                known.add(rule)
                fresh.append(rule)

        for number, bodies in enumerate(self.bodies):
            for which, body in enumerate(bodies):
                rules = {s for s in body if isinstance(s, Rule)}
                missing[number, which] = len(rules)
                for rule in rules:
                    users.setdefault(rule, []).append((number, which))
                if not rules:
                    settle(Rule(number))
        while fresh:
            for user in users.get(fresh.pop(), ()):
                missing[user] -= 1
                if not missing[user]:
                    settle(Rule(user[0]))
        return known

    def lark(self, start: Rule) -> str | None:
        """Return llguidance's Lark source without useless rules; None if nothing is derived."""
        productive = self.productive()
        if start not in productive:
            return None
        names: dict[Terminal, str] = {}
        rules: dict[str, list[tuple[str, ...]]] = {}
        reached, stack = {start}, [start]
        while stack:
            rule = stack.pop()
            options = rules[f"r{rule.number}"] = []
            for body in dict.fromkeys(self.bodies[rule.number]):
                if all(isinstance(s, Terminal) or s in productive for s in body):
                    options.append(_spelt(body, names))
                    for symbol in body:
                        if isinstance(symbol, Rule) and symbol not in reached:
                            reached.add(symbol)
                            stack.append(symbol)
        lines = [f"start: r{start.number}"]
        for name, bodies in left_factored(rules).items():
            lines.append(f"{name}: {' | '.join(map(' '.join, bodies))}")
        lines += [f"{name}: {terminal.source}" for terminal, name in names.items()]
        return "\n".join(lines) + "\n"


def _spelt(body: Sequence[Symbol], names: dict[Terminal, str]) -> tuple[str, ...]:
    words = []
    for symbol in body:
        if isinstance(symbol, Rule):
            words.append(f"r{symbol.number}")
        else:
            kind = "j" if symbol.source.startswith("%json") else "T"
            words.append(names.setdefault(symbol, f"{kind}{len(names)}"))
    return tuple(words)


def alternatives(grammar: Productions, options: Iterable[Sequence[Symbol]]) -> Rule:
    """Return a new rule of these alternatives."""
    rule = grammar.rule()
    for option in options:
        grammar.add(rule, *option)
    return rule
