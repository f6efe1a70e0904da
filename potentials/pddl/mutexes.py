"""Mutex groups: sets of atoms of which never two hold, found from a domain's actions alone.

A candidate is a set of parts, one predicate each, with shared parameters and at most one further,
counted argument a part: {holding(x), on-table(x), on(x, *)} says that no block x is in two places.
It is an invariant if no action can lead from states with at most one such atom for each x to one
with two. All candidates together are tried: an action whose conditions contradict one cannot be
taken, and what fails is dropped until the rest supports itself.

Simplified from Helmert (2009), Concise finite-domain representations for PDDL planning tasks,
Artif. Intell. 173, 503-535, section 5; without the limit that a group holds exactly one atom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

from potentials.pddl.model import Atom, Domain
from potentials.pddl.symbolic import Move, all_moves, count_bindings

MAX_CANDIDATES = 500
"""Candidates that are looked at."""

MAX_BINDINGS = 5000
"""Ways in which the arguments of actions can be alike, for an action of eight parameters 4140; a
domain in which there are more has no invariants."""

_MOST_PARTS = 6

Group = tuple[int, tuple[str, ...]]
"""Which invariant, and its parameters: at most one of its atoms holds."""


@dataclass(frozen=True, order=True)
class Part:
    """The atoms of one predicate in an invariant.

    Attributes:
        predicate: Its name.
        places: For each parameter of the invariant, which argument it is; at most one argument of
            the predicate is left over, and that is counted.
    """

    predicate: str
    places: tuple[int, ...]


Invariant = frozenset[Part]


def parameters_of(invariant: Invariant, atom: Atom) -> tuple[str, ...] | None:
    """Return the parameters for which an invariant speaks of an atom; None if it does not."""
    for part in invariant:
        if part.predicate == atom.predicate:
            return tuple([atom.args[i] for i in part.places])
    return None


def groups_of(invariants: Iterable[Invariant], atom: Atom) -> list[Group]:
    """Return the mutex groups that an atom is in."""
    groups = []
    for number, invariant in enumerate(invariants):
        args = parameters_of(invariant, atom)
        if args is not None:
            groups.append((number, args))
    return groups


def invariants(domain: Domain, init: frozenset[Atom]) -> tuple[Invariant, ...]:
    """Return invariants of a domain that hold in an initial state, and so for ever.

    Every pair of atoms in a group of the result (`groups_of`) is mutex: no reachable state has
    both. There may be other mutexes.

    Args:
        domain: Its actions decide.
        init: The state that all begins with.

    Example:
        >>> from potentials.pddl import parse_domain
        >>> domain = parse_domain('''(define (domain walk) (:predicates (at ?p) (way ?p ?q))
        ...     (:action go :parameters (?p ?q) :precondition (and (at ?p) (way ?p ?q))
        ...      :effect (and (at ?q) (not (at ?p)))))''')
        >>> invariants(domain, frozenset({Atom("at", ("a",))}))
        (frozenset({Part(predicate='at', places=())}),)
    """
    if count_bindings(domain) > MAX_BINDINGS:
        return ()
    moves = all_moves(domain)
    candidates = [c for c in _candidates(domain, moves) if _holds(c, init)]
    while True:
        kept = [c for c in candidates if all(_failure(c, m, candidates) is None for m in moves)]
        if len(kept) == len(candidates):
            return tuple(sorted(kept, key=sorted))
        candidates = kept


def _holds(invariant: Invariant, state: frozenset[Atom]) -> bool:
    seen: set[tuple[str, ...]] = set()
    for atom in state:
        args = parameters_of(invariant, atom)
        if args is not None:
            if args in seen:
                return False
            seen.add(args)
    return True


def _candidates(domain: Domain, moves: list[Move]) -> list[Invariant]:
    """Return sets of parts that no move breaks as far as each alone can tell.

    A set that a move breaks by an atom it adds is widened by one that it takes away.
    """
    changing = {a.predicate for action in domain.actions for a in (*action.adds, *action.deletes)}
    waiting = [
        frozenset({Part(p, places)})
        for p in sorted(changing)
        for places in _places(len(domain.predicates[p]))
    ]
    seen, balanced, at = set(waiting), [], 0
    while at < len(waiting) and len(waiting) < MAX_CANDIDATES:
        candidate = waiting[at]
        at += 1
        for move in moves:
            failure = _failure(candidate, move, [candidate])
            if failure is not None:
                break
        else:
            balanced.append(candidate)
            continue
        for wider in sorted(_widened(candidate, move, failure), key=sorted):
            if wider not in seen and len(wider) <= _MOST_PARTS:
                seen.add(wider)
                waiting.append(wider)
    return balanced


def _places(arity: int) -> Iterator[tuple[int, ...]]:
    """Yield the ways to leave out at most one argument, in order."""
    yield tuple(range(arity))
    if arity:
        yield from combinations(range(arity), arity - 1)


def _failure(
    invariant: Invariant, move: Move, assumed: Iterable[Invariant]
) -> tuple[str, ...] | None:
    """Return the parameters for which a move may leave two atoms; None if there are none.

    Args:
        invariant: The one in question.
        move: An action with symbols for its arguments.
        assumed: What holds before; the invariant itself among it.
    """
    added: dict[tuple[str, ...], set[Atom]] = {}
    for atom in move.adds:
        args = parameters_of(invariant, atom)
        if args is not None:
            added.setdefault(args, set()).add(atom)
    if not added or impossible(move, assumed):
        return None
    for args, atoms in added.items():
        before = {a for a in move.needs if parameters_of(invariant, a) == args}
        # `before` is at most one atom, and if it is one, then nothing else of the group holds.
        gone = before and before <= move.deletes
        if len(atoms) > 1 or not (gone or before == atoms):
            return args
    return None


def impossible(move: Move, assumed: Iterable[Invariant]) -> bool:
    """Return whether two atoms that must hold before a move are mutex."""
    for invariant in assumed:
        seen = [args for a in move.needs if (args := parameters_of(invariant, a)) is not None]
        if len(seen) != len(set(seen)):
            return True
    return False


def _widened(invariant: Invariant, move: Move, args: tuple[str, ...]) -> Iterator[Invariant]:
    """Yield the invariant with one more part: that of an atom which the move takes away."""
    present = {part.predicate for part in invariant}
    for atom in (move.needs & move.deletes) - move.adds:
        if atom.predicate in present or len(atom.args) - len(args) not in (0, 1):
            continue
        for places in permutations(range(len(atom.args)), len(args)):
            if tuple(atom.args[i] for i in places) == args:
                yield invariant | {Part(atom.predicate, places)}
