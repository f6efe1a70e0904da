"""The programs that a potential runs: a harness's own code around the statements of an answer.

A program is a tuple of pieces of source, run in order in one namespace; programs that begin alike
share their first pieces, and so what has been run of them.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from domains.ds1000.harness import Harness

UNFINISHED = "_Unfinished"
"""Name of what is raised where the statements end that are there so far."""


@dataclass(frozen=True)
class HarnessProgram:
    """Source to run.

    Attributes:
        pieces: In their order.
        given: How many of them come before the answer: those are the harness's own.
    """

    pieces: tuple[str, ...]
    given: int


def unfinished(harness: Harness, case: int, statements: Sequence[str]) -> HarnessProgram:
    """Return the program so far, on one of the test inputs.

    Where the answer is the body of a function, what stands of it is run by the harness's own call
    of the function, up to an exception `_Unfinished` after the last statement.

    Args:
        harness: Of the problem.
        case: Number of the test input, from 1.
        statements: Finished statements, as they stand in the text, line ends included.
    """
    given = _given(harness, case)
    if not harness.header or not statements:
        return HarnessProgram((*given, *statements), len(given))
    body = "".join(statements)
    ends = f"class {UNFINISHED}(BaseException): pass\n"
    return HarnessProgram((*given, ends, _so_far(harness, body)), len(given) + 1)


def whole(harness: Harness, case: int, statements: Sequence[str], answer: str) -> HarnessProgram:
    """Return the whole program, on one of the test inputs, up to its `result`.

    Args:
        harness: Of the problem.
        case: Number of the test input, from 1.
        statements: All statements of the answer, as they stand in the text.
        answer: The answer, of which `harness.kept` is left.
    """
    given = _given(harness, case)
    if harness.header:
        return HarnessProgram(
            (*given, f"{harness.header}{answer}{harness.after}\nresult\n"), len(given)
        )
    text = f"{harness.before}{answer}{harness.after}"
    # Statement by statement, more is allowed than in one module: `x = 1; global x`, say.
    last = f"compile({text!r}, 'answer', 'exec')\n{harness.after}\nresult\n"
    return HarnessProgram((*given, *statements, last), len(given))


def _given(harness: Harness, case: int) -> tuple[str, ...]:
    pieces: list[str] = []
    if harness.plots:
        pieces.append("__import__('matplotlib').use('Agg')\n")
    if harness.inputs:
        # In a namespace of its own: an answer that needs an import of the inputs' has to make it.
        pieces.append(
            "_inputs = {'__name__': 'inputs'}\n"
            f"exec(compile({harness.inputs!r}, 'inputs', 'exec'), _inputs)\n"
        )
        pieces.append(f"test_input = _inputs['define_test_input']({case})\ndel _inputs\n")
    else:
        pieces.append("test_input = None\n")
    if harness.before.strip():
        pieces.append(harness.before)
    return tuple(pieces)


def _so_far(harness: Harness, body: str) -> str:
    """Return the function with what there is of its body, and the end of that."""
    start = f"{harness.header}{body.rstrip()}\n"
    try:
        tops = ast.parse(start).body
        function = tops[0]
        first = function.body[0] if isinstance(function, ast.FunctionDef) else None
    except (SyntaxError, ValueError, RecursionError, MemoryError, IndexError):
        return start  # an error, which running it shows
    if len(tops) > 1 or first is None:  # the answer went on after its function
        return f"{start}raise {UNFINISHED}\n"
    line = start.splitlines()[first.lineno - 1]
    indent = line[: len(line) - len(line.lstrip())]
    return f"{start}{indent}raise {UNFINISHED}\n{harness.after}"
