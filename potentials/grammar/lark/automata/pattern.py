"""Syntax trees of Python regular expressions.

The parser is Python's own (`re._parser`), so that what a construct means is never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from re import _constants as op  # pyright: ignore[reportAttributeAccessIssue]
from re import _parser  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

from potentials.grammar.lark.automata import charset
from potentials.grammar.lark.automata.charset import Ranges


class Unsupported(ValueError):  # noqa: N818 - it is the construct that is unsupported
    """A construct that no regular language expresses, or none within bounds."""


@dataclass(frozen=True)
class Chars:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True)
class Seq:
    """One after the other; the empty sequence is the empty string."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Alt:
    """The first that leads to a match, in this order."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """`low` to `high` times (None: no end), as many or (lazy) as few as possible first."""

    item: Node
    low: int
    high: int | None
    lazy: bool


@dataclass(frozen=True)
class Look:
    """A lookahead or lookbehind assertion."""

    item: Node
    ahead: bool
    negative: bool


@dataclass(frozen=True)
class End:
    """The end of the text."""


Node = Chars | Seq | Alt | Repeat | Look | End

EMPTY_STRING = Seq(())


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts of a tree."""
    if isinstance(node, Seq):
        return node.items
    if isinstance(node, Alt):
        return node.options
    return (node.item,) if isinstance(node, (Repeat, Look)) else ()


def walk(node: Node) -> Iterator[Node]:
    """Yield all nodes of a tree, however deep."""
    stack = [node]
    while stack:
        now = stack.pop()
        yield now
        stack.extend(children(now))


def size_of(node: Node) -> int:
    """Return how many nodes a tree has."""
    return sum(1 for _ in walk(node))


def literal(text: str, *, any_case: bool = False) -> Node:
    """Return the tree of a fixed string."""
    sets = [charset.single(c) for c in text]
    if any_case:
        sets = [charset.ignore_case(s, False) for s in sets]
    return Seq(tuple(Chars(s) for s in sets))


def parse(regexp: str) -> Node:
    """Return the tree of a Python regular expression (flags inline, as `(?i:...)`).

    Raises:
        Unsupported: With a phrase that names the construct.
    """
    try:
        parsed = _parser.parse(regexp)
        return _sequence(parsed, parsed.state.flags)
    except re.error as error:
        raise Unsupported(f"is not a regular expression that Python takes ({error})") from error
    except RecursionError as error:
        raise Unsupported("is nested too deeply") from error


def _sequence(items: Any, flags: int) -> Node:
    nodes = tuple(_node(code, arg, flags) for code, arg in items)
    return nodes[0] if len(nodes) == 1 else Seq(nodes)


def _node(code: Any, arg: Any, flags: int) -> Node:
    if code is op.LITERAL:
        return Chars(_class(((op.LITERAL, arg),), flags))
    if code is op.NOT_LITERAL:
        return Chars(_class(((op.NEGATE, None), (op.LITERAL, arg)), flags))
    if code is op.ANY:
        everything = charset.UNIVERSE
        newline = charset.single("\n")
        return Chars(everything if flags & re.DOTALL else charset.complement(newline))
    if code is op.IN:
        return Chars(_class(tuple(arg), flags))
    if code is op.BRANCH:
        return Alt(tuple(_sequence(branch, flags) for branch in arg[1]))
    if code is op.SUBPATTERN:
        _group, added, removed, body = arg
        return _sequence(body, (flags | added) & ~removed)
    if code in (op.MAX_REPEAT, op.MIN_REPEAT):
        low, high, body = arg
        top = None if high is op.MAXREPEAT else int(high)
        return Repeat(_sequence(body, flags), int(low), top, code is op.MIN_REPEAT)
    if code in (op.ASSERT, op.ASSERT_NOT):
        direction, body = arg
        return Look(_sequence(body, flags), direction > 0, code is op.ASSERT_NOT)
    if code is op.AT:
        return _position(arg, flags)
    names = {
        op.GROUPREF: "a back-reference",
        op.GROUPREF_EXISTS: "a conditional group",
        op.ATOMIC_GROUP: "an atomic group",
        op.POSSESSIVE_REPEAT: "a possessive repeat",
        op.FAILURE: "an assertion that always fails",
    }
    raise Unsupported(f"uses {names.get(code, str(code))}")


def _position(where: Any, flags: int) -> Node:
    ascii_only = bool(flags & re.ASCII)
    word = Chars(charset.category("w", ascii_only))
    if where is op.AT_END:
        newline = Chars(charset.single("\n"))
        if flags & re.MULTILINE:
            return Alt((Look(newline, True, False), End()))
        return Alt((Look(Seq((newline, End())), True, False), End()))
    if where is op.AT_END_STRING:
        return End()
    if where in (op.AT_BOUNDARY, op.AT_NON_BOUNDARY):
        before, after = (Look(word, False, n) for n in (False, True))
        here, there = (Look(word, True, n) for n in (False, True))
        if where is op.AT_BOUNDARY:
            return Alt((Seq((before, there)), Seq((after, here))))
        return Alt((Seq((before, here)), Seq((after, there))))
    raise Unsupported("uses `^` or `\\A`, which look at the text before the terminal")


@lru_cache(maxsize=4096)
def _class(items: tuple[tuple[Any, Any], ...], flags: int) -> Ranges:
    ranges: list[tuple[int, int]] = []
    negate = False
    others = charset.EMPTY
    ascii_only = bool(flags & re.ASCII)
    for code, arg in items:
        if code is op.NEGATE:
            negate = True
        elif code is op.LITERAL:
            ranges.append((arg, arg))
        elif code is op.RANGE:
            ranges.append(arg)
        elif code is op.CATEGORY:
            others = charset.union(others, _category(arg, ascii_only))
        else:
            raise Unsupported(f"uses the class item {code}")
    members = charset.union(_cased(charset.normal(ranges), flags), others)
    return charset.complement(members) if negate else members


def _category(which: Any, ascii_only: bool) -> Ranges:
    letter = {
        op.CATEGORY_DIGIT: "d",
        op.CATEGORY_NOT_DIGIT: "D",
        op.CATEGORY_SPACE: "s",
        op.CATEGORY_NOT_SPACE: "S",
        op.CATEGORY_WORD: "w",
        op.CATEGORY_NOT_WORD: "W",
    }[which]
    members = charset.category(letter.lower(), ascii_only)
    return charset.complement(members) if letter.isupper() else members


def _cased(ranges: Ranges, flags: int) -> Ranges:
    if not flags & re.IGNORECASE:
        return ranges
    return charset.ignore_case(ranges, bool(flags & re.ASCII))
