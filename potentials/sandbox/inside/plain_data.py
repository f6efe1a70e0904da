"""Plain data between processes: values as JSON, and a strict decoder for what a hostile side sends.

What crosses by value: None, booleans, numbers, texts, bytes, the containers of the language and of
`collections`, dates, exact numbers, arrays of numpy, tables of pandas (in `tables`), and instances
of classes that both sides know by name. All else crosses as a reference to its side. Decoding makes
objects of these types and no others, calls nothing that the other side names, and so leaves no
object of the other side here.
"""

from __future__ import annotations

import base64
import collections
import datetime
import decimal
import enum
import fractions
import re
from collections.abc import Callable, Iterable
from typing import Any

from . import tables

_AS_THEY_ARE = {type(None), bool, int, float, str}
_DECIMAL_BITS = 2000
"""Of a number in decimal digits, of which Python reads and writes 640 at least."""
_SEQUENCES: dict[str, Any] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": collections.deque,
}
_MAPPINGS: dict[str, Any] = {
    "dict": dict,
    "OrderedDict": collections.OrderedDict,
    "Counter": collections.Counter,
    # Its function for missing keys stays behind.
    "defaultdict": dict,
}
_TAGS = {
    **{kind: tag for tag, kind in {**_SEQUENCES, **_MAPPINGS}.items()},
    dict: "dict",
    collections.defaultdict: "defaultdict",
}
_BYTES: dict[str, Any] = {"bytes": bytes, "bytearray": bytearray}
_PARTS: dict[str, tuple[type, Callable[[Any], tuple[int | str, ...]]]] = {
    "complex": (complex, lambda v: (v.real.hex(), v.imag.hex())),
    "Decimal": (decimal.Decimal, lambda v: (str(v),)),
    "Fraction": (fractions.Fraction, lambda v: (v.numerator, v.denominator)),
    "range": (range, lambda v: (v.start, v.stop, v.step)),
    "date": (datetime.date, lambda v: (v.year, v.month, v.day)),
    "time": (datetime.time, lambda v: (v.hour, v.minute, v.second, v.microsecond)),
    "timedelta": (datetime.timedelta, lambda v: (v.days, v.seconds, v.microseconds)),
    "datetime": (
        datetime.datetime,
        lambda v: (v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond),
    ),
}
"""Types made of a few numbers or texts: the type, and the arguments that make a value again."""
_NAME = re.compile(r"[^\W\d]\w*")


class NotPlainError(TypeError):
    """A value that cannot cross, or words that stand for none."""


