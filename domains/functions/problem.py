"""A programming problem: the beginning of a program, examples to see, tests that judge."""

from __future__ import annotations

import ast
import doctest
import re
from dataclasses import dataclass

from potentials.python.compiling import quiet
from smc.strategies.programs import PublicTest, code_of


@dataclass(frozen=True)
class FunctionProblem:
    """A function to be written.

    Attributes:
        id: Unique in its data set.
        name: Of the function.
        question: What is asked, in words.
        prompt: The beginning of the program; Python by itself.
        solution: The reference, in the form of an answer: what follows the prompt.
        examples: Calls and the `repr` of what they return, which the solver may see.
        hidden: Sources that must run after the program, which the solver does not see.
        setup: Source before program and tests.
        level: 1, easy, to 5; None: it has none.
    """

    id: str
    name: str
    question: str
    prompt: str
    solution: str
    examples: tuple[PublicTest, ...]
    hidden: tuple[str, ...]
    setup: str = ""
    level: int | None = None

    @property
    def asserts(self) -> tuple[str, ...]:
        """The examples as asserts."""
        return tuple(f"assert ({test.input}) == ({test.output})" for test in self.examples)

    def program(self, text: str) -> str:
        r"""Return the whole program of an answer.

        That is the last fenced block in it, or all of it. One that holds the function from its
        head on follows what stands before the head in the prompt; any other follows the prompt.

        Example:
            >>> inc = FunctionProblem("1", "inc", "", "def inc(n):\n", "", (), ())
            >>> inc.program("    return n + 1") == inc.program("def inc(n):\n    return n + 1")
            True
        """
        code, head = code_of(text), re.compile(rf"^(?:async +)?def +{self.name}\b", re.MULTILINE)
        if not head.search(code):
            return self.prompt + code
        found = head.search(self.prompt)
        return (self.prompt[: found.start()] if found else "") + code


def examples_of(prompt: str, name: str) -> tuple[PublicTest, ...]:
    """Return the examples in a function's docstring that are calls and values written out.

    What prints, raises, or is shown without `>>>` is left out.

    Args:
        prompt: Python up to the end of the docstring, or beyond.
        name: Of the function.
    """
    functions = (n for n in tree_of(prompt).body if isinstance(n, ast.FunctionDef))
    docstring = next((ast.get_docstring(f) for f in functions if f.name == name), None)
    try:
        found = doctest.DocTestParser().get_examples(docstring or "")
    except ValueError:  # what looks like a doctest and is none
        return ()
    tests = (_public_test(e.source.strip(), e.want.strip()) for e in found)
    return tuple(test for test in tests if test is not None)


def tree_of(source: str) -> ast.Module:
    """Return a program's syntax tree, without a warning being heard.

    Raises:
        SyntaxError: It is no Python.
        ValueError: Nor is it text that Python reads.
    """
    with quiet():
        return ast.parse(source)


def _public_test(source: str, want: str) -> PublicTest | None:
    try:
        (statement,), value = tree_of(source).body, ast.literal_eval(want)
    except (ValueError, SyntaxError):
        return None
    if not isinstance(statement, ast.Expr):
        return None
    call = statement.value
    prints = isinstance(call, ast.Call) and ast.unparse(call.func) == "print"
    return None if prints else PublicTest(source, repr(value))
