"""Proxies, in a test's process, for the objects of the program that it tests."""

from __future__ import annotations

from typing import Any

from .calls import Side

_BOTH = "lt le gt ge add sub mul truediv floordiv mod matmul pow and_ or_ xor".split()


class Remote:
    """Stands for an object in another process.

    What the object answers is its word: its methods may be called, it may be iterated over, and
    two of its kind compared. With a value of the test's own it is never compared or combined, since
    that would show the value to it and let it judge: it equals none, and `x in it` compares here.
    """

    __slots__ = ("__number", "__side")

    def __init__(self, side: Side, number: Any) -> None:
        object.__setattr__(self, "_Remote__side", side)
        object.__setattr__(self, "_Remote__number", number)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - as any function
        return _ask(self, "call", *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in _SHOWN:
            raise AttributeError(name)
        return _ask(self, "getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "setattr", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "delattr", name)

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _ask(self, "setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        _ask(self, "delitem", key)

    def __iter__(self) -> Any:
        return _ask(self, "iter")

    def __next__(self) -> Any:
        return _ask(self, "next")

    def __len__(self) -> int:
        return _exactly(int, _ask(self, "len"))

    def __bool__(self) -> bool:
        return _exactly(bool, _ask(self, "bool"))

    def __int__(self) -> int:
        return _exactly(int, _ask(self, "int"))

    def __float__(self) -> float:
        return _exactly(float, _ask(self, "float"))

    def __index__(self) -> int:
        return _exactly(int, _ask(self, "index"))

    def __str__(self) -> str:
        return _exactly(str, _ask(self, "str"))

    def __repr__(self) -> str:
        return _exactly(str, _ask(self, "repr"))

    def __abs__(self) -> Any:
        return _ask(self, "abs")

    def __neg__(self) -> Any:
        return _ask(self, "neg")

    def __dir__(self) -> Any:
        return _exactly(list, _ask(self, "dir"))

    def __enter__(self) -> Any:
        return _ask(self, "enter")

    def __exit__(self, *_: object) -> None:
        _ask(self, "leave")

    def __instancecheck__(self, value: Any) -> bool:
        return type(value) is Remote and _exactly(bool, _ask(self, "isinstance", value))

    def __eq__(self, other: object) -> Any:
        if type(other) is not Remote:
            return NotImplemented
        return _exactly(bool, _ask(self, "eq", other))

    def __hash__(self) -> int:
        return hash(object.__getattribute__(self, "_Remote__number"))


_SHOWN = ("__name__", "__doc__", "__dict__", "__class__", "__wrapped__", "__annotations__")


def _ask(remote: Remote, operation: str, *args: Any, **kwargs: Any) -> Any:
    side = object.__getattribute__(remote, "_Remote__side")
    number = object.__getattribute__(remote, "_Remote__number")
    return side.request(operation, number, *args, **kwargs)


def _exactly(kind: Any, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"expected a {kind.__name__} of the program, got a {type(value).__name__}")
    return value


def _between(operation: str) -> Any:
    def method(self: Remote, other: Any) -> Any:
        return _ask(self, operation, other) if type(other) is Remote else NotImplemented

    return method


for _operation in _BOTH:
    setattr(Remote, f"__{_operation.strip('_')}__", _between(_operation))
