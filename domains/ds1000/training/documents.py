"""Training texts: a program begun, and how it goes on, in the layout that the task has.

A code block, then the name that the answer is to give, then the answer between the task's marks;
or the body of a function. The words are this package's own.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

import numpy as np

from domains.ds1000.training.examples import Example
from domains.ds1000.training.renaming import renamed

LONGEST = 2000
"""Characters of a text."""
_ANSWERS = ("result", "result", "result", "df", "out", "ans", "new", "b")
_HINTS = ("the answer", "to be filled in", "your code gives this", "what is asked for")
_ACTS = frozenset({"seed", "fit", "append", "add", "update", "sort", "set_printoptions", "plot"})
_IMPORTS = {"np": "import numpy as np", "pd": "import pandas as pd"}


def document(example: Example, rng: np.random.Generator) -> str | None:
    """Return a text made of one example: context, and an answer of one to three statements.

    Args:
        example: Statements of a docstring.
        rng: Draws the cut, the names and the layout.

    Returns:
        The text with the mark at its end, or None if the example gives nothing to answer.
    """
    statements, assigned = renamed(_without_displays(example), rng)
    targets = [i for i, s in enumerate(statements) if _value(s) is not None]
    if not targets:
        return None
    last = targets[int(rng.integers(len(targets)))]
    first = max(0, last - int(rng.choice(3, p=(0.7, 0.2, 0.1))))
    context = [s for s in statements[:first] if not isinstance(s, ast.Expr) or _acts(s)]
    free = [n for n in _ANSWERS if n not in assigned]
    name = free[int(rng.integers(len(free)))]
    answer = [*statements[first:last], _assigned(statements[last], name)]
    answer = [s for s in answer if not isinstance(s, ast.Import | ast.ImportFrom)]
    imports = _imports([*context, *statements[first : last + 1]], rng)
    code = "\n".join([*imports, *map(ast.unparse, context)])
    given = _names(context, ast.Store)
    taken = [n for n in assigned if n in given and n in _names(answer, ast.Load)]
    text = _laid_out(code, [ast.unparse(s) for s in answer], name, taken, rng)
    return text if len(text) <= LONGEST else None


def _laid_out(
    code: str, answer: Sequence[str], name: str, taken: Sequence[str], rng: np.random.Generator
) -> str:
    shape = rng.random()
    joined = "\n".join(answer)
    if shape < 0.7:
        hint = _HINTS[int(rng.integers(len(_HINTS)))]
        return (
            f"A:\n<code>\n{code}\n</code>\n{name} = ... # {hint}\nBEGIN SOLUTION\n<code>\n"
            f"{joined}\n</code>"
        )
    if shape < 0.85:
        body = joined.replace("\n", "\n    ")
        return (
            f"A:\n<code>\n{code}\ndef f({', '.join(taken)}):\n    # {name} = f({', '.join(taken)})"
            f"\n    ### BEGIN SOLUTION\n    {body}\n\n    return {name}\n</code>"
        )
    return f"{code}\n\n# SOLUTION START\n{joined}\n# SOLUTION END"


def _without_displays(example: Example) -> list[ast.stmt]:
    """Leave out what only shows a value that has a name already."""
    return [s for s in example if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Name))]


def _value(statement: ast.stmt) -> ast.expr | None:
    """Return what a statement computes, if it is something to ask for."""
    if isinstance(statement, ast.Expr):
        value = statement.value
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "print":
            return value.args[0] if len(value.args) == 1 else None
        return None if isinstance(value, ast.Constant) or _acts(statement) else value
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return None if isinstance(statement.value, ast.Constant) else statement.value
    return None


def _assigned(statement: ast.stmt, name: str) -> ast.stmt:
    value = _value(statement)
    assert value is not None, "only statements with a value are chosen"
    target = ast.Name(name, ast.Store())
    return ast.fix_missing_locations(ast.Assign([target], value, lineno=1))


def _acts(statement: ast.stmt) -> bool:
    """Whether an expression statement is there for what it does."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return False
    call = statement.value
    called = ast.unparse(call.func).rpartition(".")[2]
    return called in _ACTS or any(k.arg == "inplace" for k in call.keywords)


def _names(statements: Sequence[ast.stmt], context: type[ast.expr_context]) -> set[str]:
    nodes = (n for s in statements for n in ast.walk(s))
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def _imports(statements: Sequence[ast.stmt], rng: np.random.Generator) -> list[str]:
    """Return the imports that the packages' examples take for granted."""
    nodes = [n for s in statements for n in ast.walk(s)]
    used = _names(statements, ast.Load)
    made = {a.asname or a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    return [
        line
        for name, line in _IMPORTS.items()
        if name not in made and (name in used or rng.random() < 0.5)
    ]
