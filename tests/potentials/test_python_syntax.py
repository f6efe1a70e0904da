"""Can a text still become a Python module?"""

from __future__ import annotations

import math
import random
import sysconfig
from pathlib import Path

import pytest

from potentials.python.compiling import compiles
from potentials.python.statements import python_statements, split_statements
from potentials.python.syntax import PARSED, PythonSyntax
from smc import check_potential
from smc.potential import log_complete, log_prefix
from tests.potentials.test_python_statements import FRAGMENTS

STDLIB = Path(sysconfig.get_path("stdlib"))
DEAD = -math.inf

GOOD = (
    "import a.b as c, d\nfrom . import (e,\n  f)\nx: int = 0x1F + 1_0.5e-3j\n",
    "def f(a, /, b=1, *c, d: 'x' = 2, **e) -> None:\n    '''doc'''\n    return not a\n",
    "@d(1)\nclass A(B, metaclass=C):\n\tx = y = lambda *a: (yield)\n\n\tdef g(self): pass\n",
    "try:\n  a\nexcept (B, C) as e:\n  raise D from e\nelse:\n  b\nfinally:\n  c\n",
    "match x:\n  case [1, *_] | {'a': 2} if d:\n    pass\n  case E(f=1.5):\n    ...\n",
    "async def f():\n  async with a as b, c:\n    return [i async for i in x if await i]\n",
    "x = f'{a!r:>{b}}' r'\\x' if c is not None else {**d, 'e': [*f]}\n",
    "for i, (j, k) in x:\n  if a: break\n  elif b: continue\nelse:\n  del i, j[k:]\n",
    "while a := b(): print(a, end='')\nassert x, y\nglobal z\nwith (a as b, c): pass\n",
    "x = '''\n# \\''' not the end\n''' # comment (\ny = (1, # [\n  2)\\\n  + 3; z = x @ y\n",
)

# Each: what is right so far, what makes it wrong.
WRONG = (
    ("x = 1 ", "1 "),
    ("print 'a", "'"),
    ("if a", "\n"),
    ("for i in ", ")"),
    ("x = (1, 2", "]"),
    ("def f(a=1, b", ") "),
    ("x = 'abc", "\n"),
    ("def f():\n", "x\n"),
    ("x = [i for i ", "x "),
    ("class A:\n    def f(self):\n        return 1\n   ", "x = 1\ny"),
    ("return 1", "\n"),
    ("break", "\n"),
    ("else", ": "),
    ("import ", "1 "),
    ("x = f'{a b}'", "\n"),
    ("f(a) =", " "),
    ("x = 0777", "\n"),
    ("x = a ?", " b\n"),
    ("await x", "\n"),
)


def values(text: str) -> list[float]:
    """`prefix` of every beginning of a text, read one character at a time."""
    syntax = PythonSyntax()
    state = syntax.start()
    found = [syntax.prefix(state)]
    for char in text:
        state = syntax.advance(state, char.encode("utf-8", "surrogatepass"))
        found.append(syntax.prefix(state))
    return found


@pytest.mark.parametrize("text", GOOD)
def test_good_programs_live_at_every_prefix(text: str) -> None:
    assert set(values(text)) == {0.0}
    assert log_complete(PythonSyntax(), text) == 0.0


def test_the_standard_library_lives_at_every_prefix() -> None:
    rng = random.Random(11)
    paths = sorted(p for p in STDLIB.glob("*.py") if 500 < p.stat().st_size < 6000)
    for path in rng.sample(paths, 4):
        text = path.read_text(encoding="utf-8")
        assert set(values(text)) == {0.0}, path
        assert log_complete(PythonSyntax(), text) == 0.0, path


@pytest.mark.parametrize(("right", "wrong"), WRONG)
def test_errors_die_where_nothing_can_put_them_right(right: str, wrong: str) -> None:
    found = values(right + wrong)
    assert set(found[: len(right) + 1]) == {0.0}
    assert found[-1] == DEAD
    assert log_complete(PythonSyntax(), right + wrong) == DEAD


