r"""Patterns of JSON Schema: ECMA-262 regular expressions, put into Python's terms.

What ECMA means otherwise is spelled out: `\s` and `.`, `\d` and `\w` of ASCII alone, `{` that
counts nothing, anchors wherever they stand.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from potentials.grammar.lark.automata import pattern, re_semantics
from potentials.grammar.lark.automata.charset import UNIVERSE
from potentials.grammar.lark.automata.pattern import Alt, Chars, Node, Repeat, Seq
from potentials.grammar.schema import anchors

_SPACES = (
    "\\t\\n\\x0b\\x0c\\r \\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff"
)
_NOT_SPACES = (
    "\\x00-\\x08\\x0e-\\x1f!-\\x9f\\xa1-\\u167f\\u1681-\\u1fff\\u200b-\\u2027\\u202a-\\u202e"
    "\\u2030-\\u205e\\u2060-\\u2fff\\u3001-\\ufefe\\uff00-\\U0010ffff"
)
_ANY = Repeat(Chars(UNIVERSE), 0, None, False)


@dataclass(frozen=True)
class EcmaPattern:
    """A pattern that is searched for in a text.

    Attributes:
        source: As in the schema.
        whole: The tree of all texts in which it is found.
        python: A Python expression for `re.search`.
    """

    source: str
    whole: Node
    python: str

    def found_in(self, text: str) -> bool:
        """Return whether a text has a match."""
        return re.search(self.python, text) is not None


@lru_cache(maxsize=512)
def ecma_pattern(source: str) -> EcmaPattern:
    """Return a pattern's meaning.

    Raises:
        pattern.Unsupported: It has a construct that no automaton of moderate size carries.
    """
    options: list[Node] = []
    pythons: list[str] = []
    for words in _alternatives(source):
        starts = words[:1] == ["^"]
        ends = len(words) > starts and words[-1] == "$"
        inner = words[starts : len(words) - ends]
        body = "".join({"^": anchors.START, "$": anchors.END}.get(word, word) for word in inner)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ways = anchors.placed(pattern.parse(f"(?a){body}"))
        for way in ways:
            if re_semantics.looks_around(way.body):
                raise pattern.Unsupported("uses look-around or a word boundary")
            before = () if starts or way.at_start else (_ANY,)
            options.append(Seq((*before, way.body, *(() if ends or way.at_end else (_ANY,)))))
        pythons.append(("\\A" if starts else "") + f"(?:{body})" + ("\\Z" if ends else ""))
    if not options:
        raise pattern.Unsupported("is found in no text")
    whole = options[0] if len(options) == 1 else Alt(tuple(options))
    return EcmaPattern(source, whole, "(?a)" + "|".join(pythons))


_WORD = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|.", re.DOTALL)


def without_lookahead(source: str) -> list[tuple[str, bool]]:
    """Return patterns that must be found, or must not, in the place of one that looks ahead.

    What stands first after `^` looks at the whole text, so `^(?!a)b` is `^b` and not `^a`.
    """
    parts: list[tuple[str, bool]] = []
    while re.match(r"\^\(\?[=!]", source) and not _splits(source):
        end = _closing(source, 1)
        inner = source[4:end]
        if end < 0 or _splits(inner):
            break
        parts.append(("^" + inner.removeprefix("^"), source[3] == "="))
        source = "^" + source[end + 1 :]
    return [(source, True), *parts]


def _splits(source: str) -> bool:
    """Whether a pattern has alternatives outside of all groups."""
    depth = 0
    for word in _WORD.findall(source):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if word == "|" and depth == 0:
            return True
    return False


def _closing(source: str, at: int) -> int:
    """Return where the group that begins at a place ends; −1 if it does not."""
    depth = 0
    for word in _WORD.finditer(source, at):
        depth += {"(": 1, ")": -1}.get(word[0], 0)
        if depth == 0:
            return word.start()
    return -1


def _alternatives(source: str) -> list[list[str]]:
    """Split a pattern at its outermost `|`, each piece as a list of Python's words."""
    pieces: list[list[str]] = [[]]
    depth, at = 0, 0
    while at < len(source):
        if source[at] == "[":
            word, at = _class(source, at)
        elif source[at] == "\\":
            word, at = _escape(source, at, inside=False)
        elif (named := re.compile(r"\(\?<(?![=!])").match(source, at)) is not None:
            word, at, depth = "(?P<", named.end(), depth + 1
        elif source[at] == "{" and not re.compile(r"\{\d+(,\d*)?\}").match(source, at):
            word, at = "\\{", at + 1
        elif source[at] == ".":
            word, at = "[^\\n\\r\\u2028\\u2029]", at + 1
        elif source[at] == "|" and depth == 0:
            pieces.append([])
            at += 1
            continue
        else:
            depth += {"(": 1, ")": -1}.get(source[at], 0)
            word, at = source[at], at + 1
        pieces[-1].append(word)
    return pieces


def _class(source: str, at: int) -> tuple[str, int]:
    words, at = ["["], at + 1
    if source[at : at + 1] == "^":
        words, at = ["[^"], at + 1
    if source[at : at + 1] == "]":
        raise pattern.Unsupported("uses an empty class")
    while at < len(source) and source[at] != "]":
        if source[at] == "\\":
            word, at = _escape(source, at, inside=True)
        else:
            word, at = ("\\" + source[at] if source[at] in "[&~|" else source[at]), at + 1
        words.append(word)
    if at >= len(source):
        raise pattern.Unsupported("is not a regular expression (a class has no end)")
    return "".join([*words, "]"]), at + 1


def _escape(source: str, at: int, *, inside: bool) -> tuple[str, int]:
    letter = source[at + 1 : at + 2]
    if letter in ("s", "S"):
        members = _SPACES if letter == "s" else _NOT_SPACES
        return (members if inside else f"[{members}]"), at + 2
    if (code := re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}").match(source, at)) is not None:
        return f"\\U{int(code[1], 16):08x}", code.end()
    if (code := re.compile(r"\\c([a-zA-Z])").match(source, at)) is not None:
        return f"\\x{ord(code[1]) % 32:02x}", code.end()
    if letter == "0" and not source[at + 2 : at + 3].isdigit():
        return "\\x00", at + 2
    if letter in ("p", "P", "k", "A", "Z", "N", ""):
        raise pattern.Unsupported(f"uses `\\{letter}`")
    if letter.isalpha() and letter not in "dDwWbBfnrtvxu":
        raise pattern.Unsupported(f"uses `\\{letter}`, which means nothing in ECMA-262")
    if letter.isdigit():
        raise pattern.Unsupported("uses a back-reference")
    return source[at : at + 2], at + 2
