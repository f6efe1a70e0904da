"""Programming problems in the files of others: JSON lines like HumanEval's, and like MBPP's.

HumanEval: Chen et al. 2021 (arXiv:2107.03374). MBPP: Austin et al. 2021 (arXiv:2108.07732).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, get_args

from domains.functions.problem import FunctionProblem, examples_of, tree_of
from smc.checked_json import Field, JSONContentError
from smc.strategies.programs import PublicTest

Format = Literal["humaneval", "mbpp"]
FORMATS: tuple[Format, ...] = get_args(Format)
FILES = {"humaneval": "HumanEval.jsonl", "mbpp": "mbpp.jsonl"}
"""In a folder of the format's name under the root of the data sets."""

FIELDS = {
    "humaneval": "task_id, prompt, entry_point, canonical_solution, test",
    "mbpp": "task_id, text, code, test_list",
}


def load(format_: Format, data: Path | None) -> tuple[FunctionProblem, ...]:
    """Return the problems of a file, in its order.

    `humaneval`: the prompt is the record's, its doctests are the examples, and `test` defines
    `check`, which is called on the function. `mbpp`: the prompt is a docstring with the text and
    the first test, which is the example where it compares a call with a value written out; all
    tests judge.

    Args:
        format_: Which.
        data: The file, or the root of the data sets, or the data set's folder.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is no such format, or the file is not of it.
    """
    if format_ not in FORMATS:
        raise ValueError(f"functions: format {format_!r}; expected one of {', '.join(FORMATS)}.")
    file = _find(format_, data)
    read = _humaneval if format_ == "humaneval" else _mbpp
    problems = tuple(_record(line, n, file, format_, read) for n, line in _lines(file))
    if not problems:
        raise ValueError(
            f"functions: {file} holds no problems; expected one JSON object a line, with "
            f"{FIELDS[format_]}. Is it the whole file?"
        )
    return problems


def _find(format_: Format, data: Path | None) -> Path:
    name = FILES[format_]
    places = [] if data is None else [data, data / format_ / name, data / name]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        where = "was named" if data is None else f"at {data}"
        raise FileNotFoundError(
            f"functions: no file of {format_} {where}; expected {format_}/{name} under the root of "
            "the data sets, or the path of a file. Give --data, or set SMC_DATA."
        )
    return file


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"functions: {file} is not text ({error}); expected JSON lines. Is it packed?"
        ) from error
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _record(
    line: str, number: int, file: Path, format_: Format, read: Callable[[Field], FunctionProblem]
) -> FunctionProblem:
    try:
        return read(Field(json.loads(line)))
    except (json.JSONDecodeError, JSONContentError) as error:
        raise ValueError(
            f"functions: {file}, line {number}: {error}. Expected a JSON object with "
            f"{FIELDS[format_]}. Is it a file like {format_}'s?"
        ) from error


def _humaneval(record: Field) -> FunctionProblem:
    prompt, name = _code(record, "prompt"), record.member("entry_point").text()
    solution = record.member("canonical_solution").text().replace("\r\n", "\n")
    test = _code(record, "test")
    _parsed(prompt + solution, "canonical_solution after prompt")
    if name not in _defined(prompt):
        raise JSONContentError(f"entry_point: got {name!r}, which the prompt does not define")
    if "check" not in _defined(test):
        raise JSONContentError("test: got no function `check`, expected one")
    return FunctionProblem(
        id=f"humaneval-{_task_id(record)}",
        name=name,
        question="Complete this function.",
        prompt=prompt,
        solution=solution,
        examples=examples_of(prompt, name),
        hidden=(test, f"check({name})"),
    )


def _mbpp(record: Field) -> FunctionProblem:
    text, code = record.member("text").text(), _code(record, "code")
    listed = record.member("test_list").items()
    tests = tuple(_parsed(test.text(), test.place) for test in listed)
    if not tests:
        raise JSONContentError("test_list: got an empty list, expected at least one assert")
    called = _called(tests[0]) & _defined(code)
    if not called:
        raise JSONContentError(
            f"test_list[0]: got {tests[0][:80]!r}, which calls no function of `code`"
        )
    setup = record.member("test_setup_code", "").text()
    return FunctionProblem(
        id=f"mbpp-{_task_id(record)}",
        name=min(called),
        question=f"{text.strip()} It must pass this test:\n\n{tests[0]}",
        prompt=_as_docstring(f"{text.strip()}\n{tests[0]}"),
        solution=code,
        examples=_example(tests[0]),
        hidden=tests,
        setup=setup.replace("\r\n", "\n"),
    )


def _task_id(record: Field) -> str:
    """Return the number or name of a problem: HumanEval/7 is 7."""
    value = record.member("task_id")
    if isinstance(value.value, str):
        return value.text().rpartition("/")[2]
    return str(value.integer())


def _code(record: Field, name: str) -> str:
    return _parsed(record.member(name).text(), name)


def _parsed(source: str, place: str) -> str:
    """Return Python as it is, but for the ends of its lines."""
    source = source.replace("\r\n", "\n")
    try:
        tree_of(source)
    except (SyntaxError, ValueError) as error:
        raise JSONContentError(
            f"{place}: got {source[:80]!r}, expected Python ({error})"
        ) from error
    return source


def _defined(source: str) -> set[str]:
    """Return the names of the functions and classes at a program's top level."""
    return {
        node.name
        for node in tree_of(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


def _called(source: str) -> set[str]:
    calls = (n.func for n in ast.walk(tree_of(source)) if isinstance(n, ast.Call))
    return {function.id for function in calls if isinstance(function, ast.Name)}


def _as_docstring(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""\n{escaped}\n"""\n'


def _example(test: str) -> tuple[PublicTest, ...]:
    """Return an assert as a call and its value; none where it is not of that form."""
    match tree_of(test).body:
        case [ast.Assert(test=ast.Compare(left=call, ops=[ast.Eq()], comparators=[value]))]:
            try:
                return (PublicTest(ast.unparse(call), repr(ast.literal_eval(value))),)
            except ValueError:
                return ()
    return ()
