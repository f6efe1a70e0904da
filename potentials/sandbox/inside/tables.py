"""Arrays of numpy, sparse ones of scipy and tables of pandas as plain data, and back."""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

TAGS = frozenset(
    "array scalar sparse Series DataFrame Index RangeIndex MultiIndex Timestamp Timedelta "
    "Interval NA".split()
)

_NUMBERS = re.compile(r"[<>|=][biufcSUMm]\d+(\[\d*\w+\])?")
_OBJECTS = "|O"
_SPARSE = re.compile(r"(bsr|coo|csc|csr|dia|dok|lil)_(matrix|array)")
_PANDAS_TYPES = re.compile(
    r"string|str|boolean|U?Int\d+|Float\d+|datetime64\[\w+, [\w/+:-]+\]"
    r"|interval\[[\w\[\]]+, (left|right|both|neither)\]"
)


def is_array(value: Any) -> bool:
    """Whether a value is an array of numpy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def words(value: Any) -> tuple[str, Any] | None:
    """Return a tag and plain data for an array or a table; None: it is neither, or has more."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    kind = type(value)
    if numpy is not None and (kind is numpy.ndarray or isinstance(value, numpy.generic)):
        tag = "array" if kind is numpy.ndarray else "scalar"
        if value.dtype.str == _OBJECTS:
            return tag, [_OBJECTS, list(value.shape), list(value.ravel())]
        if not _NUMBERS.fullmatch(value.dtype.str):
            return None
        return tag, [value.dtype.str, list(value.shape), value.tobytes()]
    if kind.__module__.startswith("scipy.sparse") and _SPARSE.fullmatch(kind.__name__):
        entries = value.tocoo()
        return "sparse", [kind.__name__, list(value.shape), entries.data, entries.row, entries.col]
    if pandas is None or not kind.__module__.startswith("pandas"):
        return None
    return _pandas_words(pandas, value, kind)


def _pandas_words(pandas: Any, value: Any, kind: type) -> tuple[str, Any] | None:
    if kind is pandas.Timestamp or value is pandas.NaT:
        return "Timestamp", str(value)
    if value is pandas.NA:
        return "NA", None
    if kind is pandas.Timedelta:
        return "Timedelta", value.value
    if kind is pandas.Interval:
        return "Interval", [value.left, value.right, value.closed]
    if kind is pandas.RangeIndex:
        return "RangeIndex", [value.start, value.stop, value.step, value.name]
    if kind is pandas.MultiIndex:
        return "MultiIndex", [list(value), list(value.names)]
    if isinstance(value, pandas.Index):
        column = _column(value)
        freq = getattr(value, "freqstr", None)
        return None if column is None else ("Index", [*column, value.name, freq])
    if kind is pandas.Series:
        column = _column(value)
        return None if column is None else ("Series", [*column, value.index, value.name])
    if kind is pandas.DataFrame:
        columns = [_column(value.iloc[:, k]) for k in range(value.shape[1])]
        if None in columns:
            return None
        return "DataFrame", [columns, value.columns, value.index]
    return None


def _column(value: Any) -> list[Any] | None:
    """Return the values as an array, and the type they have where it is none of numpy's.

    Of categories these are their numbers, and the categories.
    """
    if isinstance(value.dtype, sys.modules["numpy"].dtype):
        return [value.to_numpy(), ""]
    if isinstance(value.dtype, sys.modules["pandas"].CategoricalDtype):
        codes = getattr(value, "cat", value).codes
        return [getattr(codes, "values", codes), [value.dtype.categories, value.dtype.ordered]]
    name = str(value.dtype)
    return [value.astype(object).to_numpy(), name] if _PANDAS_TYPES.fullmatch(name) else None


def value(tag: str, plain: Any) -> Any:
    """Return the array or table that plain data stand for.

    Raises:
        ValueError: They stand for none.
        TypeError: Likewise.
    """
    if tag in ("array", "scalar"):
        made = _array(*plain)
        return made if tag == "array" else made[()]
    if tag == "sparse":
        return _sparse(*plain)
    pandas = importlib.import_module("pandas")
    if tag == "Timestamp":
        return pandas.Timestamp(plain) if type(plain) is str else None
    if tag == "NA":
        return pandas.NA
    if tag == "Timedelta":
        return pandas.Timedelta(plain) if type(plain) is int else None
    if tag == "Interval":
        left, right, closed = plain
        return pandas.Interval(left, right, closed)
    if tag == "RangeIndex":
        start, stop, step, name = plain
        return pandas.RangeIndex(start, stop, step, name=name)
    if tag == "MultiIndex":
        return pandas.MultiIndex.from_tuples(plain[0], names=plain[1])
    if tag == "Index":
        values, kind, name, freq = plain
        made = pandas.Index(*_typed(pandas, values, kind), name=name)
        if freq is not None and type(freq) is str:
            made.freq = freq
        return made
    if tag == "Series":
        values, kind, index, name = plain
        return pandas.Series(*_typed(pandas, values, kind, index), name=name)
    columns, names, index = plain
    series = [pandas.Series(*_typed(pandas, v, kind, index)) for v, kind in columns]
    made = pandas.concat(series, axis=1) if series else pandas.DataFrame(index=index)
    made.columns = names
    return made


def _array(kind: str, shape: list[int], data: Any) -> Any:
    numpy = importlib.import_module("numpy")
    if kind == _OBJECTS:
        made = numpy.empty(len(data), dtype=object)
        for place, item in enumerate(data):
            made[place] = item
        return made.reshape(shape)
    if not _NUMBERS.fullmatch(kind):
        raise ValueError(f"no numbers are of the type {kind[:100]!r}")
    return numpy.frombuffer(data, dtype=kind).reshape(shape).copy()


def _sparse(kind: str, shape: list[int], data: Any, rows: Any, columns: Any) -> Any:
    if not _SPARSE.fullmatch(kind):
        raise ValueError(f"no array is called {kind[:100]!r}")
    sparse = importlib.import_module("scipy.sparse")
    flavour = kind.partition("_")[2]
    entries = getattr(sparse, f"coo_{flavour}")((data, (rows, columns)), shape=tuple(shape))
    return getattr(sparse, kind)(entries)


def _typed(pandas: Any, values: Any, kind: Any, *index: Any) -> tuple[Any, ...]:
    """Return what pandas makes a column of: values, with the index if any, and their type."""
    if type(kind) is list:
        categories, ordered = kind
        made = pandas.Categorical.from_codes(values, categories, ordered=ordered is True)
        return made, *index, made.dtype
    if kind and not _PANDAS_TYPES.fullmatch(kind):
        raise ValueError(f"no values are of the type {kind[:100]!r}")
    return values, *index, kind or values.dtype
