"""Does the program run, and does it pass its tests?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from potentials.python.execution import PythonExecution
from potentials.python.names import given_names, needed_names
from potentials.python.statements import python_statements
from potentials.python.testing import PythonTests
from potentials.sandbox import Limits, Sandbox, SandboxError
from smc import check_potential
from smc.errors import PotentialError, SettingsError
from tests.potentials.python_fakes import fake

DEAD = -math.inf


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(wall_seconds=60.0, cpu_seconds=20.0), workers=1) as sandbox:
        yield sandbox


def test_only_what_is_certainly_finished_is_run() -> None:
    seen, box = fake()
    execution = PythonExecution(sandbox=box)
    for text in ("RAISE", "RAISE = (1,\n", "if a:\n  RAISE\n", "if a:\n  RAISE\nel", "'''RAISE\n"):
        assert execution.prefix(text) == 0.0
    assert seen.jobs == []
    for text in ("RAISE\n", "RAISE;", "if a:\n  RAISE\nx", "try:\n  a\nexcept b:\n  RAISE\n("):
        assert execution.prefix(text) == DEAD
    assert [len(job) for job in seen.jobs] == [1, 1, 1, 1]


def test_each_statement_is_a_piece_after_the_users() -> None:
    seen, box = fake()
    execution = PythonExecution("s = 1", inputs=("i = 1", "i = 2"), after="a = 1", sandbox=box)
    assert execution.prefix("x = 1\nif x:\n  y\nz") == 0.0
    assert execution.complete("x = 1\nif x:\n  y\nz") == 0.0
    prefix = ("x = 1\n", "if x:\n  y\n")
    assert seen.jobs == [
        *(("s = 1", i, *prefix) for i in ("i = 1", "i = 2")),
        *(("s = 1", i, *prefix, "z", "a = 1") for i in ("i = 1", "i = 2")),
    ]


def test_nothing_is_run_twice_and_failures_stay() -> None:
    seen, box = fake()
    execution = PythonExecution(sandbox=box)
    for _ in range(3):
        assert execution.prefix("x = 1\ny = 2") == 0.0
        assert execution.prefix("x = 1\ny = 2 + ") == 0.0
        assert execution.prefix("x = 1\nRAISE\n") == DEAD
        assert execution.prefix("x = 1\nRAISE\nz\n") == DEAD
        assert execution.complete("x = 1\nRAISE\nz\n") == DEAD
    assert seen.jobs == [("x = 1\n",), ("x = 1\n", "RAISE\n")]


def test_a_batch_goes_to_the_sandbox_at_once_and_distinct() -> None:
    seen, box = fake()
    execution = PythonExecution(sandbox=box)
    assert execution.batch_prefix(["a\n", "b\n", "a\nc", "RAISE\n"]) == [0.0, 0.0, 0.0, DEAD]
    assert seen.batches == [3]
    assert execution.batch_complete(["a\n", "b", ""]) == [0.0] * 3
    assert seen.batches == [3, 1] and seen.jobs[-1] == ("b",)


def test_every_way_to_fail_has_no_weight_but_time_has_what_is_told() -> None:
    _, box = fake()
    for word in ("RAISE", "GROW", "SHOUT", "DIE", "LEAVE", "1 1"):
        assert PythonExecution(sandbox=box, timeout=-1.0).prefix(f"{word}\n") == DEAD
    assert PythonExecution(sandbox=box).prefix("SLEEP\n") == DEAD
    slow = PythonExecution(sandbox=box, timeout=-1.5, inputs=("", "x = 1"))
    assert slow.prefix("SLEEP\n") == -3.0
    assert slow.complete("SLEEP\nRAISE\n") == -3.0


def test_code_of_the_user_that_fails_is_an_error() -> None:
    _, box = fake()
    for execution in (
        PythonExecution("RAISE", sandbox=box),
        PythonExecution(inputs=("x = 1", "SLEEP"), sandbox=box),
        PythonTests(["assert x"], setup="DIE", sandbox=box),
    ):
        with pytest.raises(PotentialError, match="its own code"):
            execution.prefix("x = 1\n")
    assert PythonExecution(after="RAISE", sandbox=box).complete("x = 1\n") == DEAD


def test_the_text_may_go_on_from_a_beginning() -> None:
    seen, box = fake()
    execution = PythonExecution(before="def f(x):\n", after="f(1)", sandbox=box)
    assert execution.boundary == python_statements("def f(x):\n")
    assert execution.prefix("    return x\n") == 0.0
    assert seen.jobs == []
    execution.complete("    return x\n")
    assert seen.jobs == [("def f(x):\n    return x\n", "f(1)")]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PythonExecution(inputs=()), "inputs"),
        (lambda: PythonExecution(inputs="x = 1"), "inputs"),
        (lambda: PythonExecution(timeout=math.nan), "timeout"),
        (lambda: PythonTests([]), "tests"),
        (lambda: PythonTests("assert x"), "tests"),
        (lambda: PythonTests(["assert ="]), "no Python"),
        (lambda: PythonTests(["assert x"], epsilon=0.0), "epsilon"),
        (lambda: PythonTests(["assert x"], hard=True, score=lambda k, n: 0.0), "score"),
    ],
)
def test_options_are_checked(make: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make()


def test_a_broken_sandbox_raises() -> None:
    closed = Sandbox()
    closed.close()
    with pytest.raises(SandboxError):
        PythonExecution(sandbox=closed).prefix("x = 1\n")


def test_tests_run_as_soon_as_their_names_are_there() -> None:
    seen, box = fake()
    tests = PythonTests(["assert f(1)", "assert g(f, s)  # RAISE"], setup="s = 1", sandbox=box)
    assert tests.prefix("def f(x):\n  return x\n") == 0.0
    assert seen.jobs == [("s = 1",)]
    assert tests.prefix("def f(x):\n  return x\nx") == 0.0
    assert [job[-1] for job in seen.jobs[2:]] == ["assert f(1)"]
    text = "def f(x):\n  return x\nfrom a import b as g\n"
    assert tests.prefix(text) == pytest.approx(math.log(1.1 / 2.1))
    assert tests.complete(text) == pytest.approx(math.log(1.1 / 2.1))
    assert len(seen.jobs) == 6


def test_the_weight_of_tests() -> None:
    _, box = fake()
    checks = ["assert 1", "assert 2  # RAISE", "assert 3  # SLEEP", "assert 4"]
    soft = math.log(2.1 / 4.1)
    assert PythonTests(checks, sandbox=box).complete("x") == pytest.approx(soft)
    assert PythonTests(checks, hard=True, sandbox=box).complete("x") == DEAD
    assert PythonTests(checks, hard=True, sandbox=box).prefix("x\n") == pytest.approx(soft)
    assert PythonTests(checks[:1], hard=True, sandbox=box).complete("x") == 0.0
    scored = PythonTests(checks, score=lambda k, n: float(k - n), sandbox=box)
    assert scored.complete("x") == -2.0 == scored.prefix("x\n")
    # A program that fails has failed all its tests for good.
    assert PythonTests(checks, hard=True, sandbox=box).prefix("RAISE\n") == DEAD
    none = math.log(0.1 / 4.1)
    assert PythonTests(checks, sandbox=box).prefix("RAISE\n") == pytest.approx(none)
    assert PythonTests(checks, sandbox=box).complete("RAISE") == pytest.approx(none)


def test_names_that_are_given_and_needed() -> None:
    source = (
        "import a.b, c as d\nfrom e import f\ng = h: int = 1\n"
        "g, (i, *j) = 1, 2\ndef k(l): m = 1; return n\nclass o: p = q\n"
        "for r in s: t += 1\nwith u as v: (w := 1)\n[x for x in y]\n"
    ).replace("g = h: int = 1", "h: int = 1")
    assert given_names(source) == set("a d f h g i j k o r t v w".split())
    assert needed_names(source) == set("n q s u y".split())
    assert needed_names("x = f(len)\nassert x == y\n") == {"f", "y"}
    assert needed_names("def t():\n  assert f(a) == g\nt()\n") == {"f", "a", "g"}
    assert given_names("x = = 1") == needed_names("1 1") == frozenset()


def test_the_laws_of_a_potential(sandbox: Sandbox) -> None:
    texts = [
        "x = 1\nif x > 2:\n  y = z\nelse:\n  y = 1\ny / 1\n",
        "x = 1\nx.y\nz = 2\n",
        "try: a\nexcept NameError: pass\nb; c\n",
        "exit()\nx = 1\n",
    ]
    check_potential(PythonExecution("s = 1", sandbox=sandbox), texts)
    check_potential(PythonTests(["assert x == 1", "assert y"], sandbox=sandbox), texts)
    check_potential(PythonTests(["assert x == 1"], hard=True, sandbox=sandbox), texts)


def test_programs_that_run(sandbox: Sandbox) -> None:
    execution = PythonExecution("import math", inputs=("n = 3", "n = 0"), sandbox=sandbox)
    assert execution.complete("x = math.sqrt(n)\nprint(x)") == 0.0
    assert execution.complete("x = 1 / n") == DEAD
    assert execution.prefix("raise ValueError\n") == DEAD
    future = "from __future__ import annotations\ndef f(x: Missing) -> Absent: ...\nf(1)\n"
    assert execution.prefix(future) == execution.complete(future) == 0.0
    main = "import sys\nif __name__ == '__main__':\n    x = sys.path\nassert x\n"
    assert execution.complete(main) == 0.0
    assert execution.complete("import random\nrandom.random()\nx = [random.random()]\n") == 0.0


def test_programs_that_pass_their_tests(sandbox: Sandbox) -> None:
    tests = PythonTests(
        ["assert fact(3) == 6", "assert fact(0) == 1", "from math import factorial as g\n"
         "for i in range(5):\n    assert fact(i) == g(i)"],
        sandbox=sandbox,
    )  # fmt: skip
    good = "def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)\n"
    assert tests.complete(good) == tests.prefix(good + "x = 1\n") == 0.0
    half = "def fact(n):\n    return n and n * fact(n - 1) or 6\n"
    assert tests.complete(half) < tests.prefix("x = 1\n") == 0.0
    assert tests.complete("x = 1\n") == pytest.approx(math.log(0.1 / 3.1))
    # Defined anew, the function passes after all.
    again = "def fact(n):\n    return 0\n\n"
    assert tests.prefix(again + "x = 1\n") < -1.0
    assert tests.complete(again + good) == 0.0
    # A name that only seemed to be there is waited for.
    assert tests.prefix("if 0:\n    def fact(n): return 0\nx = 1\n") == 0.0


def test_a_potential_owns_its_sandbox_and_closes_it() -> None:
    execution = PythonExecution(limits=Limits(wall_seconds=60.0, cpu_seconds=20.0))
    assert execution.complete("x = 1") == 0.0
    own = execution._runner.sandbox
    del execution
    with pytest.raises(SandboxError):
        PythonExecution(sandbox=own).complete("x = 2")


@pytest.mark.parametrize(
    ("text", "lives"),
    [
        ("x = 1\nglobal x\n", False),
        ("x = 1; global x\ny\n", False),
        ("x = 1\nfrom __future__ import annotations\n", False),
        ("x = 1; if x: y = 2\n", False),
        ("'doc'\nfrom __future__ import annotations\nx: Missing = 1\n", True),
        ("x = 1\n'text'\nassert __doc__ is None\n", True),
        ("'text'\nassert __doc__ == 'text'\n", True),
        ("x = 1;\n# then\nif x:\n    y = 2\n", True),
        ("def f():\n    global x\n    x = 1\nf()\nx\n", True),
    ],
)
def test_statements_are_those_of_one_module(sandbox: Sandbox, text: str, lives: bool) -> None:
    execution = PythonExecution(sandbox=sandbox)
    expected = 0.0 if lives else DEAD
    assert execution.complete(text) == execution.prefix(text + "pass\n") == expected
    check_potential(execution, [text])


EQUALS = """
class Equals:
    def __eq__(self, other): return True
    def __bool__(self): return True
