"""Relaxed reachability of goals: can each atom be reached, if deletions are left out?"""

from __future__ import annotations

from typing import Any

from potentials.pddl.answers import CLOSED_EXPRESSIONS, AtomPotential
from potentials.pddl.model import Atom, Domain, Problem
from potentials.pddl.problems import check_problem
from potentials.pddl.relaxed import relaxed_reachable
from smc.potential import Boundary


class GoalReachable(AtomPotential[bool]):
    """Keeps the atoms of a goal among those that relaxed planning reaches.

    No true plan is needed. Sound: an atom is refused only if it holds in no state that can be
    reached from the initial one, such as a ball at a gripper. Each atom is judged alone; whether
    they can hold together is for `GoalConsistent`.

    Args:
        domain: Of the problem.
        problem: Its goal is not looked at.
        boundary: When `prefix` is asked; default `closed_expressions()`; None: after every token.

    Raises:
        PDDLError: The problem does not fit the domain, or relaxed planning finds it too large.

    Example:
        >>> from potentials.pddl import parse_domain, parse_problem
        >>> from smc.potential import log_prefix
        >>> domain = parse_domain('''(define (domain road) (:predicates (at ?x) (way ?x ?y))
        ...     (:action go :parameters (?x ?y) :precondition (and (at ?x) (way ?x ?y))
        ...      :effect (and (at ?y) (not (at ?x)))))''')
        >>> problem = parse_problem('''(define (problem p) (:domain road) (:objects a b c)
        ...     (:init (at a) (way a b) (way c a)) (:goal (and)))''')
        >>> reachable = GoalReachable(domain, problem)
        >>> log_prefix(reachable, " (at b)"), log_prefix(reachable, " (at c)")
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
        self.atoms = relaxed_reachable(domain, problem)

    def nothing(self) -> bool:
        """Return the facts of the empty goal: nothing is to be known of the atoms before."""
        return True

    def taking(self, facts: bool, atom: Atom) -> bool | None:
        """Return True if the atom can be reached, else None."""
        return True if atom in self.atoms else None
