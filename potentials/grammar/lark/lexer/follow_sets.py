"""FIRST and FOLLOW sets over terminals: the lexer contexts of Lark's LALR and Earley parsers."""

from __future__ import annotations

from collections.abc import Callable

from potentials.grammar.lark.lalr import END, Automaton
from potentials.grammar.lark.lexer.contexts import Context
from potentials.grammar.lark.lexer.terminals import Terminals
from potentials.grammar.lark.loading import Loaded
from potentials.grammar.lark.productions import Rules, Symbol, fixpoint, nullable

_BEGIN = "$BEGIN"


def lalr_contexts(
    loaded: Loaded, terminals: Terminals, automaton: Automaton, all_viable: bool
) -> dict[int, Context]:
    """Return the context of each parser state in which the contextual lexer is asked.

    Args:
        loaded: The grammar.
        terminals: Its terminals.
        automaton: Lark's automaton.
        all_viable: Whether every production can come to an end.
    """
    ignore = frozenset(loaded.ignore)
    first = _first_symbols(terminals)
    out: dict[int, Context] = {}

    def next_after(state: int) -> int:
        mask = _any(first, automaton.looked_for(state) | ignore)
        return mask | (terminals.alphabet.end if END in automaton.actions[state] else 0)

    for state in automaton.contexts():
        named = automaton.looked_for(state)
        if not named and END not in automaton.actions[state]:
            continue
        follows: dict[str, int] = dict.fromkeys(ignore, next_after(state))
        for name in named - ignore:
            follows[name] = 0
            for to in automaton.after(state, name):
                follows[name] |= next_after(to)
        certain = {t for t in named if automaton.certain(state, t)} if all_viable else set()
        out[state] = Context(
            named | ignore, frozenset(certain) | ignore, follows, f"where {_list(named)} may come"
        )
    return out


def earley_contexts(
    loaded: Loaded, rules: Rules, terminals: Terminals, alike: Callable[[str, str], bool]
) -> list[Context]:
    """Return the contexts of the Earley parser: one for each terminal that came before.

    Terminals that have a text in common may have come before at the same time, each in another
    reading of the text; they have one context.

    Args:
        loaded: The grammar.
        rules: Its usable productions.
        terminals: Its terminals.
        alike: Whether two terminals have a text in common.
    """
    follow = followers(rules, loaded.start)
    ignore = frozenset(loaded.ignore)
    first = _first_symbols(terminals)
    out: list[Context] = []

    def next_after(name: str) -> int:
        mask = _any(first, (follow[name] - {END}) | ignore)
        return mask | (terminals.alphabet.end if END in follow[name] else 0)

    for before, group in _groups(list(follow), alike).items():
        named = frozenset().union(*(follow[t] for t in group)) - {END}
        follows = {t: next_after(t) for t in named - ignore}
        after_ignored = 0
        for other in group:
            after_ignored |= next_after(other)
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


def _groups(names: list[str], alike: Callable[[str, str], bool]) -> dict[str, list[str]]:
    """Return groups of names connected by being alike, each under its first name."""
    group_of = {n: n for n in names}
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if _BEGIN not in (a, b) and group_of[a] != group_of[b] and alike(a, b):
                old, new = group_of[b], group_of[a]
                group_of = {n: new if g == old else g for n, g in group_of.items()}
    groups: dict[str, list[str]] = {}
    for name, group in group_of.items():
        groups.setdefault(group, []).append(name)
    return groups


def _first_symbols(terminals: Terminals) -> dict[str, int]:
    return {name: automaton.first for name, automaton in terminals.taken.items()}


def _any(first: dict[str, int], names: frozenset[str] | set[str]) -> int:
    mask = 0
    for name in names:
        mask |= first[name]
    return mask


def _list(names: frozenset[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
