"""Grammar reduction: useless symbols go, equal ones merge, single productions are inlined.

Symbols are numbered first. In a body of the result a number that is not negative is a symbol, and
`~m` is a class of characters, those of the mask m.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from potentials.grammar.lark.automata.partition import coarsest_partition

_LONGEST_FOLDED = 24
_DEEPEST_FOLDED = 60

Body = tuple[int, ...]
Productions = dict[int, list[Body]]
START = 0

L = TypeVar("L", bound=Hashable)


def shrink(productions: Mapping[L, Iterable[tuple[L | int, ...]]], start: L) -> Productions:
    """Return a grammar of the same language; empty if it has no sentence.

    Args:
        productions: In the bodies an integer is a mask of characters, anything else a symbol.
        start: Is `START` in the result.
    """
    number = {start: START}
    for key in productions:
        number.setdefault(key, len(number))
    numbered = _live(
        {
            number[key]: [tuple(~s if isinstance(s, int) else number[s] for s in b) for b in bodies]
            for key, bodies in productions.items()
        }
    )
    while numbered:
        before = len(numbered)
        numbered = _live(_folded(_merged(numbered)))
        if len(numbered) == before:
            break
    return numbered


def _live(productions: Productions) -> Productions:
    """Return what is productive and reachable."""
    users: dict[int, list[tuple[int, int]]] = {}
    missing: dict[tuple[int, int], int] = {}
    productive: set[int] = set()
    ready: list[int] = []

    def is_productive(symbol: int) -> None:
        if symbol not in productive:
            productive.add(symbol)
            ready.append(symbol)

    for symbol, bodies in productions.items():
        for i, body in enumerate(bodies):
            inner = {s for s in body if s >= 0}
            missing[symbol, i] = len(inner)
            for s in inner:
                users.setdefault(s, []).append((symbol, i))
            if not inner:
                is_productive(symbol)
    while ready:
        for user in users.get(ready.pop(), ()):
            missing[user] -= 1
            if not missing[user]:
                is_productive(user[0])
    if START not in productive:
        return {}
    out: Productions = {}
    stack = [START]
    while stack:
        symbol = stack.pop()
        if symbol in out:
            continue
        kept = (b for i, b in enumerate(productions[symbol]) if not missing[symbol, i])
        # A symbol that derives itself adds nothing.
        out[symbol] = [b for b in dict.fromkeys(kept) if b != (symbol,)]
        stack.extend(s for b in out[symbol] for s in b if s >= 0)
    return out


def _merged(productions: Productions) -> Productions:
    """Merge symbols that derive the same in the same way."""

    def shape(symbol: int, block: Mapping[int, int]) -> frozenset[Body]:
        return frozenset(
            tuple(s if s < 0 else block[s] for s in body) for body in productions[symbol]
        )

    block = coarsest_partition(productions, shape)
    chosen: dict[int, int] = {block[START]: START}
    for symbol in productions:
        chosen.setdefault(block[symbol], symbol)
    return {
        symbol: list(
            dict.fromkeys(
                tuple(s if s < 0 else chosen[block[s]] for s in body)
                for body in productions[symbol]
            )
        )
        for symbol in chosen.values()
    }


def _folded(productions: Productions) -> Productions:
    """Put symbols with one production in its place, where it does not get too long."""
    single = {k: b[0] for k, b in productions.items() if len(b) == 1 and k != START}
    done: dict[int, Body] = {}

    def unfold(symbol: int, above: frozenset[int]) -> Body:
        if symbol in done:
            return done[symbol]
        out: list[int] = []
        for s in single[symbol]:
            if s not in single or s in above or len(above) > _DEEPEST_FOLDED:
                out.append(s)
                continue
            inner = unfold(s, above | {s})
            out.extend(inner if len(inner) <= _LONGEST_FOLDED else (s,))
        unfolded = tuple(out)
        if not above - {symbol}:
            done[symbol] = unfolded
        return unfolded

    flat = {k: unfold(k, frozenset({k})) for k in single}

    def put(body: Body) -> Body:
        out: list[int] = []
        for s in body:
            fits = s in flat and len(flat[s]) <= _LONGEST_FOLDED
            out.extend(flat[s] if fits else (s,))
        return tuple(out)

    return {
        k: [flat[k]] if k in flat else list(dict.fromkeys(put(b) for b in bodies))
        for k, bodies in productions.items()
    }
