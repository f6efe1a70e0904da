"""Examination: a test in one process calls the functions of a program in another.

The program's process answers calls; the test's process runs the test, in which the names that the
program defines are there by proxy. Values cross as plain data (`plain_data`), and all comparisons
of the test are made in its own process, which no object of the program ever enters: what the test
expects is not shown to the program, and an object that says it equals everything equals nothing.

What is left to a program is to answer. It is told what its functions are called with, as functions
are; that an object of its own is asked for a judgement (its `==` to another of its own, a method
that returns a verdict) is a matter of the test, and yields the program's word.
"""

from __future__ import annotations

import builtins
import io
import signal
import socket
import sys
import types
from collections.abc import Callable
from typing import Any

from .calls import CALLBACKS, OPERATIONS, Side
from .remote import Remote

_OWN = "__main__"


class Callback:
    """Stands, in a program's process, for a function or an iterator of the test."""

    def __init__(self, side: Side, number: Any) -> None:
        self._side, self._number = side, number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - as any function
        return self._side.request("call", self._number, *args, **kwargs)

    def __iter__(self) -> Any:
        return self._side.request("iter", self._number)

    def __next__(self) -> Any:
        return self._side.request("next", self._number)


class _Names(dict):  # pyright: ignore[reportMissingTypeArgument]
    """The namespace of a test: its own names, those built in, and then the program's."""

    def __init__(self, own: dict[str, Any], side: Side) -> None:
        super().__init__(own)
        self._side = side

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        found, value = self._side.request("look_up", name)
        if found is not True:
            raise KeyError(name)
        return value


def names(fd: int, namespace: dict[str, Any]) -> dict[str, Any]:
    """Return the namespace in which a test runs, with the program's names behind its own.

    Args:
        fd: Of the socket to the program's process.
        namespace: What the test's setup has defined. The program's functions and classes are put
            into it too, so that functions of the setup find them.
    """
    # A program may send signals to its like; this one would be an exception here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    side = Side(
        socket.socket(fileno=fd),
        operations={name: OPERATIONS[name] for name in CALLBACKS},
        given=lambda value: callable(value) or hasattr(value, "__next__"),
        proxy=lambda number: Remote(side, number),
        printed=lambda: "",
        show=lambda text: sys.stdout.write(text),
    )
    side.classes = _classes(namespace)
    functions = side.request("names", "", list(side.classes))
    for name, value in functions.items():
        if type(name) is str and name not in namespace and not hasattr(builtins, name):
            namespace[name] = value
    return _Names(namespace, side)


def serve(fd: int, namespace: dict[str, Any]) -> None:
    """Answer a test's calls until it ends, in the program's process."""
    printed = io.StringIO()
    if type(sys.stdout) is io.TextIOWrapper:
        sys.stdout.flush()
        sys.stdout = printed

    def take_printed() -> str:
        text = printed.getvalue()
        printed.seek(0)
        printed.truncate()
        return text

    def start(_: Any, shared: list[str]) -> dict[str, Any]:
        classes = _classes(namespace)
        side.classes = {name: classes[name] for name in shared if name in classes}
        return {n: v for n, v in list(namespace.items()) if type(n) is str and callable(v)}

    asked: dict[str, Callable[..., Any]] = {
        "names": start,
        "look_up": lambda name: (name in namespace, namespace.get(name)),
    }
    side = Side(
        socket.socket(fileno=fd),
        operations={**OPERATIONS, **asked},
        given=lambda value: not isinstance(value, types.ModuleType),
        proxy=lambda number: Callback(side, number),
        printed=take_printed,
        show=lambda text: None,
    )
    side.serve()


def _classes(namespace: dict[str, Any]) -> dict[str, type]:
    """Return the classes that a namespace defines itself, by name, but for exceptions."""
    return {
        name: value
        for name, value in list(namespace.items())
        if isinstance(value, type)
        and value.__module__ == _OWN
        and value.__name__ == name
        and not issubclass(value, BaseException)
    }
