"""The two planning domains: their rules as PDDL and as Python."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from domains.planetarium import blocksworld, gripper
from potentials.pddl import Atom, Domain, Problem, parse_domain

_BLOCKSWORLD = """\
(define (domain blocksworld)
  (:requirements :strips)
  (:predicates (arm-empty) (clear ?b) (holding ?b) (on ?b ?under) (on-table ?b))
  (:action pickup :parameters (?b)
    :precondition (and (arm-empty) (clear ?b) (on-table ?b))
    :effect (and (holding ?b) (not (arm-empty)) (not (clear ?b)) (not (on-table ?b))))
  (:action putdown :parameters (?b)
    :precondition (holding ?b)
    :effect (and (arm-empty) (clear ?b) (on-table ?b) (not (holding ?b))))
  (:action stack :parameters (?b ?under)
    :precondition (and (holding ?b) (clear ?under))
    :effect (and (arm-empty) (clear ?b) (on ?b ?under) (not (holding ?b)) (not (clear ?under))))
  (:action unstack :parameters (?b ?under)
    :precondition (and (arm-empty) (clear ?b) (on ?b ?under))
    :effect (and (holding ?b) (clear ?under)
                 (not (arm-empty)) (not (clear ?b)) (not (on ?b ?under)))))
"""

_GRIPPER = """\
(define (domain gripper)
  (:requirements :strips)
  (:predicates (at ?b ?r) (at-robby ?r) (ball ?b) (carry ?b ?g) (free ?g) (gripper ?g) (room ?r))
  (:action move :parameters (?from ?to)
    :precondition (and (room ?from) (room ?to) (at-robby ?from))
    :effect (and (at-robby ?to) (not (at-robby ?from))))
  (:action pick :parameters (?b ?r ?g)
    :precondition (and (ball ?b) (room ?r) (gripper ?g) (at ?b ?r) (at-robby ?r) (free ?g))
    :effect (and (carry ?b ?g) (not (at ?b ?r)) (not (free ?g))))
  (:action drop :parameters (?b ?r ?g)
    :precondition (and (ball ?b) (room ?r) (gripper ?g) (carry ?b ?g) (at-robby ?r))
    :effect (and (at ?b ?r) (free ?g) (not (carry ?b ?g)))))
"""


class Rules(Protocol):
    """What Python knows of a domain; its modules `blocksworld` and `gripper` are such rules."""

    def is_state(self, objects: Collection[str], atoms: Collection[Atom]) -> bool:
        """Return whether the atoms are all those that hold in some state."""
        ...

    def is_met(
        self, objects: Collection[str], init: Collection[Atom], goal: Iterable[Atom]
    ) -> bool:
        """Return whether the goal holds in a state that can be reached from the initial one."""
        ...

    def implied(
        self, objects: Collection[str], init: Collection[Atom], goal: Iterable[Atom]
    ) -> frozenset[Atom]:
        """Return all atoms that hold in every reachable state where the goal holds."""
        ...


@dataclass(frozen=True)
class World:
    """A planning domain.

    Attributes:
        name: As problems call it.
        text: In PDDL.
        rules: In Python.
    """

    name: str
    text: str
    rules: Rules

    @cached_property
    def domain(self) -> Domain:
        """The PDDL, read."""
        return parse_domain(self.text)


WORLDS = {
    world.name: world
    for world in (
        World(blocksworld.NAME, _BLOCKSWORLD, blocksworld),
        World(gripper.NAME, _GRIPPER, gripper),
    )
}


def world_of(problem: Problem) -> World:
    """Return the planning domain of a problem.

    Raises:
        ValueError: It is neither of the two.
    """
    if problem.domain not in WORLDS:
        raise ValueError(
            f"planetarium: the problem {problem.name} is of the domain {problem.domain!r}; "
            f"expected {' or '.join(WORLDS)}."
        )
    return WORLDS[problem.domain]