def fact(n): return Equals()
"""


def test_a_program_has_no_say_in_its_tests(sandbox: Sandbox) -> None:
    none = math.log(0.1 / 2.1)
    tests = PythonTests(["assert fact(3) == 6", "assert not fact(0) != 1"], sandbox=sandbox)
    assert tests.complete(EQUALS) == pytest.approx(none)
    for cheat in (
        "import builtins\nbuiltins.AssertionError = ValueError\ndef fact(n): return 0\n",
        "import sys\nclass Out:\n"
        "    write = flush = lambda s, *a: sys._getframe(1).f_locals.clear()\n"
        "sys.stdout = Out()\ndef fact(n): return 0\n",
        "import sys\ndef fact(n):\n    f = sys._getframe()\n    while f:\n"
        "        f.f_globals.clear()\n        f = f.f_back\n    return 0\n",
        "import atexit, os\ndef fact(n): os._exit(0)\n",
    ):
        assert tests.complete(cheat) == pytest.approx(none), cheat
    # A text that ends with the test itself has not passed it.
    assert tests.complete("fact = lambda n: 6\nassert fact(3) == 6") == pytest.approx(
        math.log(1.1 / 2.1)
    )
    assert tests.complete("def fact(n): return [1, 1, 2, 6][n]\n") == 0.0


@pytest.mark.parametrize("returned", [math.nan, math.inf, None, "0", 1j])
def test_what_score_returns_is_checked(returned: Any) -> None:
    _, box = fake()
    tests = PythonTests(["assert 1"], score=lambda k, n: returned, sandbox=box)
    with pytest.raises(PotentialError, match="score: returned"):
        tests.complete("x")
