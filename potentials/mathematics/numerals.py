r"""Numerals: numbers in forms that `math-verify` misreads, put into others that it reads.

It takes `1.5e3` for a product with Euler's number, `1 1/2` and `1_000` for 1, `0.\overline{3}` and
`0.333\ldots` for no number at all, `6.02\times10^{23}` for a float, and leaves the base out of
`204_5`.
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
_POWER_OF_TEN = re.compile(
    r"(?<![\w.^\\}/])(\d+\.\d*|\.\d+|\d+)\s*(?:\\times|\\cdot|[×xX*])\s*10\s*(?:\^|\*\*)\s*"
    r"(?:\{\s*([-+]?)(\d{1,3})\s*\}|([-+]?)(\d{1,3}))(?![\w.!])"
)
_ELLIPSIS = re.compile(r"(?<![\w.])(\d*)\.(\d+)(?:\\[lc]?dots\b|…|\.\.\.)")
_UNDERSCORES = re.compile(r"(?<![\w.])\d{1,3}(?:_\d{3})+(?![\w{])")
_NAMES = {"°": r"^\circ", r"\degree": r"^\circ", r"\varnothing": r"\emptyset"}
_MIXED = re.compile(
    rf"(?<![\w.,^}}])(\d+)(?:{_GAP}+(\d+)\s*/\s*(\d+)(?![\w.^!])"
    rf"|{_GAP}*"
    r"\\[dtc]?frac\s*(?:\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}|(\d)\s*(\d)))"
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
    for name, other in _NAMES.items():
        text = text.replace(name, other)
    text = _UNDERSCORES.sub(lambda match: match[0].replace("_", ""), text)
    text = _REPEATING.sub(_repeating, text)
    text = _ELLIPSIS.sub(_going_on, text)
    text = _SCIENTIFIC.sub(_scientific, text)
    text = _POWER_OF_TEN.sub(_power_of_ten, text)
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
    if match is None or (len(match[2]) == 1 and not match[2].isdigit()):
        return None  # `A_{12}` is a name
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
    return _fraction(_periodic(whole, fixed, "".join(periods)))


def _periodic(whole: str, fixed: str, period: str) -> Fraction:
    """Return the value of `whole.fixed` with a period after it."""
    ones = int(whole + fixed + period) - int(whole + fixed or "0")
    return Fraction(ones, (10 ** len(period) - 1) * 10 ** len(fixed))


def _going_on(match: re.Match[str]) -> str:
    """Return a decimal with an ellipsis whose digits end in a period, shown often enough."""
    whole, digits = match.groups()
    for length in range(1, len(digits) // 2 + 1):
        period, times = digits[-length:], 3 if length == 1 else 2
        if digits.endswith(period * times):
            fixed = digits.removesuffix(period)
            while fixed.endswith(period):
                fixed = fixed.removesuffix(period)
            return _fraction(_periodic(whole, fixed, period))
    return match[0]


def _power_of_ten(match: re.Match[str]) -> str:
    """Return a decimal times a power of ten as a decimal."""
    mantissa, *rest = (part for part in match.groups(default="") if part)
    exponent = int("".join(rest))
    if abs(exponent) > _LARGEST_EXPONENT:
        return match[0]
    return _shown(Decimal(mantissa).scaleb(exponent))


def _scientific(match: re.Match[str]) -> str:
    """Return a number as a decimal, unless it reads better as a multiple of Euler's (`2e-1`)."""
    mantissa, sign, digits = match.groups()
    euler = sign and "." not in mantissa and mantissa != "1" and len(digits) == 1
    if euler or int(digits) > _LARGEST_EXPONENT:
        return match[0]
    return _shown(Decimal(match[0]))


def _shown(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _mixed(match: re.Match[str]) -> str:
    whole, over, under = (int(part) for part in match.groups() if part is not None)
    return _fraction(Fraction(whole * under + over, under)) if over < under else match[0]


def _fraction(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
