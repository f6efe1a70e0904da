"""Domains: what is read, what is refused, and that what is written is read back."""

import time

import pytest

from potentials.pddl import (
    Atom,
    PDDLError,
    Problem,
    Step,
    after,
    domain_text,
    parse_domain,
    parse_problem,
    problem_text,
)
from tests.potentials.pddl_worlds import ABC, BLOCKS, GRIPPER, POST, ROOMS, TYPED

DOMAIN = parse_domain(BLOCKS)


def test_a_domain_is_read():
    assert DOMAIN.name == "blocks"
    assert DOMAIN.predicates["on"] == ("object", "object")
    assert DOMAIN.predicates["arm-empty"] == ()
    assert [a.name for a in DOMAIN.actions] == ["pickup", "putdown", "stack", "unstack"]
    pickup, unstack = DOMAIN.actions[0], DOMAIN.actions[3]
    assert pickup.parameters == {"?x": "object"}
    assert pickup.adds == (Atom("holding", ("?x",)),)
    assert pickup.deletes == (
        Atom("clear", ("?x",)),
        Atom("on-table", ("?x",)),
        Atom("arm-empty"),
    )
    assert unstack.needs == (Atom("on", ("?x", "?y")), Atom("clear", ("?x",)), Atom("arm-empty"))
    assert DOMAIN.requirements == {":strips"}


def test_types_constants_and_negations_are_read():
    domain = parse_domain(TYPED)
    assert domain.types == {"van": "thing", "parcel": "thing", "place": "object", "thing": "object"}
    assert domain.constants == {"depot": "place"}
    assert domain.predicates["at"] == ("thing", "place")
    drive = domain.actions[0]
    assert drive.parameters == {"?v": "van", "?a": "place", "?b": "place"}
    assert drive.unequal == (("?a", "?b"),)
    assert drive.forbids == (Atom("closed", ("?b",)),)
    assert domain.is_a("van", "thing") and domain.is_a("van", "object")
    assert not domain.is_a("thing", "van") and not domain.is_a("place", "thing")
    problem = parse_problem(POST, domain)
    assert problem.objects == {
        "v1": "van",
        "v2": "van",
        "p1": "parcel",
        "home": "place",
        "shop": "place",
    }


LAMP = "(define (domain lamp) (:predicates (lit ?l)) (:action light :parameters (?l) {}))"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(define (problem p))", "(define (domain NAME)"),
        ("(define (domain d) (:functions (cost)))", "':functions'"),
        ("(define (domain d) (:functions (cost)) (:functions (cost)))", "not supported"),
        ("(define (domain d) (:derived (p) (q)) (:derived (q) (p)))", "':derived' in the domain"),
        ("(define (domain d) (:durative-action a) (:durative-action b))", "':durative-action'"),
        ("(define (domain d) (:requirements :adl))", "':adl'"),
        ("(define (domain d) (:predicates (p ?x - (either a b))))", "Declare a type above them"),
        ("(define (domain d) (:predicates (p ?x - t)))", "Declare it under :types"),
        ("(define (domain d) (:predicates (p) (p ?x)))", "a second time"),
        ("(define (domain d) (:predicates p))", "no predicate"),
        ("(define (domain d) (:predicates (p x)))", "a variable like ?x"),
        ("(define (domain d) (:types a - b b - a))", "above itself"),
        ("(define (domain d) (:types a - a))", "above itself"),
        ("(define (domain d) (:types (either a b)))", "is a list"),
        ("(define (domain d) (:action))", "an action without a name"),
        (LAMP.format(""), "no :effect"),
        (LAMP.format(":effect"), "is empty"),
        (LAMP.format(":effect (lit ?m)"), "?m in the action light"),
        (LAMP.format(":effect (lit)"), "1 arguments"),
        (LAMP.format(":effect (dark ?l)"), "one of lit"),
        (LAMP.format(":effect (when (lit ?l) (lit ?l))"), "(when …)"),
        (LAMP.format(":effect (not lit)"), "(not (PREDICATE …))"),
        (LAMP.format(":precondition (= ?l) :effect (lit ?l)"), "two"),
        (LAMP.format(":precondition (or (lit ?l)) :effect (lit ?l)"), "(or …)"),
        (LAMP.format(":precondition (forall (?m) (lit ?m)) :effect (lit ?l)"), "(forall …)"),
        (LAMP.format(":effect (and (lit ?l) (increase (cost) 1))"), "(increase …)"),
        (LAMP.format(":duration 3 :effect (lit ?l)"), "':duration'"),
        (LAMP.format(":effect (lit ?l) :effect (lit ?l)"), "':effect'"),
        (LAMP.format(":effect (lit ?l)")[:-1] + "(:action light :effect (and)))", "more than one"),
    ],
)
def test_domains_that_are_refused(text: str, says: str):
    with pytest.raises(PDDLError) as caught:
        parse_domain(text)
    assert says in str(caught.value)


