"""What is taken from a test harness of DS-1000, and where the statements of an answer end."""

from __future__ import annotations

import ast

import pytest

from domains.ds1000.harness import Harness, parse_harness
from domains.ds1000.program import UNFINISHED, unfinished, whole
from domains.ds1000.statements import all_statements, answer_statements, finished_statements
from tests.domains.ds1000_problems import (
    BODY,
    DOWNLOADS,
    DROPPING,
    NO_INPUT,
    NO_LOOPS,
    PLAIN,
    REFERENCE,
    SECRET,
)


def test_the_parts_of_a_harness():
    found = parse_harness(PLAIN)
    assert found.before == "\nimport math\nxs, factor = test_input\n" and found.header == ""
    assert found.after == "\nresult = ys\n"
    assert (found.cases, found.drops, found.plots) == (2, (), False)
    assert not found.downloads and not found.tests_text
    assert parse_harness(NO_LOOPS).tests_text
    assert parse_harness(DOWNLOADS).downloads == "fetch_numbers"


def test_an_answer_that_is_the_body_of_a_function():
    found = parse_harness(BODY)
    assert found.before == "\nimport math\nxs, factor = test_input\n"
    assert found.header == "def f(xs, factor):\n"
    assert found.after == "\nresult = f(xs, factor)\n"


def test_the_inputs_come_without_the_expected_answers():
    for context in (PLAIN, BODY, NO_LOOPS):
        found = parse_harness(context)
        assert SECRET in context and SECRET not in repr(found)
        defined = {n.name for n in ast.walk(ast.parse(found.inputs)) if hasattr(n, "name")}
        assert defined == {"copy", "Fraction", "define_test_input"}
        for case in (1, 2):
            for program in (unfinished(found, case, ()), whole(found, case, (), "")):
                text = "".join(program.pieces)
                for name in (SECRET, "generate_ans", "generate_test_case", "exec_test"):
                    assert name not in text
    assert parse_harness(NO_INPUT).inputs == ""


def test_lines_that_the_harness_leaves_out():
    kept = parse_harness(DROPPING).kept
    assert kept("a = 1\nplt.show()\nplt.savefig('x')\nb = 2") == "a = 1\nb = 2"
    assert parse_harness(PLAIN).kept("plt.show()\n") == "plt.show()\n"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ("def f(:", "not Python"),
        ("x = 1", "no function generate_test_case and no test_execution"),
        (PLAIN.replace("exec_context =", "other ="), "no string exec_context"),
        (PLAIN.replace("[insert]", ""), r"has 0 \[insert\]"),
        (PLAIN.replace("import math", "import import"), "exec_context is not Python"),
        (PLAIN.replace("define_test_input", "make_input"), "has no define_test_input"),
        (PLAIN.replace("range(2)", "things"), "number of test cases"),
    ],
)
def test_other_harnesses_are_refused(context: str, message: str):
    with pytest.raises(ValueError, match=message):
        parse_harness(context)


def test_programs_with_a_common_beginning_share_their_pieces():
    harness = parse_harness(PLAIN)
    one = unfinished(harness, 1, ("a = 1\n",))
    two = unfinished(harness, 1, ("a = 1\n", "b = 2\n"))
    ended = whole(harness, 1, ("a = 1\n", "b = 2\n"), "a = 1\nb = 2\n")
    assert one.pieces == two.pieces[:-1] and two.pieces == ended.pieces[: len(two.pieces)]
    assert one.given == two.given == ended.given == len(one.pieces) - 1
    assert unfinished(harness, 2, ()).pieces[0] == one.pieces[0]
    assert unfinished(harness, 2, ()).pieces[1] != one.pieces[1]


def test_an_unfinished_body_ends_with_an_exception_of_its_own():
    harness = parse_harness(BODY)
    assert unfinished(harness, 1, ("    a = 1\n",)).pieces[-1] == (
        f"def f(xs, factor):\n    a = 1\n    raise {UNFINISHED}\n\nresult = f(xs, factor)\n"
    )
    after = unfinished(harness, 1, ("\treturn 1\n", "b = 2\n")).pieces[-1]
    assert after == f"def f(xs, factor):\n\treturn 1\nb = 2\nraise {UNFINISHED}\n"
    tabs = unfinished(harness, 1, ("\ta = 1\n",)).pieces[-1]
    assert f"\ta = 1\n\traise {UNFINISHED}\n" in tabs


def fired(text: str, size: int) -> list[int]:
    """Where the boundary fires, for tokens of some characters."""
    boundary = answer_statements()
    state, ends = boundary.start(), []
    for at in range(0, len(text), size):
        state, fires = boundary.advance(state, text[at : at + size])
        if fires:
            ends.append(min(at + size, len(text)))
    return ends


INDENTED = [
    ("    a = 1\n    b = (2,\n3)\n    c", ["    a = 1\n", "    b = (2,\n3)\n"]),
    ("\n    # so:\n    a = 1\n", ["\n    # so:\n    a = 1\n"]),
    ("\n  # so:\n    for x in y:\n        a\n    b", ["\n  # so:\n    for x in y:\n        a\n"]),
    ("    if a:\n        b\n    else:\n        c\n", []),
    (
        "    if a:\n        b\n    else:\n        c\n    d",
        ["    if a:\n        b\n    else:\n        c\n"],
    ),
    ("\ta = '''\n    x\n'''\n", ["\ta = '''\n    x\n'''\n"]),
    ("    return a\n\nb = 2\n", ["    return a\n", "\nb = 2\n"]),
    ("a = 1\nb", ["a = 1\n"]),
]


@pytest.mark.parametrize(("text", "statements"), INDENTED)
def test_statements_of_a_body(text: str, statements: list[str]):
    assert finished_statements(text, indented=True) == tuple(statements)
    # However the text is cut into tokens, the boundary fires in the one that settles a statement.
    every = fired(text, 1)
    assert len(every) == len(statements)
    for size in (2, 3, 7):
        assert fired(text, size) == sorted({min(-(-e // size) * size, len(text)) for e in every})


def test_a_harness_is_the_same_object_each_time():
    assert parse_harness(PLAIN) is parse_harness(PLAIN)
    assert isinstance(parse_harness(PLAIN), Harness)


def test_statements_at_the_margin():
    assert finished_statements("    a = 1\n", indented=False) == ("    a = 1\n",)
    assert all_statements(REFERENCE) == ("ys = []\n", "for x in xs:\n    ys.append(x * factor)\n")
    assert all_statements("a = 1\n# that is all") == ("a = 1\n",)
    assert all_statements("a = 1; b = (2") == ("a = 1;", "b = (2")
