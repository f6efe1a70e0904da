"""The words that an operand may start with, cut into terminals that Lark tells apart.

Lark's lexer takes the first terminal that matches at all, in order of priority, however short the
match: with a column `c` tried first, `count` is never seen. So the words are put into layers: a
word's layer is above those of all words of other kinds that it starts with, and higher layers are
tried first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from potentials.sql.schema import Schema
from potentials.sql.words import CONSTANTS, FUNCTIONS, either, is_bare

_COUNT = "count"
_KEYWORDS = {
    "select": "_SELECT",
    "distinct": "DISTINCT",
    "not": "_NOT",
    "exists": "_EXISTS",
    "case": "_CASE",
    "when": "_FIRST_WHEN",
    "cast": "_CAST",
}


def kinds(schema: Schema) -> dict[str, str]:
    """Return the kind of each word.

    A column may have the name of a function: which of the two it is, the next character says.
    """
    columns = {c.name.lower() for t in schema.tables for c in t.columns if is_bare(c.name)}
    found = dict.fromkeys(columns, "COLUMN")
    found |= {f: "FUNCTION_OR_COLUMN" if f in columns else "FUNCTION" for f in FUNCTIONS}
    found[_COUNT] = "COUNT_OR_COLUMN" if _COUNT in columns else "COUNT"
    return found | dict.fromkeys(CONSTANTS, "CONSTANT") | _KEYWORDS


def layers(kind_of: Mapping[str, str]) -> dict[str, int]:
    """Return the layer of each word."""
    found: dict[str, int] = {}
    for word in sorted(kind_of, key=len):
        below = [
            found[start] + (kind_of[start] != kind_of[word])
            for start in (word[:n] for n in range(1, len(word)))
            if start in kind_of
        ]
        found[word] = max(below, default=0)
    return found


_LARGEST = 1500


def _chunks(words: Iterable[str]) -> list[list[str]]:
    """Cut words into lists of bounded size, all that start with one letter in one list."""
    found: list[list[str]] = []
    size = 0
    for _letter, group in groupby(sorted(words), key=lambda w: w[0]):
        members = list(group)
        grown = sum(map(len, members))
        if not found or size + grown > _LARGEST:
            found.append([])
            size = 0
        found[-1] += members
        size += grown
    return found


def operand_words(schema: Schema) -> tuple[dict[str, tuple[str, int]], dict[str, list[str]]]:
    """Return the terminals of these words.

    Returns:
        The regular expression and the layer of each terminal, and the terminals of each kind.
    """
    kind_of = kinds(schema)
    layer_of = layers(kind_of)
    members: dict[tuple[str, int], list[str]] = {}
    for word, kind in kind_of.items():
        members.setdefault((kind, layer_of[word]), []).append(word)
    terminals: dict[str, tuple[str, int]] = {}
    of_kind: dict[str, list[str]] = {}
    for (kind, layer), words in sorted(members.items()):
        for i, chunk in enumerate(_chunks(words)):
            name = kind if kind in _KEYWORDS.values() else f"{kind}_{layer}_{i}"
            terminals[name] = (either(chunk), layer)
            of_kind.setdefault(kind, []).append(name)
    return terminals, of_kind
