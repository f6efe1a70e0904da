"""Errors of potentials: what one raised, or returned in the place of a log weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from smc.checked_json import shown
from smc.errors import PotentialError


def raised(name: str, method: str, raw: bytes | None, error: Exception) -> PotentialError:
    """Return the error to raise where a potential's method raised another.

    Args:
        name: Of the potential.
        method: That raised.
        raw: The bytes of the text that it was asked about; None: of several.
        error: What it raised.
    """
    at = "a batch of texts" if raw is None else f"text {_shown(raw)}"
    return PotentialError(
        f"potential {name}: {method} raised {type(error).__name__}: {error}, at {at}; "
        "expected a log weight. A candidate that fails should get −inf: catch what the "
        "candidate can cause inside the potential."
    )


def checked_log_value(name: str, value: Any, raw: bytes, *, complete: bool) -> float:
    """Return what a potential returned, as a float.

    Raises:
        PotentialError: It is no log weight: NaN, +inf, a bool, or no number.
    """
    try:
        no_number = is_truth_value(value) or isinstance(value, str | bytes | bytearray)
        log_value = math.nan if no_number else float(value)
    except (TypeError, ValueError, OverflowError):
        log_value = math.nan
    if math.isnan(log_value) or log_value == math.inf:
        method = "complete" if complete else "prefix"
        raise PotentialError(
            f"potential {name}: {method} returned {shown(value, 200)} at text {_shown(raw)}; "
            "expected a log weight: a finite number, or −inf for a text of weight zero (0.0 "
            "and −inf, not True and False)."
        )
    return log_value


def is_truth_value(value: Any) -> bool:
    """Whether a value is True or False, of numpy or torch too."""
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")


def check_number(name: str, method: str, values: Any, expected: int) -> None:
    """Raise unless a potential returned one value for each text.

    Raises:
        PotentialError: It returned more, fewer, or no sequence.
    """
    try:
        number = len(values)
    except TypeError:
        number = f"{values!r}, not a sequence of"
    if number != expected:
        raise PotentialError(
            f"potential {name}: {method} returned {number} values for {expected} texts; "
            "expected one log weight each, in order."
        )


def check_shape(name: str, got: tuple[int, ...], expected: tuple[int, int]) -> None:
    """Raise unless token scores are one row for each state.

    Raises:
        PotentialError: They are not.
    """
    if got != expected:
        raise PotentialError(
            f"potential {name}: token_scores returned shape {got}; expected {expected}, "
            "one row for each state. Was it bound to this vocabulary?"
        )


def bad_scores(name: str, raws: Sequence[bytes], bad: int) -> PotentialError:
    """Return the error for token scores that are not numbers.

    Args:
        name: Of the potential.
        raws: The texts it scored.
        bad: Index of the first whose scores hold NaN or +inf.
    """
    return PotentialError(
        f"potential {name}: token_scores returned NaN or +inf at text {_shown(raws[bad])}; "
        "expected finite log scores, or −inf. Run smc.check_potential on it."
    )


def _shown(raw: bytes, limit: int = 200) -> str:
    text = raw.decode("utf-8", "replace")
    return repr(text) if len(text) <= limit else f"…{text[-limit:]!r}"
