"""Acyclic relations: no block is above itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from potentials.pddl.model import Atom, Domain
from potentials.pddl.mutexes import Invariant, Part, impossible, parameters_of
from potentials.pddl.symbolic import Move, all_moves

Edges = Mapping[str, Sequence[str]]
"""Object -> the objects that it is related to."""


def acyclic_predicates(
    domain: Domain, init: frozenset[Atom], invariants: Iterable[Invariant]
) -> frozenset[str]:
    """Return binary predicates whose atoms form no cycle in any state that can be reached.

    There is none in the initial state, and no action closes one: whatever adds p(a, b) leaves a
    state in which, by an invariant, no p(x, a) can hold, or no p(b, x).

    Args:
        domain: Its actions decide.
        init: The state that all begins with.
        invariants: That hold in it and ever after (`potentials.pddl.mutexes`).
    """
    known = list(invariants)
    if not known:
        return frozenset()
    possible = [m for m in all_moves(domain) if not impossible(m, known)]
    return frozenset(
        predicate
        for predicate, types in domain.predicates.items()
        if len(types) == 2
        and not _has_cycle(predicate, init)
        and all(
            _stays_open(predicate, atom, move, known)
            for move in possible
            for atom in move.adds
            if atom.predicate == predicate
        )
    )


def leads_to(edges: Edges, begin: str, end: str) -> bool:
    """Return whether there is a way from one object to another, of any length, 0 included."""
    waiting, seen = [begin], {begin}
    while waiting:
        here = waiting.pop()
        if here == end:
            return True
        further = [there for there in edges.get(here, ()) if there not in seen]
        seen.update(further)
        waiting.extend(further)
    return False


def _has_cycle(predicate: str, state: frozenset[Atom]) -> bool:
    edges: dict[str, list[str]] = {}
    for atom in state:
        if atom.predicate == predicate:
            edges.setdefault(atom.args[0], []).append(atom.args[1])
    return any(leads_to(edges, there, here) for here, targets in edges.items() for there in targets)


def _stays_open(predicate: str, atom: Atom, move: Move, known: list[Invariant]) -> bool:
    """Whether a move that adds p(a, b) leaves no way into a, or none out of b."""
    before, behind = atom.args
    after = move.adds | move.needs - move.deletes
    return before != behind and any(
        _rules_out(invariant, Part(predicate, (kept,)), (end,), after)
        for invariant in known
        for kept, end in ((1, before), (0, behind))
    )


def _rules_out(
    invariant: Invariant, part: Part, group: tuple[str, ...], after: frozenset[Atom]
) -> bool:
    """Whether another atom of the group holds, so that none of the part can."""
    return part in invariant and any(
        parameters_of(invariant, a) == group for a in after if a.predicate != part.predicate
    )
