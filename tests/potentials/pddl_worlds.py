"""Small planning worlds: two usual domains in words of our own, and every state of a problem."""

import random
from dataclasses import replace
from itertools import product

from potentials.pddl import Action, Atom, Domain, PDDLError, Problem, Step, after
from potentials.pddl.model import OBJECT, objects_of
from potentials.pddl.strips import State

BLOCKS = """
; Towers of blocks, and an arm that lifts one at a time.
(define (domain blocks)
  (:requirements :strips)
  (:predicates (on ?x ?y) (on-table ?x) (clear ?x) (holding ?x) (arm-empty))
  (:action PickUp :parameters (?x)
    :precondition (and (clear ?x) (on-table ?x) (arm-empty))
    :effect (and (holding ?x) (not (clear ?x)) (not (on-table ?x)) (not (arm-empty))))
  (:action putdown :parameters (?x)
    :precondition (holding ?x)
    :effect (and (not (holding ?x)) (clear ?x) (on-table ?x) (arm-empty)))
  (:action stack :parameters (?x ?y)
    :precondition (and (holding ?x) (clear ?y))
    :effect (and (not (holding ?x)) (not (clear ?y)) (clear ?x) (on ?x ?y) (arm-empty)))
  (:action unstack :parameters (?x ?y)
    :precondition (and (on ?x ?y) (and (clear ?x) (arm-empty)))
    :effect (and (holding ?x) (clear ?y) (not (on ?x ?y)) (not (clear ?x)) (not (arm-empty)))))
"""

GRIPPER = """
(define (domain balls)
  (:predicates (room ?r) (ball ?b) (gripper ?g) (at-robby ?r) (at ?b ?r) (free ?g) (carry ?b ?g))
  (:action move :parameters (?from ?to)
    :precondition (and (room ?from) (room ?to) (at-robby ?from))
    :effect (and (not (at-robby ?from)) (at-robby ?to)))
  (:action pick :parameters (?b ?r ?g)
    :precondition (and (ball ?b) (room ?r) (gripper ?g) (at ?b ?r) (at-robby ?r) (free ?g))
    :effect (and (not (at ?b ?r)) (not (free ?g)) (carry ?b ?g)))
  (:action drop :parameters (?b ?r ?g)
    :precondition (and (ball ?b) (room ?r) (gripper ?g) (carry ?b ?g) (at-robby ?r))
    :effect (and (not (carry ?b ?g)) (free ?g) (at ?b ?r))))
"""

TYPED = """
(define (domain post)
  (:requirements :strips :typing :equality :negative-preconditions)
  (:types van - thing parcel - thing place)
  (:constants depot - place)
  (:predicates (at ?x - thing ?p - place) (in ?c - parcel ?v - van) (closed ?p - place))
  (:action drive :parameters (?v - van ?a ?b - place)
    :precondition (and (at ?v ?a) (not (= ?a ?b)) (not (closed ?b)))
    :effect (and (at ?v ?b) (not (at ?v ?a))))
  (:action load :parameters (?c - parcel ?v - van ?p - place)
    :precondition (and (at ?c ?p) (at ?v ?p)) :effect (and (in ?c ?v) (not (at ?c ?p))))
  (:action unload :parameters (?c - parcel ?v - van ?p - place)
    :precondition (and (in ?c ?v) (at ?v ?p)) :effect (and (at ?c ?p) (not (in ?c ?v))))
  (:action shut :parameters () :effect (closed depot)))
"""


def blocks_text(names: str, init: str, goal: str) -> str:
    """A problem of the blocks domain."""
    return (
        f"(define (problem towers) (:domain blocks)\n(:objects {names})\n"
        f"(:init {init})\n(:goal {goal}))"
    )


ABC = blocks_text(
    "a b c",
    "(arm-empty) (on a b) (on-table b) (on-table c) (clear a) (clear c)",
    "(and (on b c) (on-table a) (clear a))",
)

ROOMS = """
(define (problem fetch) (:domain balls)
  (:objects ball1 ball2 left right r1 r2)
  (:init (ball ball1) (ball ball2) (gripper left) (gripper right) (room r1) (room r2)
         (at ball1 r1) (carry ball2 left) (free right) (at-robby r1))
  (:goal (and (at ball1 r2) (at ball2 r2))))
"""

