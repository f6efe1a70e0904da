"""Decimal numbers above or below a bound, as regular expressions of their spellings.

A spelling is a sign, an integer without leading zeros, and digits after a point; no exponent.
"""

from __future__ import annotations

from fractions import Fraction

INTEGER = r"-?(?:0|[1-9][0-9]*)"
DECIMAL = rf"{INTEGER}(?:\.[0-9]+)?"
NOT_INTEGER = rf"{INTEGER}\.[0-9]*[1-9][0-9]*"

_MAGNITUDE = r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_ZERO = r"0(?:\.0+)?"


def above(bound: Fraction, inclusive: bool) -> str:
    """Return an expression of the decimals above a bound, or at it."""
    if bound >= 0:
        zero = f"|-{_ZERO}" if bound == 0 and inclusive else ""
        return f"(?:{_larger(bound, inclusive)}{zero})"
    return f"(?:{_MAGNITUDE}|-(?:{_smaller(-bound, inclusive)}))"


def below(bound: Fraction, inclusive: bool) -> str:
    """Return an expression of the decimals below a bound, or at it."""
    if bound <= 0:
        zero = f"|{_ZERO}" if bound == 0 and inclusive else ""
        return f"(?:-(?:{_larger(-bound, inclusive)}){zero})"
    return f"(?:-{_MAGNITUDE}|{_smaller(bound, inclusive)})"


def digits_of(value: Fraction) -> tuple[str, str]:
    """Return the digits before and after the point of a decimal that is not negative."""
    whole, rest = divmod(value, 1)
    after = ""
    while rest:
        digit, rest = divmod(rest * 10, 1)
        after += str(digit)
    return str(whole), after


def _larger(bound: Fraction, inclusive: bool) -> str:
    """Magnitudes above a bound that is not negative."""
    whole, after = digits_of(bound)
    options = [rf"(?:{_larger_integer(whole)})(?:\.[0-9]+)?"]
    fraction = _larger_fraction(after)
    if inclusive:
        options.append(rf"{whole}\.{after}0*" if after else rf"{whole}(?:\.0+)?")
    options.append(rf"{whole}\.(?:{fraction})")
    return "|".join(options)


def _smaller(bound: Fraction, inclusive: bool) -> str:
    """Magnitudes below a bound above 0."""
    whole, after = digits_of(bound)
    options = [rf"{w}(?:\.[0-9]+)?" for w in _smaller_integers(whole)]
    if after:
        options.append(rf"{whole}(?:\.(?:{_smaller_fraction(after)}))?")
    if inclusive:
        options.append(rf"{whole}\.{after}0*" if after else rf"{whole}(?:\.0+)?")
    return "|".join(options)


def _larger_integer(whole: str) -> str:
    if whole == "0":
        return "[1-9][0-9]*"
    options = [f"[1-9][0-9]{{{len(whole)},}}"]
    for i, digit in enumerate(whole):
        if digit != "9":
            options.append(f"{whole[:i]}[{int(digit) + 1}-9][0-9]{{{len(whole) - i - 1}}}")
    return "|".join(options)


def _smaller_integers(whole: str) -> list[str]:
    if whole == "0":
        return []
    options = ["0"]
    if len(whole) > 1:
        options.append(f"[1-9][0-9]{{0,{len(whole) - 2}}}")
    for i, digit in enumerate(whole):
        least = 1 if i == 0 else 0
        if int(digit) > least:
            options.append(f"{whole[:i]}[{least}-{int(digit) - 1}][0-9]{{{len(whole) - i - 1}}}")
    return options


def _larger_fraction(after: str) -> str:
    """Digits after the point that say more than these, which end in no zero."""
    options = [f"{after}0*[1-9][0-9]*"]
    for i, digit in enumerate(after):
        if digit != "9":
            options.append(f"{after[:i]}[{int(digit) + 1}-9][0-9]*")
    return "|".join(options)


def _smaller_fraction(after: str) -> str:
    """Digits after the point that say less than these, which end in no zero."""
    options = [after[:i] for i in range(1, len(after))]
    for i, digit in enumerate(after):
        if digit != "0":
            options.append(f"{after[:i]}[0-{int(digit) - 1}][0-9]*")
    return "|".join(options)
