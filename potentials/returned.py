"""Return values of functions that users give, checked before anything is computed with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from numbers import Complex, Real
from typing import Any

from smc.errors import PotentialError


def number(value: Any, what: str, where: str) -> float:
    """Return what a function returned as a float: any real number, of numpy or torch too.

    Args:
        value: As returned. A truth value is 1 or 0. NaN comes back as it is: as a log weight it
            is an error of the engine's, which names the potential.
        what: Of which function, for the message.
        where: What the function was asked about, for the message.

    Raises:
        PotentialError: It is no number: None, a text, an array of several, a complex number.
    """
    read = _read(value)
    if read is None:
        raise PotentialError(
            f"{what}: returned {_shown(value)} at {where:.200}; expected a number."
        )
    return read


def scores(value: Any, count: int, what: str, where: str) -> tuple[float, ...]:
    """Return what a function returned as so many scores in [0, 1].

    Args:
        value: As returned; any iterable with an order.
        count: How many there must be.
        what: Of which function, for the message.
        where: What the function was asked about, for the message.

    Raises:
        PotentialError: It is something else.
    """
    ordered = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Set)
    # A single number of torch or numpy says that it is iterable, and is not.
    listed = list(value) if ordered and getattr(value, "ndim", 1) > 0 else []
    read = [_read(each) for each in listed]
    if len(read) != count or not all(s is not None and 0 <= s <= 1 for s in read):
        shown = listed if ordered and listed else value
        raise PotentialError(
            f"{what}: returned {_shown(shown)} for {count} steps, at {where:.200}; expected a "
            "score in [0, 1] for each. A bad step should get 0."
        )
    return tuple(s for s in read if s is not None)


def log_weight(value: Any, what: str, where: str) -> float:
    """Return the log weight that a function meant: True is 0, False −inf; see `number`.

    Raises:
        PotentialError: It is neither a truth value nor a number below infinity, or it is NaN.
    """
    read = _read(value)
    if isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool"):
        return 0.0 if read else -math.inf
    if read is None or not read < math.inf:  # NaN is not
        raise PotentialError(
            f"{what}: returned {_shown(value)} at {where:.200}; expected True, False or a log "
            "weight: a number below infinity, or −inf."
        )
    return read


def text(value: Any, what: str, where: str) -> str:
    """Return what a function returned, which must be text; see `number`."""
    if not isinstance(value, str):
        raise PotentialError(f"{what}: returned {_shown(value)} at {where:.200}; expected text.")
    return value


def _shown(value: Any) -> str:
    try:
        return f"{value!r:.200}"
    except ValueError:  # Python does not write numbers of thousands of digits
        return f"a value of type {type(value).__name__} that is too long to be shown"


def _read(value: Any) -> float | None:
    """Return a number; None of anything else."""
    if isinstance(value, str | bytes | bytearray) or getattr(value, "ndim", 0):
        return None
    if isinstance(value, Complex) and not isinstance(value, Real):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None
