"""Where the statements of Python programs end, held against `ast`."""

from __future__ import annotations

import ast
import random
import sysconfig
import warnings
from pathlib import Path

import pytest

from potentials.python.reading import ScannerState, read
from potentials.python.statements import Statements, python_statements, split_statements
from smc.potential import Boundary

STDLIB = Path(sysconfig.get_path("stdlib"))

FRAGMENTS = (
    "x = 1|y=2;|; |\n|\n\n|    |\t|# c\n|if x:|else:|elif y:|try:|except:|finally:|while 1:|"
    "with a:|match x:|case 1:|def f():|class A:|async def g():|async |@d\n|'a'|f'{x}'|"
    "f\"{x:{y}}\"|f'{x!r:>{\"3\"}}'|rf'\\{x}'|'\\N{DASH}'|f'{{'|\"#\"|r'\\''|b''|''|\"\"|'''|"
    "(|)|[|]|{|}|\\\n|\\|\r\n|\r| |pass|  pass\n| pass\n|e|el|else|x|match|case|\f|lambda: 0|"
    ":|,|=|.|return|x:int|print(1)\n|x\n|  x\n| y;z\n|if a: b\n|else: c\n|elif d: e\n|"
    "try: a\n|except: b\n|finally: c\n|for i in x: a\n|while 1: b\n|class A: pass\n|"
    "def f(): pass\n|x=1;y=2\n|(a,\n b)\n|# z\n| \n|'''s\n t'''|f'''{\nx}'''"
).split("|")


