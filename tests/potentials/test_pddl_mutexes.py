"""Mutexes, relations without cycles, relaxed planning: sound for every state there is."""

import random
from dataclasses import replace

import pytest

from potentials.pddl import (
    Action,
    Atom,
    Domain,
    GoalConsistent,
    GoalReachable,
    PDDLError,
    Problem,
    Step,
    after,
    invariants,
    parse_domain,
    parse_problem,
    relaxed_reachable,
)
from potentials.pddl.acyclic import acyclic_predicates
from potentials.pddl.mutexes import groups_of
from potentials.pddl.strips import ground
from potentials.pddl.symbolic import all_moves, constants_of, count_bindings
from smc.potential import log_complete
from tests.potentials.pddl_worlds import atoms_of, random_world, states, steps_of
from tests.potentials.test_pddl_goals import DEAD, TEXTS, answer, assert_alive, potentials, world


@pytest.mark.parametrize("name", TEXTS)
def test_no_beginning_of_a_goal_that_can_be_reached_is_refused(name: str):
    """All of every reachable state, in any order, is the hardest goal that can be reached."""
    domain, problem = world(name)
    rng = random.Random(61)
    reachable = states(domain, problem)
    assert len(reachable) > 20
    for state in reachable:
        atoms = rng.sample(sorted(state), len(state))
        for kind in ("consistent", "reachable"):
            assert_alive(potentials(name)[kind], answer(atoms))


@pytest.mark.parametrize(("name", "share"), [("blocks", 0.99), ("gripper", 0.99), ("typed", 0.6)])
def test_most_pairs_of_atoms_that_never_hold_together_are_refused(name: str, share: float):
    """In blocksworld and gripper all of them; elsewhere at least what follows from the groups."""
    domain, problem = world(name)
    reachable = states(domain, problem)
    atoms = sorted({a for s in reachable for a in s})
    known = potentials(name)["consistent"]
    never = [
        (a, b) for a in atoms for b in atoms if a < b and not any({a, b} <= s for s in reachable)
    ]
    assert len(never) > 10
    refused = [pair for pair in never if log_complete(known, answer(pair)) == DEAD]
    assert len(refused) >= share * len(never), sorted(set(never) - set(refused))


def test_soundness_in_random_worlds():
    """Domains without sense: invariants, relations without cycles and relaxed reachability."""
    rng = random.Random(62)
    groups, without_cycles, unreached = 0, 0, 0
    for _ in range(400):
        domain, problem = random_world(rng)
        found = invariants(domain, problem.init)
        acyclic = acyclic_predicates(domain, problem.init, found)
        relaxed = relaxed_reachable(domain, problem)
        reachable = states(domain, problem)
        for state in reachable:
            assert state <= relaxed
            held = [g for a in state for g in groups_of(found, a)]
            assert len(held) == len(set(held)), (domain, problem, state)
            for predicate in acyclic:
                edges = {a.args for a in state if a.predicate == predicate}
                assert not has_cycle(edges), (domain, problem, state)
        if len(reachable) > 1:
            groups += len(found)
            without_cycles += len(acyclic)
        unreached += len(atoms_of(domain, problem)) - len(relaxed)
    assert groups > 100 and without_cycles > 5 and unreached > 100  # or it tests nothing


def has_cycle(edges: set[tuple[str, ...]]) -> bool:
    """Take away what leads nowhere, until nothing is left or all leads on."""
    while edges:
        begins = {a for a, _ in edges}
        kept = {(a, b) for a, b in edges if b in begins}
        if kept == edges:
            return True
        edges = kept
    return False


def test_relaxed_reachability_is_that_of_the_plain_fixpoint():
    rng = random.Random(63)
    worlds = [world(name) for name in TEXTS] + [random_world(rng) for _ in range(200)]
    for domain, problem in worlds:
        assert relaxed_reachable(domain, problem) == fixpoint(domain, problem)


def fixpoint(domain: Domain, problem: Problem) -> frozenset[Atom]:
    """The definition: try every action with every object until nothing is new."""
    actions = {a.name: a for a in domain.actions}
    found = set(problem.init)
    while True:
        before = len(found)
        for step in steps_of(domain, problem):
            action = actions[step.action]
            bound = dict(zip(action.parameters, step.args, strict=True))
            fits = all(bound.get(a, a) != bound.get(b, b) for a, b in action.unequal)
            fits &= all(bound.get(a, a) == bound.get(b, b) for a, b in action.equal)
            if fits and found.issuperset(ground(action.needs, bound)):
                found.update(ground(action.adds, bound))
        if len(found) == before:
            return frozenset(found)


def test_a_mistaken_invariant_would_be_seen():
    """The check on random worlds can fail: if nothing is deleted, two atoms of a group hold."""
    domain, problem = world("blocks")
    hoarding = replace(domain, actions=tuple(replace(a, deletes=()) for a in domain.actions))
    state = after(hoarding, problem, [Step("unstack", ("a", "b"))])
    groups = [g for a in state for g in groups_of(invariants(domain, problem.init), a)]
    assert len(groups) > len(set(groups))
    assert invariants(hoarding, problem.init) == ()


