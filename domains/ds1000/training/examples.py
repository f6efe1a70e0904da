"""Code to learn from: the examples in the docstrings of installed packages.

They come with the packages of the task's environment (NumPy, pandas, SciPy and scikit-learn under
the BSD licence, Matplotlib under its own, which is modelled on Python's).
"""

from __future__ import annotations

import ast
import doctest
import warnings
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("numpy", "pandas", "scipy", "sklearn", "matplotlib")

Example = tuple[ast.stmt, ...]
"""The statements of the examples in one docstring, in their order."""


def examples(site: Path) -> list[Example]:
    """Return the examples of all docstrings of the packages, each text once.

    Args:
        site: Folder of the installed packages, `…/site-packages`.

    Raises:
        FileNotFoundError: None of the packages is there.
    """
    examples: dict[str, Example] = {}
    for file in _files(site):
        for docstring in _docstrings(file):
            statements = _statements(docstring)
            if statements:
                examples.setdefault("\n".join(map(ast.unparse, statements)), statements)
    return list(examples.values())


def _files(site: Path) -> list[Path]:
    files = [f for package in PACKAGES for f in sorted((site / package).rglob("*.py"))]
    files = [f for f in files if "tests" not in f.parts]
    if not files:
        raise FileNotFoundError(
            f"ds1000 training: none of {', '.join(PACKAGES)} in {site}; expected the site-packages "
            "of the environment. Make it: make ds1000-env"
        )
    return files


def _docstrings(file: Path) -> Iterator[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    for node in ast.walk(_parsed(file.read_text(encoding="utf-8", errors="replace"))):
        if isinstance(node, kinds):
            docstring = ast.get_docstring(node)
            if docstring and ">>>" in docstring:
                yield docstring


def _statements(docstring: str) -> Example:
    """Return the statements of the examples; those that are no Python are left out."""
    try:
        parts = doctest.DocTestParser().get_examples(docstring)
    except ValueError:  # an inconsistent indentation, say
        return ()
    # What is shown to raise is no example of a program that runs.
    sources = [part.source for part in parts if part.exc_msg is None]
    return tuple(node for source in sources for node in _parsed(source).body)


def _parsed(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):
            return ast.Module([], [])
