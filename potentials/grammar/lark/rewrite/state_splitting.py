"""Splitting a grammar so that each place where a terminal stands has one share of it.

Two labels do it, and neither changes the language. The parser state in which a symbol begins is
the same for every derivation of a text. The *context*, that is the state in which the lexer was
asked for the symbol's first terminal, runs through the derivation from left to right. What ends up
the same under all labels is merged again: a grammar that needs no splitting stays as it was.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from potentials.grammar.lark.lalr import Automaton
from potentials.grammar.lark.lexer.scanner import Share
from potentials.grammar.lark.productions import Rules, Symbol

Label = tuple[Hashable, ...]


@dataclass(frozen=True)
class Split:
    """A grammar over shares.

    Attributes:
        rules: Productions; a terminal's name is a key of `shares`.
        start: The start symbol.
        shares: What each terminal takes.
    """

    rules: Rules
    start: str
    shares: dict[str, Share]


def split(
    rules: Rules, start: str, automaton: Automaton, shares: dict[tuple[int, str], Share]
) -> Split:
    """Split a grammar by Lark's parser states.

    Args:
        rules: Usable productions.
        start: The start symbol.
        automaton: Lark's automaton.
        shares: For each context and terminal what it takes there.
    """
    whole = _one_share_each(shares)
    if whole is not None:
        return _named(rules, start, whole)
    context_of = _classes(shares)
    table = _Table(rules, automaton, shares, context_of)
    first = (automaton.start, context_of[automaton.start], start)
    outs = table.outs(first)
    productions: dict[Hashable, list[tuple[Any, ...]]] = {}
    stack: list[Any] = [(first, out) for out in outs]
    top = tuple(stack)
    while stack:
        key = stack.pop()
        if key in productions:
            continue
        (state, context, name), out = key
        productions[key] = []
        for production in rules[name]:
            for body in table.bodies(production, state, context):
                if body[1] == out:
                    productions[key].append(body[0])
                    stack.extend(s for s in body[0] if not isinstance(s, Share))
    merged, roots = _merge(productions, top)
    return _written(merged, roots, start)


def _one_share_each(shares: dict[tuple[int, str], Share]) -> dict[str, Share] | None:
    found: dict[str, Share] = {}
    for (_state, name), share in shares.items():
        if found.setdefault(name, share) != share:
            return None
    return found


def _named(rules: Rules, start: str, shares: dict[str, Share]) -> Split:
    used = {n for ps in rules.values() for p in ps for n, terminal in p if terminal}
    return Split(rules, start, {n: shares[n] for n in sorted(used)})


def _classes(shares: dict[tuple[int, str], Share]) -> dict[int, Hashable]:
    """Return a label for each context; contexts with one label share all they have in common."""
    by_state: dict[int, dict[str, Share]] = {}
    for (state, name), share in shares.items():
        by_state.setdefault(state, {})[name] = share
    groups: list[dict[str, Share]] = []
    out: dict[int, Hashable] = {}
    for state in sorted(by_state, key=lambda s: -len(by_state[s])):
        mine = by_state[state]
        for i, group in enumerate(groups):
            if all(group.get(n, s) == s for n, s in mine.items()):
                group.update(mine)
                out[state] = i
                break
        else:
            groups.append(dict(mine))
            out[state] = len(groups) - 1
    return out


@dataclass
class _Table:
    """The productions under labels, worked out as they are asked for."""

    rules: Rules
    automaton: Automaton
    shares: dict[tuple[int, str], Share]
    context_of: dict[int, Hashable]

    def __post_init__(self) -> None:
        self._by_class: dict[tuple[Hashable, str], Share] = {
            (self.context_of[s], n): share for (s, n), share in self.shares.items()
        }
        self._outs: dict[Label, set[Hashable]] = {}

    def outs(self, key: Label) -> set[Hashable]:
        """Return the contexts in which a labelled symbol may end."""
        if key not in self._outs:
            self._outs[key] = set()
            changed = True
            while changed:
                changed = False
                for known in list(self._outs):
                    changed |= self._grow(known)
        return self._outs[key]

    def _grow(self, key: Label) -> bool:
        state, context, name = key
        before = len(self._outs[key]), len(self._outs)
        for production in self.rules[str(name)]:
            ends = {context}
            at: Any = state
            for symbol, terminal in production:
                if terminal:
                    to = self.automaton.actions[at].get(symbol)
                    usable = isinstance(to, int) and any(
                        (c, symbol) in self._by_class for c in ends
                    )
                    ends = (
                        {self.context_of.get(to, -1)} if isinstance(to, int) and usable else set()
                    )
                else:
                    to = self.automaton.gotos[at].get(symbol)
                    inner = [self._outs.setdefault((at, c, symbol), set()) for c in ends]
                    ends = set().union(*inner)
                if to is None or not ends:
                    ends = set()
                    break
                at = to
            self._outs[key] |= ends
        return (len(self._outs[key]), len(self._outs)) != before

    def bodies(
        self, production: tuple[Symbol, ...], state: Any, context: Hashable
    ) -> list[tuple[tuple[Any, ...], Hashable]]:
        """Return the labelled bodies of a production, each with the context it ends in."""
        partial: list[tuple[tuple[Any, ...], Hashable]] = [((), context)]
        at: Any = state
        for symbol, terminal in production:
            longer: list[tuple[tuple[Any, ...], Hashable]] = []
            for body, c in partial:
                if terminal:
                    to = self.automaton.actions[at].get(symbol)
                    share = self._by_class.get((c, symbol))
                    if isinstance(to, int) and share is not None:
                        longer.append(((*body, share), self.context_of.get(to, -1)))
                else:
                    key = (at, c, symbol)
                    longer.extend(((*body, (key, out)), out) for out in self._outs.get(key, ()))
            partial = longer
            if not partial:
                break
            row = self.automaton.actions[at] if terminal else self.automaton.gotos[at]
            at = row[symbol]
        return partial


def _merge(
    productions: dict[Hashable, list[tuple[Any, ...]]], top: tuple[Any, ...]
) -> tuple[dict[Any, list[tuple[Any, ...]]], tuple[Any, ...]]:
    """Merge labelled symbols that derive the same in the same way."""
    block: dict[Any, int] = {}
    kinds: dict[str, int] = {}
    for key in productions:
        block[key] = kinds.setdefault(_plain(key), len(kinds))
    while True:
        names: dict[Any, int] = {}
        refined: dict[Any, int] = {}
        for key, bodies in productions.items():
            signature = frozenset(
                tuple(s if isinstance(s, Share) else block[s] for s in body) for body in bodies
            )
            refined[key] = names.setdefault((block[key], signature), len(names))
        if len(names) == len(set(block.values())):
            break
        block = refined
    chosen: dict[int, Any] = {}
    for key in productions:
        chosen.setdefault(block[key], key)
    merged = {
        key: list(
            dict.fromkeys(
                tuple(s if isinstance(s, Share) else chosen[block[s]] for s in body)
                for body in productions[key]
            )
        )
        for key in chosen.values()
    }
    return merged, tuple(dict.fromkeys(chosen[block[key]] for key in top))


def _plain(key: Any) -> str:
    return key[0][2]


def _written(merged: dict[Any, list[tuple[Any, ...]]], roots: tuple[Any, ...], start: str) -> Split:
    counts: dict[str, int] = {}

    def fresh(name: str) -> str:
        counts[name] = counts.get(name, 0) + 1
        return name if counts[name] == 1 else f"{name}#{counts[name]}"

    names = {key: fresh(_plain(key)) for key in merged}
    share_names: dict[Share, str] = {}
    rules: Rules = {}
    for key, bodies in merged.items():
        written: list[tuple[Symbol, ...]] = []
        for body in bodies:
            symbols: list[Symbol] = []
            for s in body:
                if isinstance(s, Share):
                    if s not in share_names:
                        share_names[s] = fresh(s.terminal)
                    symbols.append((share_names[s], True))
                else:
                    symbols.append((names[s], False))
            written.append(tuple(symbols))
        rules[names[key]] = tuple(written)
    top = names[roots[0]] if len(roots) == 1 else fresh(start)
    if len(roots) != 1:
        rules[top] = tuple(((names[r], False),) for r in roots)
    return Split(rules, top, {n: s for s, n in share_names.items()})
