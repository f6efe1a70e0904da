"""STRIPS semantics: plans are run step by step."""

import pytest

from potentials.pddl import Atom, PDDLError, Step, after, parse_domain, parse_problem
from tests.potentials.pddl_worlds import ABC, BLOCKS, POST, TYPED

DOMAIN = parse_domain(BLOCKS)


def test_plans_are_run_step_by_step():
    problem = parse_problem(ABC, DOMAIN)
    plan = [Step("unstack", ("a", "b")), Step("putdown", ("a",)), Step("pickup", ("b",))]
    assert after(DOMAIN, problem, [*plan, Step("stack", ("b", "c"))]) == {
        Atom("on", ("b", "c")),
        Atom("on-table", ("a",)),
        Atom("on-table", ("c",)),
        Atom("clear", ("a",)),
        Atom("clear", ("b",)),
        Atom("arm-empty"),
    }
    for steps, says in (
        ([Step("pickup", ("b",))], r"step 1 .*\(clear b\) does not hold"),
        ([plan[0], plan[0]], r"step 2 .*does not hold"),
        ([Step("jump", ())], "no action"),
        ([Step("stack", ("a",))], "1 arguments; expected 2"),
        ([Step("stack", ("a", "z"))], "names z"),
    ):
        with pytest.raises(PDDLError, match=says):
            after(DOMAIN, problem, steps)


def test_negative_conditions_equality_and_types_hold_in_plans():
    domain = parse_domain(TYPED)
    problem = parse_problem(POST, domain)
    drive = Step("drive", ("v1", "depot", "shop"))
    there = after(domain, problem, [Step("load", ("p1", "v1", "depot")), drive])
    assert {Atom("in", ("p1", "v1")), Atom("at", ("v1", "shop"))} <= there
    for steps, says in (
        ([Step("drive", ("v1", "depot", "depot"))], "alike or different"),
        ([drive, Step("shut"), Step("drive", ("v1", "shop", "depot"))], r"\(closed depot\) holds"),
        ([Step("drive", ("p1", "depot", "shop"))], "of type parcel; expected van"),
    ):
        with pytest.raises(PDDLError, match=says):
            after(domain, problem, steps)


def test_what_is_added_and_deleted_holds():
    domain = parse_domain(
        "(define (domain d) (:predicates (p ?x) (q))"
        "(:action a :parameters (?x ?y) :effect (and (not (p ?x)) (p ?y))))"
    )
    problem = parse_problem(
        "(define (problem p) (:domain d) (:objects o u) (:init (p o) (q)) (:goal (and)))"
    )
    assert after(domain, problem, [Step("a", ("o", "o"))]) == {Atom("p", ("o",)), Atom("q")}
    assert after(domain, problem, [Step("a", ("o", "u"))]) == {Atom("p", ("u",)), Atom("q")}