SPLIT = """(define (domain d) (:predicates (egg ?x) (yolk ?x) (white ?x))
  (:action split :parameters (?x ?y) :precondition (and (egg ?x) (egg ?y) {})
    :effect (and (not (egg ?x)) (not (egg ?y)) (yolk ?x) (white ?y)))
  (:action swap :parameters (?x) :precondition (white ?x)
    :effect (and (not (white ?x)) (yolk ?x))))"""


def test_arguments_that_may_be_the_same_object_count():
    """One egg gives both its yolk and its white, unless the action forbids it."""
    init = frozenset({Atom("egg", ("a",))})
    both = {Atom("yolk", ("a",)), Atom("white", ("a",))}
    for condition, mutex in (("", False), ("(not (= ?x ?y))", True)):
        found = invariants(parse_domain(SPLIT.format(condition)), init)
        groups = [g for atom in both for g in groups_of(found, atom)]
        assert (len(groups) > len(set(groups))) == mutex


def test_an_initial_state_that_breaks_an_invariant_takes_it_away():
    domain, problem = world("blocks")
    two_below = Problem(
        "odd", "blocks", problem.objects, problem.init | {Atom("on", ("a", "c"))}, ()
    )
    consistent = GoalConsistent(domain, two_below)
    for state in states(domain, two_below):
        assert_alive(consistent, answer(sorted(state)))
    cycle = frozenset({Atom("on", ("a", "b")), Atom("on", ("b", "a")), Atom("arm-empty")})
    assert acyclic_predicates(domain, cycle, invariants(domain, cycle)) == frozenset()
    assert acyclic_predicates(domain, problem.init, invariants(domain, problem.init)) == {"on"}


def test_a_constant_that_an_action_only_compares_with_counts():
    """`go` is taken with the depot alone; its atoms do not name it."""
    domain = parse_domain("""(define (domain d) (:constants depot) (:predicates (at ?x) (q))
        (:action go :parameters (?x) :precondition (and (= ?x depot) (q)) :effect (at ?x)))""")
    problem = parse_problem(
        "(define (problem p) (:domain d) (:objects a) (:init (q) (at a)) (:goal (and)))", domain
    )
    both = frozenset({Atom("at", ("a",)), Atom("at", ("depot",))})
    assert both <= after(domain, problem, [Step("go", ("depot",))])
    assert_alive(GoalConsistent(domain, problem), answer(sorted(both)))


@pytest.mark.parametrize(
    ("parameters", "constants", "known"), [(8, 0, True), (9, 0, False), (7, 9, False)]
)
def test_actions_of_many_arguments_give_no_invariants_rather_than_none_in_time(
    parameters: int, constants: int, known: bool
):
    variables = " ".join(f"?x{i}" for i in range(parameters))
    names = [f"c{i}" for i in range(constants)]
    domain = parse_domain(
        f"(define (domain d) (:constants {' '.join(names)}) (:predicates (p ?x) (q)) "
        f"(:action a :parameters ({variables}) "
        f":precondition (and (q) {' '.join(f'(p {c})' for c in names)}) "
        ":effect (and (p ?x1) (not (q)))))"
    )
    assert (invariants(domain, frozenset({Atom("q")})) != ()) == known


def test_bindings_are_counted_as_they_are_made():
    rng = random.Random(64)
    for _ in range(100):
        domain, _ = random_world(rng)
        plain = replace(
            domain,
            actions=tuple(
                # Compares each constant with itself, so that none is lost with its condition.
                Action(
                    a.name,
                    a.parameters,
                    adds=a.adds,
                    equal=tuple((c, c) for c in constants_of(domain, a)),
                )
                for a in domain.actions
            ),
        )
        assert count_bindings(domain) == len(all_moves(plain))


def test_a_problem_too_large_for_relaxed_planning_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("potentials.pddl.relaxed.MAX_BINDINGS", 10)
    with pytest.raises(PDDLError, match="Leave GoalReachable out"):
        GoalReachable(*world("blocks"))


def test_conditions_that_only_fit_in_part_count_too(monkeypatch: pytest.MonkeyPatch):
    """Six steps along any of 20 objects, and never back: 20⁶ ways, and no action at all."""
    monkeypatch.setattr("potentials.pddl.relaxed.MAX_BINDINGS", 5000)
    chain = " ".join(f"(way ?x{i} ?x{i + 1})" for i in range(6))
    variables = " ".join(f"?x{i}" for i in range(7))
    domain = parse_domain(f"""(define (domain d) (:predicates (way ?x ?y) (back ?x ?y) (done))
        (:action a :parameters ({variables})
          :precondition (and {chain} (back ?x5 ?x6)) :effect (done)))""")
    names = [f"o{i}" for i in range(20)]
    ways = {Atom("way", (a, b)) for a in names for b in names}
    init = frozenset(ways | {Atom("back", (a, "nowhere")) for a in names})
    objects = dict.fromkeys([*names, "nowhere"], "object")
    with pytest.raises(PDDLError, match="Leave GoalReachable out"):
        relaxed_reachable(domain, Problem("p", "d", objects, init, ()))