class Codec:
    """Encodes and decodes the values of one message.

    Args:
        classes: Those known by name to both sides.
        give: Returns the words for a reference to an object of this side; raises `NotPlainError`
            for one that is not to be given.
        take: Returns the object that such words of the other side stand for.
    """

    def __init__(
        self, classes: dict[str, type], give: Callable[[Any], Any], take: Callable[[Any], Any]
    ) -> None:
        self._classes = classes
        self._give, self._take = give, take
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []
        self._made: list[Any] = []

    def encode(self, value: Any) -> Any:
        """Return words that JSON has.

        Raises:
            NotPlainError: The value cannot cross.
            RecursionError: It is nested too deep.
        """
        kind = type(value)
        if kind is int and value.bit_length() > _DECIMAL_BITS:
            return {"int": hex(value)}
        if kind in _AS_THEY_ARE:
            return value
        if kind is list:
            return [self.encode(v) for v in value]
        if kind in _TAGS:
            pairs = value.items() if kind in _MAPPINGS.values() or kind is _DEFAULT else None
            if pairs is None:
                return {_TAGS[kind]: [self.encode(v) for v in value]}
            return {_TAGS[kind]: [[self.encode(k), self.encode(v)] for k, v in pairs]}
        if kind in (bytes, bytearray):
            return {kind.__name__: base64.b64encode(value).decode()}
        part = _PARTS.get(kind.__name__)
        if part is not None and part[0] is kind and getattr(value, "tzinfo", None) is None:
            return {kind.__name__: [self.encode(v) for v in part[1](value)]}
        table = tables.words(value)
        if table is not None:
            tag, plain = table
            return {tag: self.encode(plain)}
        if kind.__name__ in self._classes:
            return self._encode_instance(value, kind)
        names = getattr(kind, "_fields", None)
        if issubclass(kind, tuple) and isinstance(names, tuple):
            fields = [str(f) for f in names]
            return {"namedtuple": [kind.__name__, fields, [self.encode(v) for v in value]]}
        if isinstance(value, enum.Enum) and isinstance(value, (int, str)):
            return self.encode(value.value)
        return {"reference": self._give(value)}

    def _encode_instance(self, value: Any, kind: type) -> Any:
        if isinstance(value, enum.Enum):
            return {"member": [kind.__name__, value.name]}
        if id(value) in self._seen:
            return {"again": self._seen[id(value)]}
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        state = [[str(k), self.encode(v)] for k, v in _state(value)]
        return {"instance": [kind.__name__, state]}

    def decode(self, words: Any) -> Any:
        """Return the value that words stand for.

        Raises:
            NotPlainError: They stand for none.
            RecursionError: They are nested too deep.
        """
        if type(words) in _AS_THEY_ARE:
            return words
        if type(words) is list:
            return [self.decode(w) for w in words]
        if type(words) is not dict or len(words) != 1:
            raise NotPlainError("words that stand for no value")
        ((tag, body),) = words.items()
        try:
            return self._decode(tag, body)
        except (TypeError, ValueError, KeyError, IndexError, ArithmeticError) as error:
            if isinstance(error, NotPlainError):
                raise
            raise NotPlainError(f"words that stand for no {tag}: {error}") from None

    def _decode(self, tag: str, body: Any) -> Any:
        if tag == "int":
            return int(body, 16)
        if tag in _SEQUENCES:
            return _SEQUENCES[tag](map(self.decode, _listed(body)))
        if tag in _MAPPINGS:
            return _MAPPINGS[tag]({self.decode(k): self.decode(v) for k, v in _listed(body)})
        if tag in _BYTES:
            return _BYTES[tag](base64.b64decode(body, validate=True))
        if tag in _PARTS:
            kind = _PARTS[tag][0]
            parts = [p for p in map(self.decode, _listed(body)) if type(p) in (int, str)]
            return complex(*map(float.fromhex, parts)) if kind is complex else kind(*parts)
        if tag in tables.TAGS:
            return tables.value(tag, self.decode(body))
        if tag == "instance":
            return self._decode_instance(*_listed(body))
        if tag == "again":
            return self._made[body]
        if tag == "member":
            name, member = _listed(body)
            kind = self._classes[name]
            if not issubclass(kind, enum.Enum):
                raise NotPlainError(f"{name} has no members")
            return kind[member]
        if tag == "namedtuple":
            name, fields, values = _listed(body)
            if not all(type(n) is str and _NAME.fullmatch(n) for n in [name, *_listed(fields)]):
                raise NotPlainError("names of a tuple that are no names")
            return collections.namedtuple(name, fields)(*map(self.decode, _listed(values)))
        if tag == "reference":
            return self._take(body)
        raise NotPlainError(f"no type is called {tag[:100]!r}")

    def _decode_instance(self, name: str, state: Any) -> Any:
        kind = self._classes[name]
        if issubclass(kind, enum.Enum):
            raise NotPlainError(f"{name} has members only")
        value = object.__new__(kind)
        self._made.append(value)
        for key, words in _listed(state):
            usual = getattr(kind, key, None)
            if key.startswith("__") or callable(usual) or isinstance(usual, property):
                raise NotPlainError(f"{name}.{key} is not the other side's to choose")
            object.__setattr__(value, key, self.decode(words))
        return value


_DEFAULT = collections.defaultdict


def _listed(words: Any) -> list[Any]:
    if type(words) is not list:
        raise NotPlainError("words that are no list")
    return words


def _state(value: Any) -> Iterable[tuple[str, Any]]:
    """Yield the attributes of an instance, those in slots as well."""
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield name, getattr(value, name)
    yield from vars(value).items() if hasattr(value, "__dict__") else ()


def restore(old: Any, new: Any) -> None:
    """Give a container the content that another of its type has, and keep what it is."""
    kind = type(old)
    if kind is not type(new):
        raise NotPlainError(f"a {kind.__name__} became a {type(new).__name__}")
    if kind is list:
        for k, (before, after) in enumerate(zip(old, new)):  # noqa: B905 - Python 3.9
            new[k] = _same(before, after)
        old[:] = new
    elif kind in (set, collections.deque):
        old.clear()
        old.update(new) if kind is set else old.extend(new)
    elif kind in (dict, collections.OrderedDict, collections.Counter):
        kept = {k: _same(old[k], v) if k in old else v for k, v in new.items()}
        old.clear()
        old.update(kept)
    elif kind is bytearray:
        old[:] = new
    elif tables.is_array(old) and old.shape == new.shape:
        old[...] = new
    elif hasattr(old, "__dict__"):
        old.__dict__.clear()
        old.__dict__.update(new.__dict__)


def _same(before: Any, after: Any) -> Any:
    """Return the container that there was, with its new content, where there was one."""
    if type(before) is type(after) and type(before) in (list, dict, set, bytearray):
        restore(before, after)
        return before
    return after