def test_planted_errors_die_at_the_latest_at_the_end_of_their_statement() -> None:
    rng = random.Random(13)
    paths = sorted(p for p in STDLIB.glob("*.py") if 500 < p.stat().st_size < 20_000)
    planted = 0
    while planted < 25:
        text = rng.choice(paths).read_text(encoding="utf-8")
        statements = split_statements(text, whole=True).finished
        k = rng.randrange(len(statements))
        at = rng.randrange(len(statements[k]))
        wrong = statements[k][:at] + rng.choice([" ) ", " 1 1 ", " if ", "'", " = = "])
        wrong += statements[k][at:]
        if compiles(wrong):
            continue
        pieces = split_statements(wrong + "\npass\n").finished
        if compiles("".join(pieces)):
            continue
        planted += 1
        first = next((n for n, p in enumerate(pieces) if not compiles(p)), len(pieces) - 1)
        upto = "\n".join([*statements[:k], *pieces[: first + 1]])
        if pieces:
            assert log_prefix(PythonSyntax(), upto + "\npass\n") == DEAD
        assert log_complete(PythonSyntax(), "\n".join(statements[:k]) + "\n" + wrong) == DEAD


def test_the_laws_of_a_potential() -> None:
    check_potential(PythonSyntax(), [*GOOD[:4], *("".join(w) + " z\n" for w in WRONG), "é = 'ü\n"])
    check_potential(PythonSyntax(before="def f():\n"), ["  x = 1\n  return x\ny = 2\n", "x = 1\n"])
    rng = random.Random(17)
    check_potential(PythonSyntax(), ["".join(rng.choices(FRAGMENTS, k=6)) for _ in range(15)])


def test_a_long_statement_is_judged_alike_however_it_came() -> None:
    head = "def f():\n" + "    x = 1\n" * (PARSED // 10 - 3)
    for text in (
        head + "    x = 1 1\n" + "    x = 2\n" * 20,
        head + "    x = 3\n" * 10 + "    x x\n",
    ):
        syntax = PythonSyntax()
        state = syntax.start()
        for at in range(0, len(text), 3):
            state = syntax.advance(state, text[at : at + 3].encode())
        assert syntax.prefix(state) == log_prefix(PythonSyntax(), text)
        assert log_prefix(PythonSyntax(), text + "y\n") == DEAD


def test_wrong_modules_of_right_statements_die_in_the_end() -> None:
    for text in ("x = 1\nglobal x\n", "x = 1\nfrom __future__ import annotations\n"):
        assert log_prefix(PythonSyntax(), text) == 0.0
        assert log_complete(PythonSyntax(), text) == DEAD


def test_hostile_texts_get_a_weight_and_nothing_else() -> None:
    n = 5_000
    for text in (
        "(" * n,
        "x = " + "[" * 150 + "]" * 150,
        "-" * n + "1\n",
        "a" + ".b" * n + "\n",
        "lambda:" * n + "1\n",
        "if a: pass\n" + "elif a: pass\n" * n + "x\n",
        "1+" * n + "1\n",
        "x = 1\0\n",
        "\ud800 = 1\n".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
        "9" * 5000 + "\n",
        "\ufeffx = 1\n",
        "'" + "a" * 1_100_000,
    ):
        for value in (log_prefix(PythonSyntax(), text), log_complete(PythonSyntax(), text)):
            assert value in (0.0, DEAD)
    assert log_prefix(PythonSyntax(), "'" + "a" * 1_100_000) == DEAD
    assert log_complete(PythonSyntax(), "x = 1\0\n") == DEAD
    syntax = PythonSyntax()
    state = syntax.advance(syntax.start(), b"x = '\xff\xc3")
    assert syntax.prefix(state) == 0.0
    assert syntax.complete(syntax.advance(state, b"'\n")) == 0.0
    assert syntax.complete(syntax.advance(syntax.start(), b"x = 1 # \xc3")) == 0.0


def test_only_statement_ends_are_asked_about_with_that_boundary() -> None:
    syntax = PythonSyntax(boundary=python_statements())
    assert syntax.boundary == python_statements()
    assert PythonSyntax().boundary is None
