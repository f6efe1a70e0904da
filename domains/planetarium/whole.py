"""Whole goals: potential of goals that hold in one state alone."""

from __future__ import annotations

from dataclasses import replace

from domains.planetarium.equivalence import fully_specified, solvable
from domains.planetarium.worlds import world_of
from potentials.pddl import Atom, Problem
from potentials.pddl.answers import AtomPotential
from potentials.pddl.model import is_atom


class GoalWhole(AtomPotential[frozenset[Atom]]):
    """Keeps a goal that holds in one state alone, by the rules of blocksworld or gripper.

    For one who knows that the words describe a whole state, as those of blocksworld in Planetarium
    do and hardly any of gripper; from the problem alone it does not follow. As any goal can be
    added to, only the end tells: `prefix` refuses nothing but what is no atom of the problem.

    Args:
        problem: Its goal is not looked at.

    Raises:
        ValueError: The domain is neither blocksworld nor gripper.

    Example:
        >>> from potentials.pddl import parse_problem
        >>> from smc.potential import log_complete
        >>> whole = GoalWhole(parse_problem('''(define (problem two) (:domain blocksworld)
        ...     (:objects a b) (:init (arm-empty) (clear a) (on a b) (on-table b))
        ...     (:goal (and)))'''))
        >>> log_complete(whole, " (on b a))"), log_complete(whole, " (arm-empty))")
        (0.0, -inf)
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self._problem, self._world = problem, world_of(problem)

    def nothing(self) -> frozenset[Atom]:
        """Return no atoms."""
        return frozenset()

    def taking(self, facts: frozenset[Atom], atom: Atom) -> frozenset[Atom] | None:
        """Return the atoms with one more; None if it is none of the problem."""
        known = is_atom(self._world.domain, self._problem.objects, atom)
        return facts | {atom} if known else None

    def suffices(self, facts: frozenset[Atom]) -> bool:
        """Return whether the atoms, with what they imply, are a state."""
        given = replace(self._problem, goal=tuple(sorted(facts)))
        return solvable(given) and self._world.rules.is_state(given.objects, fully_specified(given))
