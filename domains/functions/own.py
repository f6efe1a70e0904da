"""The problems written for this package: Python files that are read, and never imported.

A file `level_N_….py` holds functions. A function's head and docstring are the prompt of a problem,
what follows them its reference, and the statements of `_hidden_NAME` its hidden tests.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from itertools import zip_longest
from pathlib import Path

from domains.functions.problem import FunctionProblem, examples_of

TASKS = Path(__file__).parent / "tasks"

_HIDDEN = "_hidden_"
_QUESTION = "Complete this function."


@cache
def own_problems() -> tuple[FunctionProblem, ...]:
    """Return the problems, the levels taking turns."""
    levels: dict[str, list[FunctionProblem]] = {}
    for file in sorted(TASKS.glob("level_*.py")):
        level = file.stem.split("_")[1]
        levels.setdefault(level, []).extend(_problems(file.read_text("utf-8"), int(level)))
    turns = zip_longest(*levels.values())
    return tuple(problem for turn in turns for problem in turn if problem is not None)


def _problems(source: str, level: int) -> Iterator[FunctionProblem]:
    functions = {n.name: n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    lines = source.splitlines(keepends=True)
    for name, function in functions.items():
        if name.startswith(_HIDDEN):
            continue
        docstring = function.body[0].end_lineno
        prompt = "".join(lines[function.lineno - 1 : docstring])
        tests = functions[_HIDDEN + name].body
        yield FunctionProblem(
            id=f"functions-{level}-{name}",
            name=name,
            question=_QUESTION,
            prompt=prompt,
            solution="".join(lines[docstring : function.end_lineno]),
            examples=examples_of(prompt, name),
            hidden=tuple(ast.get_source_segment(source, test) or "" for test in tests),
            level=level,
        )
