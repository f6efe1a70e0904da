"""Problems and goals: what is read, what is refused and in which line, hostile texts."""

import pickle

import pytest

from potentials.pddl import (
    Atom,
    PDDLError,
    PlanningError,
    check_problem,
    parse_domain,
    parse_goal,
    parse_problem,
)
from tests.potentials.pddl_worlds import ABC, BLOCKS, POST, TYPED, blocks_text

DOMAIN = parse_domain(BLOCKS)


def test_a_problem_is_read_in_any_case_with_comments():
    text = ABC.upper().replace("\n", " ; (and so on\n")
    assert parse_problem(text, DOMAIN) == parse_problem(ABC, DOMAIN)
    assert parse_problem(ABC).goal == (
        Atom("on", ("b", "c")),
        Atom("on-table", ("a",)),
        Atom("clear", ("a",)),
    )


@pytest.mark.parametrize(
    ("text", "atoms"),
    [
        ("(and)", []),
        ("(clear A)", ["(clear a)"]),
        ("(:goal (and (clear a)))", ["(clear a)"]),
        ("(and (and) (and (on a b)) (and (and (arm-empty)) (clear a)))", None),
        ("(AND\n(on a\tb) ; x\n\n (clear a)\r\n)", ["(on a b)", "(clear a)"]),
        ("(and (clear a) (clear a))", ["(clear a)", "(clear a)"]),
    ],
)
def test_goals(text: str, atoms: list[str] | None):
    expected = ["(on a b)", "(arm-empty)", "(clear a)"] if atoms is None else atoms
    assert [str(a) for a in parse_goal(text)] == expected


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", None, "nothing"),
        ("clear a", 1, "'clear'"),
        ("(and\n(clear a)", 1, "not closed"),
        ("(clear a))", 1, "after the end"),
        ("(clear a) (clear b)", 1, "after the end"),
        ("(and\n\n(or (clear a)))", 3, "(or …)"),
        ("(and (not (clear a)))", 1, "(not …)"),
        ("(forall (?x) (clear ?x))", 1, "(forall …)"),
        ("(and (clear ?x))", 1, "'?x'"),
        ("(and clear)", 1, "'clear'"),
        ("()", 1, "empty list"),
        ("(and (clear a) ())", 1, "empty list"),
        ("(and ((clear a)))", 1, "list"),
        ("(and (clear 1a))", 1, "'1a'"),
        ("(and (cleär a))", 1, "'cleär'"),
        ("(and (clear\u00a0a))", 1, r"'clear\xa0a'"),
        ("(and (clear a) \x1c)", 1, r"'\x1c'"),
        ("(and (clear a\u212a))", 1, "a letter"),  # the Kelvin sign, whose lower case is k
        ("(:goal)", 1, "0 formulas"),
        ("(:goal (clear a) (clear b))", 1, "2 formulas"),
    ],
)
def test_other_goals_are_refused_with_their_line(text: str, line: int | None, says: str):
    with pytest.raises(PDDLError) as caught:
        parse_goal(text)
    assert caught.value.line == line
    assert says in str(caught.value)
    assert caught.value.expected


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("(:domain blocks)", ""), "no :domain"),
        (("(:domain blocks)", "(:domain)"), "names no domain"),
        (("(:domain blocks)", "(:domain rocks)"), "rocks"),
        (("(:goal", "(:gaol"), "':gaol'"),
        (("(:init", "(:init) (:init"), "a second :init"),
        (("(:objects a b c)", "(:objects a b c a)"), "a second time"),
        (("(:objects a b c)", "(:objects a b)"), "Declare c under :objects"),
        (("(:objects a b c)", "(:objects a b c - block)"), "type block"),
        (("(:objects a b c)", "(:objects a b c -)"), "dash"),
        (("(:objects a b c)", "(:objects - c)"), "dash"),
        (("(:objects a b c)", "(:objects a (b) c)"), "is a list"),
        (("(on a b)", "(on a)"), "2 arguments"),
        (("(on b c)", "(above b c)"), "one of the predicates on, on-table"),
        (("(on a b)", "(= (cost) 0)"), "(= …)"),
        (("(on a b)", "(not (on a b))"), "(not …)"),
        (("(on a b)", "(at 5 (on a b))"), "an argument of (at …) is '5'"),
        (("(:objects a b c)", "(:objects a b c) (:metric minimize (cost))"), "':metric'"),
        (("(problem towers)", "(towers)"), "(define (problem NAME)"),
        (("(problem towers)", "(problem)"), "1 words"),
        (("(:objects a b c)", "(:objects a b c) (:requirements :adl)"), "':adl'"),
        (("(:objects a b c)", "(:objects a b c) (:action x :effect (clear a))"), ":action"),
        (("(:objects a b c)", "(:objects a b c) x"), "no section"),
    ],
)
def test_problems_that_are_refused(change: tuple[str, str], says: str):
    assert change[0] in ABC
    with pytest.raises(PDDLError) as caught:
        parse_problem(ABC.replace(change[0], change[1], 1), DOMAIN)
    assert says in str(caught.value)


def test_types_count_in_problems():
    domain = parse_domain(TYPED)
    with pytest.raises(PDDLError, match="shop is of type place; expected thing"):
        parse_problem(POST.replace("(at v1 depot)", "(at shop depot)"), domain)
    with pytest.raises(PDDLError, match="constant"):
        parse_problem(POST.replace("home shop", "home depot"), domain)
    check_problem(domain, parse_problem(POST.replace("(at p1 shop)", "(at p1 depot)")))


def test_hostile_texts_are_refused_quickly():
    hostile = [
        "(" * 100_000,
        "(and " * 51 + ")" * 51,
        ")" * 100_000,
        "(and" + " (clear a)" * 200_000 + ")",
        "\0",
        "(clear \0)",
        "(and \ud800)",
        ";" * 100_000,
        b"(and (clear \xff\xfe))".decode("latin-1"),
        "(" + "x" * 100_000,
    ]
    for text in hostile:
        for read in (parse_goal, parse_problem, parse_domain):
            with pytest.raises(PDDLError) as caught:
                read(text)
            assert len(str(caught.value)) < 300
    assert parse_goal("(and " * 49 + "(clear a)" + ")" * 49) == (Atom("clear", ("a",)),)
    assert len(parse_goal("(and" + " (clear a)" * 50_000 + ")")) == 50_000


def test_errors_survive_the_way_to_another_process():
    with pytest.raises(PDDLError) as caught:
        parse_problem(blocks_text("a", "(clear b)", "(and)"), DOMAIN)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and again.remedy
    planning = PlanningError("no plan", expected="one", remedy="Wait.")
    assert str(pickle.loads(pickle.dumps(planning))) == str(planning)
