"""Context-free productions in BNF: which symbols are productive, reachable, nullable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from potentials.grammar.lark.loading import Loaded, line_of
from smc.errors import GrammarError

T = TypeVar("T")
Symbol = tuple[str, bool]
Rules = dict[str, tuple[tuple[Symbol, ...], ...]]


@dataclass(frozen=True)
class Usable:
    """The productions that take part in some sentence.

    Attributes:
        rules: Without unproductive and unreachable ones.
        dropped: The nonterminals that derive nothing, in the order met.
    """

    rules: Rules
    dropped: tuple[str, ...]


def usable(loaded: Loaded, empty_terminals: frozenset[str] = frozenset()) -> Usable:
    """Drop what derives no sentence; the language stays the same.

    Args:
        loaded: The grammar.
        empty_terminals: Terminals that match nothing at all.

    Raises:
        GrammarError: If nothing is left: a grammar with no sentence.
    """
    kept, dropped = reduce_rules(loaded.rules, loaded.start, empty_terminals)
    if loaded.start not in kept:
        line = line_of(loaded.source, loaded.start)
        raise GrammarError(
            f"Grammar, line {line}: a grammar with no sentence: `{loaded.start}` never comes to an "
            f"end (it derives no text without {', '.join(dropped[:5]) or loaded.start} again). "
            'Give the recursion an alternative that ends, as in `a: "x" a | "x"`.'
        )
    return Usable(kept, dropped)


def reduce_rules(
    rules: Rules, start: str, empty_terminals: frozenset[str] = frozenset()
) -> tuple[Rules, tuple[str, ...]]:
    """Return the productive and reachable rules, and the names of the unproductive ones."""
    productive = _closed(rules, lambda name: name not in empty_terminals)

    def ends(production: tuple[Symbol, ...]) -> bool:
        return all(
            name not in empty_terminals if terminal else name in productive
            for name, terminal in production
        )

    kept: Rules = {}
    stack = [start] if start in productive else []
    while stack:
        name = stack.pop()
        if name in kept:
            continue
        kept[name] = tuple(p for p in rules[name] if ends(p))
        stack.extend(n for p in kept[name] for n, terminal in p if not terminal)
    return kept, tuple(n for n in rules if n not in productive)


def nullable(rules: Rules) -> set[str]:
    """Return the nonterminals that derive the empty text."""
    return _closed(rules, lambda _terminal: False)


def _closed(rules: Rules, good: Callable[[str], bool]) -> set[str]:
    """Return the nonterminals with a production of good terminals and such nonterminals alone."""
    users: dict[str, list[int]] = {}
    names: list[str] = []
    missing: list[int] = []
    ready: list[str] = []
    for name, productions in rules.items():
        for production in productions:
            if not all(good(symbol) for symbol, terminal in production if terminal):
                continue
            inner = {symbol for symbol, terminal in production if not terminal}
            for symbol in inner:
                users.setdefault(symbol, []).append(len(names))
            names.append(name)
            missing.append(len(inner))
            if not inner:
                ready.append(name)
    closed: set[str] = set()
    while ready:
        name = ready.pop()
        if name in closed:
            continue
        closed.add(name)
        for user in users.get(name, ()):
            missing[user] -= 1
            if not missing[user]:
                ready.append(names[user])
    return closed


def fixpoint(
    names: list[str], update: Callable[[str, dict[str, set[T]]], set[T]]
) -> dict[str, set[T]]:
    """Return the least sets with sets[name] ⊇ update(name, sets)."""
    sets: dict[str, set[T]] = {n: set() for n in names}
    changed = True
    while changed:
        changed = False
        for name in names:
            more = update(name, sets) - sets[name]
            if more:
                sets[name] |= more
                changed = True
    return sets
