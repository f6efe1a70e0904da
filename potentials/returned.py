"""Checks of what functions of the user return, before it enters a weight.

A value that is none (NaN, None, a text, an array) raises at once and names the function, since a
weight made of it would be wrong or fail far from its cause.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from smc.errors import PotentialError


def real_number(value: Any, function: str, expected: str) -> float:
    """Return a number that a function of the user returned.

    Args:
        value: Python's or NumPy's: a number or a bool. NaN and the infinities are numbers.
        function: How the error calls the function.
        expected: What it should have returned, for the error.

    Raises:
        PotentialError: It is something else.
    """
    single = getattr(value, "shape", ()) == () and hasattr(value, "dtype")
    if not isinstance(value, Real) and not single:
        raise _wrong(value, function, expected)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise _wrong(value, function, expected) from error


def log_weight(value: Any, function: str) -> float:
    """Return the log weight that a function of the user meant: True is 0, and False −inf.

    Raises:
        PotentialError: It is neither a bool nor a number below infinity, or it is NaN.
    """
    expected = "True, False or a log weight: a number below infinity, or −inf"
    number = real_number(value, function, expected)
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b":
        return 0.0 if number else -math.inf
    if math.isnan(number) or number == math.inf:
        raise _wrong(value, function, expected)
    return number


def _wrong(value: Any, function: str, expected: str) -> PotentialError:
    return PotentialError(
        f"{function}: returned {value!r:.100} ({type(value).__name__}); expected {expected}. "
        "Return such a value for every argument."
    )
