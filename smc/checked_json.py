"""Checked reading of JSON: every value with its type, its range, and the place where it stands.

A file that others wrote is read leaf by leaf, so that a text in a number's place is an error here
and not a surprise wherever the number is used.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import numpy as np

T = TypeVar("T")

_DEEPEST = 8
_ABSENT = object()


class JSONContentError(ValueError):
    """A value of a JSON document that is not what stands there; the message names the place."""


@dataclass(frozen=True)
class Field:
    """A value of a document that is still to be checked.

    Attributes:
        value: As `json.loads` made it.
        place: Where it stands, for messages: `history[3].ess`; empty for the whole document.
    """

    value: Any
    place: str = ""

    def member(self, name: str, default: Any = _ABSENT) -> Field:
        """Return a member of an object; the default, if there is one, where it is not there."""
        value = self.members().get(name)
        if value is not None:
            return value
        if default is _ABSENT:
            self._refuse(f"an object with {name!r}")
        return Field(default, self._inner(name))

    def members(self) -> dict[str, Field]:
        """Return the members of an object."""
        if not isinstance(self.value, dict):
            self._refuse("an object")
        return {k: Field(v, self._inner(k)) for k, v in self.value.items()}

    def items(self, length: int | None = None) -> list[Field]:
        """Return the items of a list, of this length if one is given."""
        if not isinstance(self.value, list):
            self._refuse("a list")
        if length is not None and len(self.value) != length:
            self._refuse(f"a list of {length}", f"one of {len(self.value)}")
        return [Field(v, f"{self.place}[{i}]") for i, v in enumerate(self.value)]

    def text(self) -> str:
        """Return a text; one that no file can hold (half of a surrogate pair) is none."""
        if not isinstance(self.value, str):
            self._refuse("a text")
        if not writable(self.value):
            self._refuse("a text that UTF-8 can write")
        return self.value

    def boolean(self) -> bool:
        """Return a truth value."""
        if not isinstance(self.value, bool):
            self._refuse("true or false")
        return self.value

    def integer(self, below: int = 2**63) -> int:
        """Return a whole number from 0 on, under a limit."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self._refuse("a whole number")
        if not 0 <= self.value < below:
            self._refuse(f"a whole number from 0 to {below - 1}")
        return self.value

    def number(self, least: float = -math.inf) -> float:
        """Return a finite number, not under `least`."""
        number = math.nan
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            with contextlib.suppress(OverflowError):  # a whole number that no float can hold
                number = float(self.value)
        if not (math.isfinite(number) and number >= least):
            self._refuse("a finite number" + ("" if least == -math.inf else f" from {least:g} on"))
        return number

    def log_weight(self) -> float:
        """Return a log weight: a finite number, or null for −inf."""
        return -math.inf if self.value is None else self.number()

    def optional(self, read: Callable[[Field], T]) -> T | None:
        """Return None for null, else what `read` makes of it."""
        return None if self.value is None else read(self)

    def plain(self) -> Any:
        """Return any value of plain JSON: its texts and numbers checked, and not too deep."""
        return plain(self.value, self.place)

    def _inner(self, name: str) -> str:
        return inside(self.place, name)

    def _refuse(self, expected: str, got: str | None = None) -> NoReturn:
        refuse(self.place, expected, shown(self.value) if got is None else got)


def parse(text: str | bytes) -> Field:
    """Return the document that a text is.

    Raises:
        JSONContentError: It is no JSON, or too deep.
    """
    try:
        return Field(json.loads(text))
    except RecursionError as error:
        raise JSONContentError("it is nested too deeply") from error
    except (TypeError, ValueError) as error:
        raise JSONContentError(f"it is no JSON ({error})") from error


def plain(value: Any, place: str, depth: int = _DEEPEST) -> Any:
    """Return a value as plain JSON: numbers of numpy and mappings of any kind included.

    Raises:
        JSONContentError: It holds something else, a number that is not finite, a text that no
            file can hold, or is nested too deeply.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return Field(value, place).text()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist(), place, depth)
    if isinstance(value, float):
        return Field(value, place).number()
    if depth == 0:
        refuse(place, f"at most {_DEEPEST} levels", "more")
    if isinstance(value, Mapping) and all(isinstance(k, str) for k in value):
        members = {Field(k, place).text(): v for k, v in value.items()}
        return {k: plain(v, inside(place, k), depth - 1) for k, v in members.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(v, f"{place}[{i}]", depth - 1) for i, v in enumerate(value)]
    refuse(place, "texts, numbers, truth values, null, and lists and objects of them", shown(value))


def inside(place: str, name: str) -> str:
    """Return the place of a member, whatever its name holds."""
    shown_name = name if name.isidentifier() and len(name) < 60 else f"[{shown(name)}]"
    return f"{place}.{shown_name}" if place and name == shown_name else place + shown_name


def refuse(place: str, expected: str, got: str) -> NoReturn:
    """Raise, and say what was expected where.

    Raises:
        JSONContentError: Always.
    """
    raise JSONContentError(f"{place or 'it'}: got {got}, expected {expected}")


def writable(text: str) -> bool:
    """Whether UTF-8 can write a text: it has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: Any, limit: int = 60) -> str:
    """Return a value for a message: short, and with nothing that a terminal obeys."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**limit:
        return f"a whole number of {value.bit_length()} bits"
    text = ascii(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