POST = """
(define (problem parcels) (:domain post)
  (:objects v1 v2 - van p1 - parcel home shop - place)
  (:init (at v1 depot) (at v2 home) (at p1 depot))
  (:goal (and (at p1 shop))))
"""


def steps_of(domain: Domain, problem: Problem) -> list[Step]:
    """Every action with objects of the right types."""
    objects = objects_of(domain, problem)

    def fitting(action: Action) -> list[list[str]]:
        kinds = action.parameters.values()
        return [[o for o, own in objects.items() if domain.is_a(own, kind)] for kind in kinds]

    return [Step(a.name, args) for a in domain.actions for args in product(*fitting(a))]


def states(domain: Domain, problem: Problem, most: int = 5000) -> set[State]:
    """Every state that can be reached."""
    steps = steps_of(domain, problem)
    found, waiting = {problem.init}, [problem.init]
    while waiting:
        here = waiting.pop()
        start = Problem("here", domain.name, problem.objects, here, ())
        for step in steps:
            try:
                there = after(domain, start, [step])
            except PDDLError:
                continue
            if there not in found:
                found.add(there)
                waiting.append(there)
                assert len(found) <= most
    return found


def atoms_of(domain: Domain, problem: Problem) -> list[Atom]:
    """Every atom with objects of the right types."""
    objects = objects_of(domain, problem)
    return [
        Atom(p, args)
        for p, types in domain.predicates.items()
        for args in product(*([o for o in objects if domain.is_a(objects[o], t)] for t in types))
    ]


def random_world(rng: random.Random) -> tuple[Domain, Problem]:
    """A domain of a few actions without sense, and a problem of it; most have some mutexes.

    Half of them have types, constants, equality, negative conditions and deletions of what need not
    hold.
    """
    rich = rng.random() < 0.5
    types = rng.choice([{}, {"t": OBJECT}, {"t": OBJECT, "u": "t"}]) if rich else {}
    kinds = [OBJECT, *types]
    predicates = {
        f"p{i}": tuple(rng.choice(kinds) for _ in range(rng.choice([0, 1, 1, 2])))
        for i in range(rng.randint(2, 4))
    }
    constants = {c: rng.choice(kinds) for c in "kl"[: rng.choice([0, 1, 1, 2])]} if rich else {}

    def some(terms: list[str], most: int) -> tuple[Atom, ...]:
        chosen = [rng.choice(list(predicates)) for _ in range(rng.randint(1, most))]
        return tuple(
            Atom(p, tuple(rng.choice(terms) for _ in predicates[p]))
            for p in chosen
            if terms or not predicates[p]
        )

    def pair(terms: list[str], share: float) -> tuple[tuple[str, str], ...]:
        chosen = len(terms) > 1 and rng.random() < share
        return ((rng.choice(terms), rng.choice(terms)),) if chosen else ()

    actions = []
    for i in range(rng.randint(1, 3)):
        count = rng.randint(0, 3) if rich else rng.randint(1, 2)
        parameters = {v: rng.choice(kinds) for v in ("?x", "?y", "?z")[:count]}
        terms = [*parameters, *parameters, *constants]
        needs = some(terms, 2)
        gone = tuple(a for a in needs if rng.random() < 0.8)
        if rich and rng.random() < 0.2:
            gone += some(terms, 1)
        actions.append(
            Action(
                f"act{i}",
                parameters,
                needs,
                forbids=some(terms, 1) if rich and rng.random() < 0.2 else (),
                equal=pair(terms, 0.2) if rich else (),
                unequal=pair(terms, 0.3),
                adds=some(terms, 2),
                deletes=gone,
            )
        )
    domain = Domain("random", types, predicates, tuple(actions), constants=constants)
    objects = {o: rng.choice(kinds) for o in "abc"[: rng.randint(1, 2 if rich else 3)]}
    problem = Problem("random", "random", objects, frozenset(), ())
    possible = atoms_of(domain, problem)
    init = frozenset(rng.choice(possible) for _ in range(rng.randint(1, 3)) if possible)
    return domain, replace(problem, init=init)