def parsed(text: str) -> list[str] | None:
    """The top-level statements as `ast` finds them; None if the text is no module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [ast.dump(node) for node in ast.parse(text).body]
        except (SyntaxError, ValueError):
            return None


def agree(text: str) -> bool:
    """Whether the reader found just the statements of a module that `ast` does."""
    pieces = split_statements(text, whole=True).finished
    return [parsed(piece) for piece in pieces] == [[d] for d in parsed(text) or ()]


def fires_at(text: str, before: str = "") -> list[str]:
    """The characters after which the boundary fires."""
    boundary = python_statements(before)
    state, found = boundary.start(), []
    for at, char in enumerate(text):
        state, fires = boundary.advance(state, char)
        if fires:
            found.append(text[max(0, at - 5) : at + 1])
    return found


def test_statements_of_the_standard_library_are_those_of_ast() -> None:
    rng = random.Random(3)
    paths = sorted(STDLIB.glob("*.py")) + sorted(STDLIB.glob("asyncio/*.py"))
    texts = [path.read_text(encoding="utf-8") for path in rng.sample(paths, 30)]
    texts = [t for t in texts if len(t) < 60_000]
    assert len(texts) > 20
    for text in texts:
        assert agree(text), text[:200]
        assert agree(text.replace("\n", "\r\n"))
        assert agree(text.replace("    ", "\t"))


@pytest.mark.slow
def test_statements_of_the_whole_standard_library_are_those_of_ast() -> None:
    count = 0
    for path in sorted(STDLIB.rglob("*.py")):
        if "site-packages" in path.parts or count == 600:
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        if len(text) < 50_000 and parsed(text) is not None:
            count += 1
            assert agree(text), path
    assert count > 300


def test_statements_of_random_snippets_are_those_of_ast() -> None:
    rng = random.Random(5)
    good = 0
    for _ in range(8000):
        text = "".join(rng.choices(FRAGMENTS, k=rng.randint(1, 9)))
        if parsed(text) is not None:
            good += 1
            assert agree(text), text
    assert good > 600


def test_what_is_finished_stays_so_however_the_text_is_cut() -> None:
    rng = random.Random(7)
    for _ in range(1000):
        text = "".join(rng.choices(FRAGMENTS, k=rng.randint(1, 12)))
        at_once, spans = read(ScannerState(), text)
        state, found = ScannerState(), []
        for char in text:
            state, new = read(state, char)
            assert all(span[1] <= state.at for span in new)
            found += new
        assert found == spans and state == at_once, text
        hash(state)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\ny = 2\n", ["x = 1\n", "y = 2\n"]),
        ("x = 1; y = 2;\n", ["x = 1;", " = 2;"]),
        ("x = [1,\n 2]\n", [",\n 2]\n"]),
        ("x = '''a\nb'''\n", ["\nb'''\n"]),
        ("x = 1 + \\\n  2\n", ["\\\n  2\n"]),
        ("# c\n\n  # d\nx\n", ["# d\nx\n"]),
        ("def f():\n  return\n\n# c\nx", ["\n# c\nx"]),
        ("def f(): pass\n", [" pass\n"]),
        ("if a:\n  b\nelse:\n  c\nd", ["\n  c\nd"]),
        ("if a:\n  b\nelsewhere", ["elsew"]),
        ("if a: b\nelif c: d\nelse: e\n", ["se: e\n"]),
        ("for a in b:\n  c\nelse:\n  d\nelse", ["  d\ne"]),
        ("try:\n  a\nexcept b:\n  c\nelse:\n  d\nfinally:\n  e\nf", ["\n  e\nf"]),
        ("@d\n\n@e\ndef f():\n  g\n(", ["\n  g\n("]),
        ("async def f():\n  g\nasync with h: i\n", ["\n  g\na", "h: i\n"]),
        ("match x:\n  case 1: y\nz", ["1: y\nz"]),
        ("match = 1\nmatch[x:y]\n", ["h = 1\n", "x:y]\n"]),
        ("x = 1\r\ny\r", ["x = 1\r", "1\r\ny\r"]),
        ("if a:\n\tb\n\tc\n\nd", ["\tc\n\nd"]),
        ("x = f'{a[\"b\"]:{c}}' 'd\\\n'\n", ["d\\\n'\n"]),
        ("x = )\ny\n", ["x = )", " = )\n", " )\ny\n"]),
        ("x = 'a\ny", ["= 'a\n"]),
    ],
)
def test_the_boundary_fires_once_nothing_can_change_the_statement(
    text: str, expected: list[str]
) -> None:
    assert [text_end[-5:] for text_end in fires_at(text)] == [e[-5:] for e in expected]


def test_the_text_may_go_on_from_the_beginning_of_a_program() -> None:
    assert fires_at("  x = 1\n  return x\ny", "def f():\n") == ["rn x\ny"[-6:]]
    assert fires_at(" 1\n", "x =") == [" 1\n"]


def test_taking_a_text_apart() -> None:
    assert split_statements("") == Statements((), "")
    assert split_statements("# only\n\n", whole=True) == Statements((), "")
    assert split_statements("x = (1,") == Statements((), "x = (1,")
    assert split_statements("x = (1,", whole=True) == Statements(("x = (1,",), "")
    assert split_statements("if a:\n  b\ne", whole=True).finished == ("if a:\n  b\n", "e")
    assert split_statements("if a:\n  b\n  # c\n\nd = 1").rest == "d = 1"
    assert split_statements("  x\ny\n").finished == ("  x\n", "y\n")
    assert split_statements("x = ]\ny\nz", whole=True) == Statements(("x = ]",), "")


def test_the_cost_is_linear_in_the_text() -> None:
    """Long texts of each thing that can be left open; quadratic work would take hours."""
    for unit in (
        "(",
        "f'{",
        "'",
        '"""',
        "a ",
        "if a:\n",
        " ",
        "\\\n",
        "f'''{a:{",
        "#",
        "[]",
        "@a\n",
    ):
        state, _ = read(ScannerState(), unit * (100_000 // len(unit)))
        assert len(state.nest.frames) <= 1001


def test_a_boundary_of_the_engine() -> None:
    assert isinstance(python_statements(), Boundary)
    assert python_statements() == python_statements("")