def test_the_parameters_of_a_predicate_may_have_one_name():
    text = "(define (domain d) (:types a b) (:predicates (p ?x ?x) (q ?x - a ?x - b ?y ?x - a ?x)))"
    assert parse_domain(text).predicates == {
        "p": ("object", "object"),
        "q": ("a", "b", "a", "a", "object"),
    }


TWICE = """(define (domain d) (:types thing - object tall wide - thing) (:predicates (p ?x ?y))
    (:action act :parameters (?a - tall ?a - wide ?b ?a) :precondition (p ?a ?b) :effect (p ?b ?a)))
"""


def test_a_parameter_that_stands_twice_is_one_object_in_both_places():
    (action,) = (domain := parse_domain(TWICE)).actions
    first, second, other, third = action.parameters
    assert (first, other) == ("?a", "?b") and len({first, second, other, third}) == 4
    assert list(action.parameters.values()) == ["tall", "wide", "object", "object"]
    assert set(action.equal) == {(first, second), (first, third)}
    objects = {"t": "tall", "w": "wide", "o": "object"}
    one = parse_domain(TWICE.replace("?a - wide", "?a - tall"))
    init = frozenset({Atom("p", ("t", "o"))})
    given = Problem("p", "d", objects, init, ())
    state = after(one, given, [Step("act", ("t", "t", "o", "t"))])
    assert state == {Atom("p", ("t", "o")), Atom("p", ("o", "t"))}
    for args in (("t", "t", "o", "o"), ("t", "w", "o", "t")):
        with pytest.raises(PDDLError):
            after(one, given, [Step("act", args)])
    again = parse_domain(domain_text(domain)).actions[0]
    assert (again.parameters, again.equal) == (action.parameters, action.equal)


def test_a_new_name_is_that_of_no_other_parameter():
    text = "(define (domain d) (:predicates (p)) (:action a :parameters (?x ?x-2 ?x) :effect (p)))"
    (action,) = parse_domain(text).actions
    assert list(action.parameters) == ["?x", "?x-2", "?x-3"] and action.equal == (("?x", "?x-3"),)


@pytest.mark.parametrize(
    ("listed", "types"),
    [
        ("a b a", {"a": "object", "b": "object"}),
        ("a - b a - b b c", {"a": "b", "b": "object", "c": "object"}),
        ("a - object a - b b a", {"b": "object", "a": "b"}),
        ("a - b b a - object", {"a": "b", "b": "object"}),
        ("a - b a - c b - c", {"c": "object", "a": "b", "b": "c"}),
        ("a - c a - b b - d d - c", {"c": "object", "a": "b", "b": "d", "d": "c"}),
        ("object a", {"a": "object"}),
    ],
)
def test_a_type_may_be_listed_again(listed: str, types: dict[str, str]):
    assert parse_domain(f"(define (domain d) (:types {listed}) (:predicates (p)))").types == types


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ("a - b a - c b c", "the type a is of the types b and c"),
        ("a - b b - a a - object", "above itself"),
        ("a - b a - a", "above itself"),
        ("a - b b - c c - b", "above itself"),
    ],
)
def test_types_that_are_no_tree_are_refused(listed: str, says: str):
    with pytest.raises(PDDLError, match=says):
        parse_domain(f"(define (domain d) (:types {listed}) (:predicates (p)))")


def test_a_domain_of_very_many_actions_is_read_in_time():
    actions = " ".join(f"(:action a{i} :effect (p))" for i in range(30_000))
    text = f"(define (domain d) (:predicates (p)) {actions})"
    began = time.process_time()
    assert len(parse_domain(text).actions) == 30_000
    assert time.process_time() - began < 6  # 0.8 s; to compare each name with each takes 13 s


@pytest.mark.parametrize("text", [BLOCKS, GRIPPER, TYPED])
def test_a_domain_that_is_written_is_read_back_as_the_same(text: str):
    domain = parse_domain(text)
    again = parse_domain(domain_text(domain))
    assert domain_text(again) == domain_text(domain)
    assert [(a.needs, a.forbids, a.equal, a.unequal, a.adds, a.deletes) for a in again.actions] == [
        (a.needs, a.forbids, a.equal, a.unequal, a.adds, a.deletes) for a in domain.actions
    ]
    assert (again.types, again.predicates, again.constants, again.requirements) == (
        domain.types,
        domain.predicates,
        domain.constants,
        domain.requirements,
    )


@pytest.mark.parametrize(("domain", "text"), [(BLOCKS, ABC), (GRIPPER, ROOMS), (TYPED, POST)])
def test_a_problem_that_is_written_is_read_back_as_the_same(domain: str, text: str):
    problem = parse_problem(text, parse_domain(domain))
    assert parse_problem(problem_text(problem)) == problem
