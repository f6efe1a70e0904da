r"""Numerals: numbers in forms that `math-verify` misreads, put into others that it reads.

It takes `1.5e3` for a product with Euler's number, `1 1/2` for 1, `0.\overline{3}` for no number
at all, and leaves the base out of `204_5`.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from fractions import Fraction

_GAP = r"(?:\s|~|\\[,;: ])"
_DIGIT = r"\s*(?:\{\s*(\d)\s*\}|(\d))"
_REPEATING = re.compile(
    r"(?<![\w.])(\d*)\.(\d*)(?:"
    r"\\(?:overline|overbar|bar)\s*(?:\{\s*(\d+)\s*\}|(\d))"
    rf"|\\dot{_DIGIT}(?:(\d*)\\dot{_DIGIT})?"
    r"|(?<=\.)\((\d+)\))(?![\w.])"
)
_SCIENTIFIC = re.compile(r"(?<![\w.^\\}])(\d+\.\d*|\.\d+|\d+)[eE]([-+]?)(\d{1,3})(?![\w.])")
_MIXED = re.compile(
    rf"(?<![\w.,^}}])(\d+){_GAP}+(?:(\d+)\s*/\s*(\d+)(?![\w.^!])"
    r"|\\[dtc]?frac\s*(?:\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}|(\d)\s*(\d)))"
)
_BASED = re.compile(
    r"(-?)\(?([0-9A-Z]+)\)?_(?:\{?(\d{1,2})\}?|\{?\\(?:text|mathrm|rm)\{(\w+)\}\}?)"
)
_DECIMAL = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)")
_LARGEST_EXPONENT = 300

_WORDS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
).split()


def rewritten(text: str) -> str:
    r"""Return an answer with its numerals in forms that are read as what they are.

    Args:
        text: Without white space but for gaps between a digit and another.

    Example:
        >>> rewritten("1.5e3"), rewritten("-1 1/2"), rewritten(r"(0.1\overline{6},2)")
        ('1500', '-\\frac{3}{2}', '(\\frac{1}{6},2)')
    """
    text = "".join(map(_vulgar, text))
    text = _REPEATING.sub(_repeating, text)
    text = _SCIENTIFIC.sub(_scientific, text)
    return _MIXED.sub(_mixed, text)


def decimal(text: str) -> Fraction | None:
    """Return the value of a whole number or a decimal; None if it is something else."""
    return Fraction(text) if _DECIMAL.fullmatch(text) else None


def in_base(text: str) -> int | None:
    r"""Return the value of a numeral that says its base; None if it is something else.

    Example:
        >>> in_base("204_5"), in_base(r"204_{\text{five}}"), in_base("209_5"), in_base("x_1")
        (54, 54, None, None)
    """
    match = _BASED.fullmatch(text)
    if match is None or not any(c.isdigit() for c in match[2]):
        return None
    word = (match[4] or "").lower()
    base = int(match[3]) if match[3] else (_WORDS.index(word) + 2 if word in _WORDS else 0)
    if not 2 <= base <= 36 or any(int(c, 36) >= base for c in match[2]):
        return None
    return int(match[1] + match[2], base)


def _vulgar(char: str) -> str:
    """Return `½` as ` 1/2`; other characters as they are."""
    if char.isascii() or unicodedata.category(char) != "No":
        return char
    parts = unicodedata.normalize("NFKC", char).split("\N{FRACTION SLASH}")
    return " " + "/".join(parts) if len(parts) == 2 and all(p.isdigit() for p in parts) else char


def _repeating(match: re.Match[str]) -> str:
    whole, fixed, *periods = match.groups(default="")
    period = "".join(periods)
    ones = int(whole + fixed + period) - int(whole + fixed or "0")
    return _fraction(Fraction(ones, (10 ** len(period) - 1) * 10 ** len(fixed)))


def _scientific(match: re.Match[str]) -> str:
    """Return a number as a decimal, unless it reads better as a multiple of Euler's (`2e-1`)."""
    mantissa, sign, digits = match.groups()
    euler = sign and "." not in mantissa and mantissa != "1" and len(digits) == 1
    if euler or int(digits) > _LARGEST_EXPONENT:
        return match[0]
    shown = format(Decimal(match[0]), "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _mixed(match: re.Match[str]) -> str:
    whole, over, under = (int(part) for part in match.groups() if part is not None)
    return _fraction(Fraction(whole * under + over, under)) if over < under else match[0]


def _fraction(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
