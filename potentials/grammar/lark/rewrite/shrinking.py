"""Making a grammar of labelled symbols small: dead symbols go, equal ones merge, single ones fold.

In the bodies an integer is a character class, anything else a symbol.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

_LONGEST_FOLDED = 24

Body = tuple[Any, ...]
Productions = dict[Any, list[Body]]


def shrink(productions: dict[Hashable, list[Body]], start: Hashable) -> Productions:
    """Return a grammar of the same language; empty if it has no sentence.

    Symbols of the result are of no meaning to the caller but for `start`.
    """
    found = _live(productions, start)
    while found:
        before = len(found)
        found = _merged(found, start)
        found = _live(_folded(found, start), start)
        if len(found) == before:
            break
    return found


def _live(productions: Productions, start: Any) -> Productions:
    """Return what is productive and reachable."""
    users: dict[Any, list[tuple[Any, int]]] = {}
    missing: dict[tuple[Any, int], int] = {}
    productive: set[Any] = set()
    ready: list[Any] = []

    def is_productive(name: Any) -> None:
        if name not in productive:
            productive.add(name)
            ready.append(name)

    for name, bodies in productions.items():
        for i, body in enumerate(bodies):
            inner = {s for s in body if not isinstance(s, int)}
            missing[name, i] = len(inner)
            for s in inner:
                users.setdefault(s, []).append((name, i))
            if not inner:
                is_productive(name)
    while ready:
        for user in users.get(ready.pop(), ()):
            missing[user] -= 1
            if not missing[user]:
                is_productive(user[0])
    if start not in productive:
        return {}
    out: Productions = {}
    stack = [start]
    while stack:
        name = stack.pop()
        if name in out:
            continue
        kept = (b for i, b in enumerate(productions[name]) if not missing[name, i])
        # A symbol that derives itself adds nothing.
        out[name] = [b for b in dict.fromkeys(kept) if b != (name,)]
        stack.extend(s for b in out[name] for s in b if not isinstance(s, int))
    return out


def _merged(productions: Productions, start: Any) -> Productions:
    """Merge symbols that derive the same in the same way."""
    block: dict[Any, int] = dict.fromkeys(productions, 0)
    count = 1
    while True:
        names: dict[Any, int] = {}
        refined: dict[Any, int] = {}
        for key, bodies in productions.items():
            shape = frozenset(
                tuple(("", s) if isinstance(s, int) else block[s] for s in body) for body in bodies
            )
            refined[key] = names.setdefault((block[key], shape), len(names))
        block = refined
        if len(names) == count:
            break
        count = len(names)
    chosen: dict[int, Any] = {block[start]: start}
    for key in productions:
        chosen.setdefault(block[key], key)
    return {
        key: list(
            dict.fromkeys(
                tuple(s if isinstance(s, int) else chosen[block[s]] for s in body)
                for body in productions[key]
            )
        )
        for key in chosen.values()
    }


def _folded(productions: Productions, start: Any) -> Productions:
    """Put symbols with one production in its place, where it does not get too long."""
    single = {k: b[0] for k, b in productions.items() if len(b) == 1 and k != start}
    done: dict[Any, Body] = {}

    def unfold(key: Any, above: frozenset[Any]) -> Body:
        if key in done:
            return done[key]
        out: list[Any] = []
        for s in single[key]:
            if isinstance(s, int) or s not in single or s in above or len(above) > 60:
                out.append(s)
                continue
            inner = unfold(s, above | {s})
            out.extend(inner if len(inner) <= _LONGEST_FOLDED else (s,))
        found = tuple(out)
        if not above - {key}:
            done[key] = found
        return found

    flat = {k: unfold(k, frozenset({k})) for k in single}

    def put(body: Body) -> Body:
        out: list[Any] = []
        for s in body:
            fits = not isinstance(s, int) and s in flat and len(flat[s]) <= _LONGEST_FOLDED
            out.extend(flat[s] if fits else (s,))
        return tuple(out)

    return {
        k: [flat[k]] if k in flat else list(dict.fromkeys(put(b) for b in bodies))
        for k, bodies in productions.items()
    }
