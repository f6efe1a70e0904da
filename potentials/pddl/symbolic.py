"""Lifted actions: symbols for arguments, in every way that these can be the same or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain

from potentials.pddl.model import Action, Atom, Domain
from potentials.pddl.strips import ground


@dataclass(frozen=True)
class Move:
    """What an action needs and does, for one way in which its arguments are alike.

    Symbols with different names stand for different objects; a constant stands for itself.
    """

    needs: frozenset[Atom]
    adds: frozenset[Atom]
    deletes: frozenset[Atom]


def all_moves(domain: Domain) -> list[Move]:
    """Return the moves of all actions of a domain."""
    return [move for action in domain.actions for move in moves(domain, action)]


def moves(domain: Domain, action: Action) -> Iterator[Move]:
    """Yield the action for all ways in which its arguments are the same, or one of its constants.

    Ways that its own conditions rule out are left out, but types rule out nothing.
    """
    for bound in _bindings(list(action.parameters), constants_of(domain, action)):
        if any(bound.get(a, a) != bound.get(b, b) for a, b in action.equal):
            continue
        if any(bound.get(a, a) == bound.get(b, b) for a, b in action.unequal):
            continue
        needs = frozenset(ground(action.needs, bound))
        if needs & frozenset(ground(action.forbids, bound)):
            continue
        adds = frozenset(ground(action.adds, bound))
        yield Move(needs, adds, frozenset(ground(action.deletes, bound)) - adds)


def count_bindings(domain: Domain) -> int:
    """Return how many ways `all_moves` would look at; it takes far less time than they do."""
    return sum(_ways(len(a.parameters), len(constants_of(domain, a))) for a in domain.actions)


@cache
def _ways(parameters: int, known: int) -> int:
    if not parameters:
        return 1
    return known * _ways(parameters - 1, known) + _ways(parameters - 1, known + 1)


def constants_of(domain: Domain, action: Action) -> list[str]:
    """Return the constants that an action names, sorted, also where it only compares with them."""
    atoms = (*action.needs, *action.forbids, *action.adds, *action.deletes)
    terms = chain(*(a.args for a in atoms), *action.equal, *action.unequal)
    return sorted({term for term in terms if term in domain.constants})


def _bindings(parameters: list[str], known: list[str]) -> Iterator[dict[str, str]]:
    """Yield parameter -> symbol for all partitions; a symbol is named after its first member."""
    if not parameters:
        yield {}
        return
    first, rest = parameters[0], parameters[1:]
    for symbol in (*known, first):
        for bound in _bindings(rest, known if symbol in known else [*known, first]):
            yield {first: symbol, **bound}
