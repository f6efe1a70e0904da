"""CPython's compiler as a test of a piece of program, which is not run.

Hostile text is compiled in this process: CPython bounds the nesting that it follows and fails with
an exception beyond, and its work is linear in the text, whose length is bounded here.
"""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

MAX_SIZE = 1_000_000
"""Characters of a program; CPython needs about a second and 200 MB for the worst of them."""

_ALLOW_INCOMPLETE = 0x4000  # as the standard module codeop uses it
_INCOMPLETE = "incomplete input"
_lock = threading.Lock()


def compiles(source: str) -> bool:
    """Whether a module compiles, without a warning being heard."""
    return _error(source, 0) is None


def may_go_on(tokens: str) -> bool:
    """Whether some text might follow the beginning of a module.

    What follows the parser meets as the end of the input inside of a joined line. If it fails
    before it gets there, it fails whatever comes.

    Args:
        tokens: The beginning of a module, cut off after a whole token.
    """
    if not _tells_incomplete():
        return True
    error = _error(tokens + " \\\n", ast.PyCF_ONLY_AST | _ALLOW_INCOMPLETE)
    return not isinstance(error, SyntaxError) or error.msg == _INCOMPLETE


@contextmanager
def quiet() -> Iterator[None]:
    """Let the compiler's warnings go unheard."""
    # The filters are the whole process's; only one thread at a time may change and restore them.
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _error(source: str, flags: int) -> Exception | None:
    if len(source) > MAX_SIZE:
        return ValueError("too long")
    with quiet():
        try:
            compile(source, "<text>", "exec", flags, dont_inherit=True)
        except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
            return error
    return None


@lru_cache(maxsize=1)
def _tells_incomplete() -> bool:
    """Whether this interpreter tells what is unfinished from what is wrong."""
    flags = ast.PyCF_ONLY_AST | _ALLOW_INCOMPLETE
    begun, wrong = _error("if a and \\\n", flags), _error("if a and ) \\\n", flags)
    return (
        isinstance(begun, SyntaxError)
        and begun.msg == _INCOMPLETE
        and isinstance(wrong, SyntaxError)
        and wrong.msg != _INCOMPLETE
    )
