"""FIRST and FOLLOW sets over terminals: the lexer contexts of Lark's Earley parser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from potentials.grammar.lark.automata.bitmask import joined
from potentials.grammar.lark.lalr import END
from potentials.grammar.lark.lexer.contexts import Context, any_of
from potentials.grammar.lark.lexer.terminals import Terminals
from potentials.grammar.lark.loading import Loaded
from potentials.grammar.lark.productions import Rules, Symbol, fixpoint, nullable

_BEGIN = "$BEGIN"


def earley_contexts(
    loaded: Loaded, rules: Rules, terminals: Terminals, alike: Callable[[str], Iterable[str]]
) -> list[Context]:
    """Return the contexts of the Earley parser: one for each terminal that came before.

    Terminals that have a text in common may have come before at the same time, each in another
    reading of the text; they have one context.

    Args:
        loaded: The grammar.
        rules: Its usable productions.
        terminals: Its terminals.
        alike: The terminals that have a text in common with one.
    """
    follow = followers(rules, loaded.start)
    ignore = frozenset(loaded.ignore)
    first = terminals.first
    out: list[Context] = []

    @cache
    def next_after(name: str) -> int:
        mask = any_of(first, (follow[name] - {END}) | ignore)
        return mask | (terminals.alphabet.end if END in follow[name] else 0)

    seen: set[tuple[frozenset[str], int]] = set()
    for before, group in _groups(list(follow), alike).items():
        named = frozenset().union(*(follow[t] for t in group)) - {END}
        after_ignored = joined(next_after(t) for t in group)
        if (named, after_ignored) in seen:
            continue
        seen.add((named, after_ignored))
        follows = {t: next_after(t) for t in named - ignore}
        follows |= dict.fromkeys(ignore, after_ignored)
        where = "at the start" if before == _BEGIN else f"after {before}"
        out.append(Context(named | ignore, ignore, follows, where))
    return out


def followers(rules: Rules, start: str) -> dict[str, set[str]]:
    """Return which terminals may come right after each terminal, and (`$BEGIN`) first of all."""
    empty = nullable(rules)
    names = list(rules)

    def firsts(name: str, sets: dict[str, set[str]]) -> set[str]:
        out: set[str] = set()
        for production in rules[name]:
            for symbol, terminal in production:
                out |= {symbol} if terminal else sets[symbol]
                if terminal or symbol not in empty:
                    break
        return out

    first = fixpoint(names, firsts)
    terminals = {s for ps in rules.values() for p in ps for s, terminal in p if terminal}
    after: dict[Symbol, set[str]] = {(n, False): set() for n in names}
    after |= {(t, True): set() for t in terminals}
    after[start, False].add(END)
    changed = True
    while changed:
        changed = False
        for name, productions in rules.items():
            for production in productions:
                trailing = set(after[name, False])
                for symbol, terminal in reversed(production):
                    if not trailing <= after[symbol, terminal]:
                        after[symbol, terminal] |= trailing
                        changed = True
                    if terminal:
                        trailing = {symbol}
                    elif symbol in empty:
                        trailing = trailing | first[symbol]
                    else:
                        trailing = set(first[symbol])
    out = {t: after[t, True] for t in sorted(terminals)}
    out[_BEGIN] = first[start] | ({END} if start in empty else set())
    return out


def _groups(names: list[str], alike: Callable[[str], Iterable[str]]) -> dict[str, list[str]]:
    """Return groups of names connected by being alike, each under its first name."""
    left = dict.fromkeys(names)
    groups: dict[str, list[str]] = {}
    while left:
        name = next(iter(left))
        del left[name]
        groups[name] = [name]
        for now in groups[name]:
            new = [other for other in alike(now) if other in left] if now != _BEGIN else []
            groups[name] += new
            for other in new:
                del left[other]
    return groups
