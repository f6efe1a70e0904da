"""Left factoring: alternatives that begin alike share their beginning, and a parser its work.

An Earley parser has an item for every alternative that may have begun. `e: e "+" t | e "*" t | t`
has three wherever an operand may stand, and its factored form, `e: e tail | t` with
`tail: "+" t | "*" t`, two. What a place costs grows with the square of its items.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

Body = tuple[str, ...]


def left_factored(rules: Mapping[str, Iterable[Body]], tail: str = "f") -> dict[str, list[Body]]:
    """Return productions of the same language in which no two of a rule begin alike.

    But for one that is the beginning of others: it stays beside them, so that none becomes empty.

    Args:
        rules: The bodies of each nonterminal; every other symbol is a terminal.
        tail: What the names of new nonterminals begin with, before a number; no other does.
    """
    factored: dict[str, list[Body]] = {}
    # What follows the same beginning in several rules is one nonterminal.
    tails: dict[frozenset[Body], str] = {}
    todo = deque((name, list(dict.fromkeys(bodies))) for name, bodies in rules.items())
    while todo:
        name, bodies = todo.popleft()
        factored[name] = []
        for group in _by_first(bodies):
            beginning = group[0][: _shared(group)]
            rests = [body[len(beginning) :] for body in group]
            if len(group) == 1 or not beginning:
                factored[name] += group
                continue
            if () in rests:
                factored[name].append(beginning)
                rests.remove(())
            if len(rests) == 1:
                factored[name].append(beginning + rests[0])
                continue
            key = frozenset(rests)
            if key not in tails:
                tails[key] = f"{tail}{len(tails)}"
                todo.append((tails[key], rests))
            factored[name].append((*beginning, tails[key]))
    return factored


def _by_first(bodies: Iterable[Body]) -> Iterable[list[Body]]:
    groups: dict[Body, list[Body]] = {}
    for body in bodies:
        groups.setdefault(body[:1], []).append(body)
    return groups.values()


def _shared(bodies: Sequence[Body]) -> int:
    """Return how many symbols all of some bodies begin with."""
    length = min(map(len, bodies))
    return next((i for i in range(length) if len({b[i] for b in bodies}) > 1), length)
