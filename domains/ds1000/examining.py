"""The test of an answer, run where the program cannot reach it: see `sandbox.inside.examination`.

The harness, with the expected answer and the comparison, runs in a process that no object of the
program enters. What the program has come to crosses as plain data: arrays, tables, numbers; an
image that it drew as the bytes of its file, which are read as PNG and as nothing else. Files of the
test itself never lie where the program could change them.

Where the drawn image is not the expected one, tests of Matplotlib look at the figure itself, at its
labels, lines and limits. That is in the program's process and answers from there, so it is the
program's word; it is not told what is expected.
"""

from __future__ import annotations

from domains.ds1000.harness import Harness
from domains.ds1000.program import HarnessProgram

_SHOWS = """
def _pyplot(name, *args):
    from matplotlib import pyplot
    return getattr(pyplot, name)(*args)


def _is_a(value, module, name):
    from importlib import import_module
    return isinstance(value, getattr(import_module(module), name))


def _image():
    with open("output.png", "rb") as file:
        return file.read()
"""
"""What a program that draws answers questions with; it runs there, after the answer."""

_BEGIN = """
_harness = {{"__name__": "harness"}}
exec(compile({context!r}, "harness", "exec"), _harness)
"""
_BEGIN_DRAWING = """
import io as _io
import types as _types
from matplotlib.figure import Figure as _Figure
from PIL import Image as _Image

_drawn = {}


def _savefig(figure, file, *args, _save=_Figure.savefig, **kwargs):
    if type(file) is str:
        kwargs.setdefault("format", file.rpartition(".")[2])
        _drawn[file] = file = _io.BytesIO()
    return _save(figure, file, *args, **kwargs)


def _opened(name):
    data = _drawn[name].getvalue() if name in _drawn else _image()
    if type(data) is not bytes:
        raise TypeError("the program's image is no file")
    return _Image.open(_io.BytesIO(data), formats=["PNG"])


def _isinstance(value, kind):
    if type(value).__name__ != "Remote":
        return isinstance(value, kind)
    return _is_a(value, kind.__module__, kind.__name__) is True


_Figure.savefig = _savefig
_harness["Image"] = _types.SimpleNamespace(open=_opened)
_harness["isinstance"] = _isinstance
"""
_EXPECT = """
_, _expected = _harness["generate_test_case"]({case})
"""
_SEE_FIGURE = """
_harness["plt"] = _types.SimpleNamespace(
    gca=lambda: _pyplot("gca"),
    gcf=lambda: _pyplot("gcf"),
    show=lambda: None,
    savefig=lambda name: _pyplot("savefig", name),
)
"""
_COMPARE = """
assert _harness["exec_test"](result, _expected)
"""
_READ = """
_harness["test_string"]({text!r})
"""


def shown(program: HarnessProgram, harness: Harness) -> tuple[str, ...]:
    """Return the pieces of a whole program, with what it answers the test with."""
    return (*program.pieces, _SHOWS) if harness.plots else program.pieces


def test(harness: Harness, context: str, case: int, text: str) -> str:
    """Return the source of a test.

    Args:
        harness: Of the problem, in its parts.
        context: The same, whole.
        case: Number of the test input, from 1.
        text: The answer.
    """
    parts = [_BEGIN.format(context=context)]
    if harness.plots:
        parts = ["__import__('matplotlib').use('Agg')\n", *parts, _BEGIN_DRAWING]
    parts.append(_EXPECT.format(case=case))
    if harness.plots:
        parts.append(_SEE_FIGURE)
    parts.append(_COMPARE)
    if harness.tests_text:
        parts.append(_READ.format(text=text))
    return "".join(parts)
