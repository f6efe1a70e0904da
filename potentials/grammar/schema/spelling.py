r"""How the characters of a string are spelled in a JSON document, as regular expressions.

One spelling for each ASCII character; the others stand as they are or as `json.dumps` escapes them
(`\u00e9`, lower case, pairs of surrogates above U+FFFF).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from potentials.grammar.lark.automata import charset, rust_regex
from potentials.grammar.lark.automata.charset import UNIVERSE, Ranges
from potentials.grammar.lark.automata.pattern import Alt, Chars, Node, Repeat, Seq

# Where nothing is demanded, any escape that JSON knows.
FREE_STRING = r'/"([^"\\\x00-\x1F]|\\(["\\\/bfnrt]|u[0-9a-fA-F]{4}))*"/'

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN = charset.difference(
    charset.complement(((0, 0x1F),)), charset.normal([(0x22, 0x22), (0x5C, 0x5C)])
)


def spelled(node: Node) -> str:
    """Return a regular expression of the spellings of what a tree matches."""
    if isinstance(node, Chars):
        return spelled_set(node.ranges)
    if isinstance(node, Seq):
        return "".join(_grouped(i) if isinstance(i, Alt) else spelled(i) for i in node.items)
    if isinstance(node, Alt):
        return "|".join(_grouped(o) for o in node.options)
    assert isinstance(node, Repeat)
    high = "" if node.high is None else node.high
    return f"{_grouped(node.item)}{{{node.low},{high}}}"


def literal(text: str) -> str:
    """Return a regular expression of the spellings of one text, without its quotes."""
    return "".join(spelled_set(charset.normal([(ord(c), ord(c))])) for c in text)


def literals(texts: Iterable[str]) -> str:
    """Return a regular expression of the spellings of some texts, in a group."""
    return f"(?:{'|'.join(literal(t) for t in texts)})"


@lru_cache(maxsize=1024)
def spelled_set(ranges: Ranges) -> str:
    """Return a regular expression of the spellings of one character of a set, in a group."""
    options = []
    raw = charset.intersection(ranges, _PLAIN)
    if raw or not ranges:
        options.append(rust_regex.spell_set(raw))
    for char, escape in _SHORT.items():
        if charset.contains(ranges, ord(char)):
            options.append("".join(rust_regex.spell_set(charset.single(c)) for c in escape))
    for code in range(0x20):
        if charset.contains(ranges, code) and chr(code) not in _SHORT:
            options.append(f"\\\\u{code:04x}")
    for low, high in charset.intersection(ranges, ((0x80, 0xFFFF),)):
        options.append(f"\\\\u(?:{'|'.join(_hex_range(low, high))})")
    for low, high in charset.intersection(ranges, ((0x10000, 0x10FFFF),)):
        options += _pairs(low - 0x10000, high - 0x10000)
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"


def spelled_anything() -> str:
    """Return a regular expression of the spellings of one character."""
    return spelled_set(UNIVERSE)


def _grouped(node: Node) -> str:
    return f"(?:{spelled(node)})" if not isinstance(node, Chars) else spelled(node)


def _pairs(low: int, high: int) -> list[str]:
    """Spell supplementary characters, as offsets from U+10000, by pairs of surrogates."""
    first, last = low >> 10, high >> 10
    spans = []
    if first == last:
        spans.append((first, first, low & 0x3FF, high & 0x3FF))
    else:
        spans.append((first, first, low & 0x3FF, 0x3FF))
        if last - first > 1:
            spans.append((first + 1, last - 1, 0, 0x3FF))
        spans.append((last, last, 0, high & 0x3FF))
    return [
        f"\\\\u(?:{'|'.join(_hex_range(0xD800 + a, 0xD800 + b))})"
        f"\\\\u(?:{'|'.join(_hex_range(0xDC00 + c, 0xDC00 + d))})"
        for a, b, c, d in spans
    ]


def _hex_range(low: int, high: int, digits: int = 4) -> list[str]:
    """Spell the numbers of a range in hexadecimal digits, as alternatives."""
    if digits == 0:
        return [""]
    unit = 16 ** (digits - 1)
    first, last = low // unit, high // unit
    if low % unit == 0 and high % unit == unit - 1:
        return [_digits(first, last) + "[0-9a-f]" * (digits - 1)]
    if first == last:
        return [f"{first:x}{rest}" for rest in _hex_range(low % unit, high % unit, digits - 1)]
    out = [f"{first:x}{rest}" for rest in _hex_range(low % unit, unit - 1, digits - 1)]
    if last - first > 1:
        out.append(_digits(first + 1, last - 1) + "[0-9a-f]" * (digits - 1))
    return out + [f"{last:x}{rest}" for rest in _hex_range(0, high % unit, digits - 1)]


def _digits(first: int, last: int) -> str:
    return (
        f"{first:x}"
        if first == last
        else "[" + "".join(f"{d:x}" for d in range(first, last + 1)) + "]"
    )
