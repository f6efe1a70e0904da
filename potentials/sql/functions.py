"""String functions of SQLite, replaced by ones that keep to a time limit.

SQLite's own compare every place of one string with all of the other, in one step that no time limit
can interrupt: half a minute for two strings of half a megabyte. And between the expressions of one
row it never asks whether it is late. These are linear in their arguments, and each call asks.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

Value = str | bytes | int | float | None


_FEW = 64
"""So many different characters are stripped faster by Python's own method than by a set."""


_NUMBERS = re.compile("[0-9]+")
_NUMERALS = re.compile(r"[0-9]+(?:[eE][0-9]+)?")


class LateError(Exception):
    """The time is over."""


def install(connection: sqlite3.Connection, max_bytes: int, late: Callable[[], bool]) -> None:
    """Replace `trim`, `ltrim` and `rtrim` of two arguments, `replace`, `instr` and `printf`.

    Args:
        connection: Of a database in UTF-8.
        max_bytes: Of the text that `replace` may give.
        late: Whether the time is over; every call asks.
    """
    functions: list[tuple[str, int, Callable[..., Value]]] = [
        ("trim", 2, partial(strip, left=True, right=True)),
        ("ltrim", 2, partial(strip, left=True, right=False)),
        ("rtrim", 2, partial(strip, left=False, right=True)),
        ("replace", 3, partial(replace, max_bytes=max_bytes)),
        ("instr", 2, instr),
    ]
    builtin = sqlite3.connect(":memory:", check_same_thread=False)
    functions += [
        (name, -1, partial(formatted, builtin, max_bytes=max_bytes))
        for name in ("printf", "format")
    ]
    for name, arguments, function in functions:
        connection.create_function(
            name, arguments, partial(_in_time, late, function), deterministic=True
        )


def _in_time(late: Callable[[], bool], function: Callable[..., Value], *values: Any) -> Value:
    if late():
        raise LateError
    return function(*values)


def strip(value: Value, chars: Value, *, left: bool, right: bool) -> str | None:
    """Remove characters from the ends of a text."""
    if value is None or chars is None:
        return None
    text, unwanted = _text(value), set(_text(chars))
    if not unwanted:
        return text  # Python's own would take white space away
    if len(unwanted) <= _FEW:
        few = "".join(unwanted)
        text = text.lstrip(few) if left else text
        return text.rstrip(few) if right else text
    begin, end = 0, len(text)
    while left and begin < end and text[begin] in unwanted:
        begin += 1
    while right and end > begin and text[end - 1] in unwanted:
        end -= 1
    return text[begin:end]


def replace(value: Value, old: Value, new: Value, *, max_bytes: int) -> Value:
    """Replace a text everywhere; an empty one is nowhere, and a number stays a number.

    Raises:
        OverflowError: The result is too long.
    """
    if value is None or old is None or new is None:
        return None
    text, gone, instead = _text(value), _text(old), _text(new)
    if not gone:
        return text if isinstance(value, bytes) else value
    if len(text) + text.count(gone) * (len(instead) - len(gone)) > max_bytes:
        raise OverflowError("string or blob too big")
    return text.replace(gone, instead)


def instr(value: Value, part: Value) -> int | None:
    """Return the place of a part, from 1, in characters (two blobs: in bytes); 0 if absent."""
    if value is None or part is None:
        return None
    if isinstance(value, bytes) and isinstance(part, bytes):
        return value.find(part) + 1
    return _text(value).find(_text(part)) + 1


def formatted(builtin: sqlite3.Connection, *values: Value, max_bytes: int) -> Value:
    """Return what SQLite's own `printf` does, if no width or precision is beyond the limit.

    `printf('%.*c', 1000000000, 'x')` would otherwise run for half a minute, to be refused then.

    Raises:
        OverflowError: The result would be too long.
    """
    if not values:
        return None
    pattern = _text(values[0]) if values[0] is not None else ""
    given = max(map(_largest, values[1:]), default=0.0) if "*" in pattern else 0.0
    size = sum(int(n) for n in _NUMBERS.findall(pattern)) + pattern.count("*") * given
    if not size <= max_bytes:
        raise OverflowError("string or blob too big")
    marks = ", ".join("?" * len(values))
    (result,) = builtin.execute(f"SELECT printf({marks})", values).fetchone()
    return result


def _largest(value: Value) -> float:
    """Return a bound of the size of any integer that SQLite could read in a value."""
    if isinstance(value, int | float):
        return abs(value)
    numbers = _NUMERALS.findall(_text(value)) if value is not None else []
    return max((float(n) for n in numbers), default=0.0)


def _text(value: Value) -> str:
    """Return a value as SQLite casts it to text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "ignore")
    if not isinstance(value, float):
        return str(value)
    if abs(value) == math.inf:
        return "Inf" if value > 0 else "-Inf"
    digits, e, exponent = format(value or 0.0, ".15g").partition("e")
    return digits + ("" if "." in digits else ".0") + e + exponent
