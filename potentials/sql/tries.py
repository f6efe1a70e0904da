"""Regular expressions of sets of words as prefix trees (tries), in any case of ASCII letters.

They grow with the sum of the words' lengths, less the beginnings that words share. One that would
be larger than a terminal of a grammar may be is cut into several.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Trie = dict[str, Any]
"""Subtrees by character; "" where a word ends."""

MOST_NODES = 2000
"""Of one expression of words; of words to keep out, which take more, a quarter."""

_END = ""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_CHARACTER = "[A-Za-z0-9_]"


def any_case(text: str) -> str:
    """Return the regular expression of a text in any case, ASCII letters alone, as SQLite has it.

    Classes are spelled out: Python's case folding would let in `ſ` for `s`.
    """
    return "".join(
        f"[{c.lower()}{c.upper()}]" if c.isascii() and c.isalpha() else _escaped(c) for c in text
    )


def _escaped(char: str) -> str:
    if char.isalnum() or not char.isascii() or char in " _":
        return char
    # Lark resolves `\\x5d` before Python's parser sees it, and takes a bare `/` for the end.
    return f"\\x{ord(char):02x}" if ord(char) < 32 else "\\" + char


def either(words: Iterable[str]) -> str:
    """Return the regular expression of any of some words."""
    return _spelled(_trie(_lowered(words)))


def choices(words: Iterable[str]) -> list[str]:
    """Return regular expressions of bounded size that together match any of some words."""
    return [_spelled(_trie(chunk)) for chunk in _chunks(_lowered(words), MOST_NODES)]


def identifiers(tail: str, none_of: Iterable[str]) -> list[str]:
    """Return regular expressions of bounded size that together match ASCII identifiers but some.

    Args:
        tail: How often a character may follow once the text is the start of no such word: `*`, or
            `{0,7}`.
        none_of: The words that they do not match, in any case.
    """
    words = _lowered(none_of)
    whole = _trie(words)
    expressions: list[str] = []
    last = ""
    for chunk in _chunks(words, MOST_NODES // 4) or [[]]:
        # Where a text leaves the words that chunks share, the first of them says so.
        shared = frozenset(last[:n] for n in range(len(last) + 1)) if expressions else frozenset()
        part = _trie(chunk)
        leaving = _leaving(part, whole, "", shared)
        inside = _inside(part, "", shared)
        texts = [f"({leaving}){_CHARACTER}{tail}"] if leaving else []
        expressions.append("|".join([*texts, *([inside] if inside else [])]))
        last = chunk[-1] if chunk else ""
    return [f"({text})" for text in expressions if text]


def _lowered(words: Iterable[str]) -> list[str]:
    return sorted({"".join(c.lower() if c.isascii() else c for c in w) for w in words})


def _chunks(words: Sequence[str], most: int) -> list[list[str]]:
    """Cut sorted words into lists, the trie of each of bounded size (but for one long word)."""
    chunks: list[list[str]] = []
    size = 0
    for word in words:
        before = chunks[-1][-1] if chunks else ""
        new = len(word) - _shared(before, word)
        if not chunks or size + new > most:
            chunks.append([])
            size, new = 0, len(word)
        chunks[-1].append(word)
        size += new
    return chunks


def _shared(a: str, b: str) -> int:
    """Return how many characters two words begin with alike."""
    pairs = zip(a, b, strict=False)
    return next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(a), len(b)))


def _trie(words: Iterable[str]) -> Trie:
    tree: Trie = {}
    for word in words:
        node = tree
        for char in word:
            node = node.setdefault(char, {})
        node[_END] = {}
    return tree


def _spelled(node: Trie) -> str:
    """Return the expression of a trie; what does not branch takes no depth of recursion."""
    text = ""
    while len(node) == 1 and _END not in node:
        ((char, node),) = node.items()
        text += any_case(char)
    branches = [any_case(c) + _spelled(child) for c, child in node.items() if c]
    if not branches:
        return text
    return f"{text}({'|'.join(branches)}){'?' if _END in node else ''}"


def _leaving(part: Trie, whole: Trie, so_far: str, shared: frozenset[str]) -> str:
    """Return the shortest texts that no word starts with, along some of the words."""
    branches = []
    if so_far not in shared:
        letters = [c for c in _LETTERS if c not in whole]
        others = _runs(letters) + _runs([c.upper() for c in letters])
        if so_far:
            others += _runs([c for c in "0123456789_" if c not in whole])
        else:
            others += "_" if "_" not in whole else ""
        branches += [f"[{others}]"] if others else []
    for char, child in part.items():
        if char:
            rest = _leaving(child, whole[char], so_far + char, shared)
            branches += [any_case(char) + f"({rest})"] if rest else []
    return "|".join(branches)


def _inside(node: Trie, so_far: str, shared: frozenset[str]) -> str:
    """Return the texts that some of the words start with and that are none."""
    branches = []
    for char, child in node.items():
        if char:
            rest = _inside(child, so_far + char, shared)
            ends = any(child) and _END not in child and so_far + char not in shared
            if rest:
                branches.append(any_case(char) + f"({rest}){'?' if ends else ''}")
            elif ends:
                branches.append(any_case(char))
    return "|".join(branches)


def _runs(chars: list[str]) -> str:
    """Return what a character class holds for some characters in order: `ac-z`."""
    runs: list[list[str]] = []
    for char in chars:
        if runs and ord(char) == ord(runs[-1][-1]) + 1:
            runs[-1].append(char)
        else:
            runs.append([char])
    return "".join("".join(r) if len(r) < 4 else f"{r[0]}-{r[-1]}" for r in runs)
