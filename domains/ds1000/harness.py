"""A test harness of DS-1000 in its parts: what gives the inputs, what runs, what knows the answer.

A harness is a module with `generate_test_case`, `exec_test`, the string `exec_context` with
`[insert]` where the answer goes, and `test_execution`. Of these only the inputs and `exec_context`
are taken: `generate_test_case` works out the expected answers, so of it no more is kept than the
function `define_test_input` inside.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

INSERT = "[insert]"
_DROPPED = ("plt.show()", "plt.clf()", "plt.close()", "savefig")
"""Lines of an answer with one of these are left out where the harness says so (Matplotlib)."""


@dataclass(frozen=True)
class Harness:
    """A harness without what knows the expected answers.

    Attributes:
        inputs: A module that defines `define_test_input(test_case_id)`; "" where there is no input.
        before: What runs before the answer, as a module. It may use `test_input`.
        header: The `def …:` whose body is the answer; "" where the answer stands by itself.
        after: What runs after the answer; it sets `result`.
        cases: Number of test inputs, which are numbered from 1.
        drops: Lines of an answer that hold one of these are left out.
        plots: Whether it draws, and so needs a backend without windows.
        downloads: Name of what in it fetches data from the internet; "" if nothing does.
        tests_text: Whether the text of the answer is tested too (`test_string`).
    """

    inputs: str
    before: str
    header: str
    after: str
    cases: int
    drops: tuple[str, ...]
    plots: bool
    downloads: str
    tests_text: bool

    def kept(self, answer: str) -> str:
        """Return an answer without the lines that the harness leaves out."""
        if not self.drops:
            return answer
        lines = answer.split("\n")
        return "\n".join(line for line in lines if not any(d in line for d in self.drops))


@lru_cache(maxsize=2048)
def parse_harness(context: str) -> Harness:
    """Return the parts of a harness.

    Args:
        context: `code_context` of a problem.

    Raises:
        ValueError: It is not built as those of DS-1000 are.
    """
    try:
        module = ast.parse(context)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f"ds1000: the harness is not Python ({error}).") from error
    functions = {n.name: n for n in module.body if isinstance(n, ast.FunctionDef)}
    missing = [n for n in ("generate_test_case", "test_execution") if n not in functions]
    if missing:
        raise ValueError(f"ds1000: the harness has no function {' and no '.join(missing)}.")
    before, header, after = _around(_exec_context(module))
    return Harness(
        inputs=_inputs(module, functions["generate_test_case"]),
        before=before,
        header=header,
        after=after,
        cases=_cases(functions["test_execution"]),
        drops=_DROPPED if "skip_plt_cmds" in functions else (),
        plots="matplotlib" in context or "seaborn" in context,
        downloads=_downloads(context),
        tests_text="test_string" in functions,
    )


def _exec_context(module: ast.Module) -> str:
    for node in module.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "exec_context":
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                if value.value.count(INSERT) == 1:
                    return value.value
                raise ValueError(
                    f"ds1000: exec_context has {value.value.count(INSERT)} {INSERT}; expected one."
                )
    raise ValueError("ds1000: the harness has no string exec_context.")


def _around(exec_context: str) -> tuple[str, str, str]:
    """Return what stands before and after the answer, and the header of its function if any."""
    before, after = exec_context.split(INSERT)
    try:
        ast.parse(before)
        return before, "", after
    except SyntaxError:
        pass
    try:
        last = ast.parse(f"{before}    pass\n").body[-1]
    except (SyntaxError, IndexError) as error:
        raise ValueError(f"ds1000: exec_context is not Python ({error}).") from error
    lines = before.splitlines(keepends=True)
    first = last.lineno - 1
    return "".join(lines[:first]), "".join(lines[first:]), after


def _inputs(module: ast.Module, generate: ast.FunctionDef) -> str:
    """Return the imports of the harness and `define_test_input`, and nothing of the answers."""
    define = next(
        (
            n
            for n in generate.body
            if isinstance(n, ast.FunctionDef) and n.name == "define_test_input"
        ),
        None,
    )
    if define is not None:
        imports = [n for n in module.body if isinstance(n, ast.Import | ast.ImportFrom)]
        return "\n".join(ast.unparse(n) for n in (*imports, define))
    returned = generate.body[-1]
    value = returned.value if isinstance(returned, ast.Return) else None
    if isinstance(value, ast.Tuple) and ast.unparse(value.elts[0]) == "None":
        return ""
    raise ValueError(
        "ds1000: generate_test_case has no define_test_input, and gives an input; expected the "
        "function, since the rest of generate_test_case works out the expected answer."
    )


def _cases(test: ast.FunctionDef) -> int:
    for node in ast.walk(test):
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Call):
            call = node.iter
            if ast.unparse(call.func) == "range" and len(call.args) == 1:
                count = ast.literal_eval(call.args[0])
                if isinstance(count, int) and count > 0:
                    return count
    raise ValueError("ds1000: test_execution has no `for … in range(number of test cases)`.")


def _downloads(context: str) -> str:
    call = re.search(r"\b(load_dataset|fetch_\w+)\(", context)
    return call[1] if call else ""
