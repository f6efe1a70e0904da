"""Consistency of goals: can all atoms of one hold at once?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from potentials.pddl.acyclic import acyclic_predicates, leads_to
from potentials.pddl.answers import CLOSED_EXPRESSIONS, AtomPotential
from potentials.pddl.model import Atom, Domain, Problem, is_atom, objects_of
from potentials.pddl.mutexes import Group, groups_of, invariants
from potentials.pddl.problems import check_problem
from smc.potential import Boundary


@dataclass(frozen=True, slots=True)
class Facts:
    """What the goal so far says; the dictionaries are never changed.

    Attributes:
        held: For each mutex group, the atom of it that is in the goal.
        edges: For each relation without cycles, object -> the objects that it is related to.
    """

    held: dict[Group, Atom]
    edges: dict[str, dict[str, tuple[str, ...]]]


class GoalConsistent(AtomPotential[Facts]):
    """Keeps a goal without contradictions: no ball in two rooms, no block above itself.

    No true plan is needed, and of the problem only the objects and the initial state: mutex groups
    and relations without cycles are found in the actions of the domain
    (`potentials.pddl.mutexes`), so any STRIPS domain will do. Sound: a goal that can be reached
    from the initial state is never refused, nor a beginning of it. Not complete: a goal may pass
    that cannot be reached.

    Args:
        domain: Of the problem.
        problem: Its goal is not looked at.
        boundary: When `prefix` is asked; default `closed_expressions()`; None: after every token.

    Raises:
        PDDLError: The problem does not fit the domain.

    Example:
        >>> from potentials.pddl import parse_domain, parse_problem
        >>> from smc.potential import log_prefix
        >>> domain = parse_domain('''(define (domain walk) (:predicates (at ?p))
        ...     (:action go :parameters (?p ?q) :precondition (at ?p)
        ...      :effect (and (at ?q) (not (at ?p)))))''')
        >>> problem = parse_problem('''(define (problem p) (:domain walk) (:objects a b)
        ...     (:init (at a)) (:goal (and)))''')
        >>> consistent = GoalConsistent(domain, problem)
        >>> log_prefix(consistent, " (at b)"), log_prefix(consistent, " (at b) (at a)")
        (0.0, -inf)
    """

    def __init__(
        self,
        domain: Domain,
        problem: Problem,
        *,
        boundary: Boundary[Any] | None = CLOSED_EXPRESSIONS,
    ) -> None:
        super().__init__(boundary=boundary)
        check_problem(domain, problem)
        self._domain, self._objects = domain, objects_of(domain, problem)
        self.invariants = invariants(domain, problem.init)
        self.acyclic = acyclic_predicates(domain, problem.init, self.invariants)
        self._groups: dict[Atom, list[Group]] = {}

    def nothing(self) -> Facts:
        """Return the facts of the empty goal."""
        return Facts({}, {})

    def taking(self, facts: Facts, atom: Atom) -> Facts | None:
        """Return the facts with one more atom; None if it contradicts the others."""
        groups = self._groups.get(atom)
        if groups is None:
            if not is_atom(self._domain, self._objects, atom):
                return None
            groups = self._groups[atom] = groups_of(self.invariants, atom)
        if any(facts.held.get(group, atom) != atom for group in groups):
            return None
        held = {**facts.held, **dict.fromkeys(groups, atom)}
        if atom.predicate not in self.acyclic:
            return Facts(held, facts.edges)
        edges = facts.edges.get(atom.predicate, {})
        here, there = atom.args
        if leads_to(edges, there, here):
            return None
        if there in edges.get(here, ()):
            return facts
        edges = {**edges, here: (*edges.get(here, ()), there)}
        return Facts(held, {**facts.edges, atom.predicate: edges})
