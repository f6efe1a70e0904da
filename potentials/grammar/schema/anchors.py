"""Anchors inside a pattern, taken out of it: which parts must stand at the start or the end.

A search for `(^a|b)c$` is one for `^ac$` or `bc$`: what demands the start of the text can only
have nothing before it, and what demands its end nothing after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from potentials.grammar.lark.automata import pattern
from potentials.grammar.lark.automata.pattern import (
    EMPTY_STRING,
    Alt,
    End,
    Look,
    Node,
    Repeat,
    Seq,
)

START, END = r"(?<![\s\S])", r"(?![\s\S])"
"""How the anchors are written for Python, with the meaning that ECMA-262 gives `^` and `$`."""

_MOST = 64
_MOST_COPIES = 8


@dataclass(frozen=True)
class Placed:
    """One way in which a pattern matches.

    Attributes:
        body: Without anchors.
        at_start: Whether nothing may stand before it.
        at_end: Whether nothing may stand after it.
    """

    body: Node
    at_start: bool = False
    at_end: bool = False


def placed(node: Node) -> list[Placed]:
    """Return the ways in which a pattern matches, all together.

    Raises:
        pattern.Unsupported: There are too many of them.
    """
    found = list(dict.fromkeys(_placed(node)))
    if len(found) > _MOST:
        raise pattern.Unsupported("has too many anchors inside")
    return found


def _assertion(regexp: str) -> Node:
    node = pattern.parse(regexp)
    return node.items[0] if isinstance(node, Seq) else node


_START, _END = _assertion(START), _assertion(END)


def _placed(node: Node) -> Iterator[Placed]:
    if node == _START:
        yield Placed(EMPTY_STRING, at_start=True)
    elif node == _END:
        yield Placed(EMPTY_STRING, at_end=True)
    elif not any(each in (_START, _END) for each in pattern.walk(node)):
        yield Placed(node)
    elif isinstance(node, Alt):
        for option in node.options:
            yield from placed(option)
    elif isinstance(node, Seq):
        ways = [Placed(EMPTY_STRING)]
        for item in node.items:
            after = placed(item)
            ways = list(dict.fromkeys(w for way in ways for w in _then(way, after)))
            if len(ways) > _MOST:
                raise pattern.Unsupported("has too many anchors inside")
        yield from ways
    elif isinstance(node, Repeat):
        yield from _repeated(node)
    else:  # what else looks around is not carried anyway
        yield Placed(node)


def _then(before: Placed, ways: list[Placed]) -> Iterator[Placed]:
    """Yield one way and then each of some others, as far as both can be where they must."""
    for after in ways:
        first, second = before.body, after.body
        if after.at_start:
            if not _may_be_empty(first):
                continue
            first = EMPTY_STRING
        if before.at_end:
            if not _may_be_empty(second):
                continue
            second = EMPTY_STRING
        body = Seq(tuple(part for part in (first, second) if part != EMPTY_STRING))
        yield Placed(body, before.at_start or after.at_start, before.at_end or after.at_end)


def _repeated(node: Repeat) -> Iterator[Placed]:
    low, high = node.low, node.high
    if low > _MOST_COPIES or (high is not None and high > _MOST_COPIES):
        raise pattern.Unsupported("counts what has anchors inside")
    if low > 0:
        rest = Repeat(node.item, low - 1, None if high is None else high - 1, node.lazy)
        yield from placed(Seq((node.item, rest)))
    elif high is None:
        yield from _any_number(placed(node.item))
    else:
        yield Placed(EMPTY_STRING)
        if high > 0:
            rest = Repeat(node.item, 0, high - 1, node.lazy)
            yield from placed(Seq((node.item, rest)))


def _any_number(ways: list[Placed]) -> Iterator[Placed]:
    """Yield repetitions: what must stand at the start comes first, what must at the end last."""
    plain = tuple(w.body for w in ways if not (w.at_start or w.at_end))
    middle = Placed(Repeat(Alt(plain), 0, None, False) if plain else EMPTY_STRING)
    last = [middle, *(e for w in ways if w.at_end and not w.at_start for e in _then(middle, [w]))]
    yield from last
    for way in ways:
        if way.at_start and way.at_end:
            yield way
        elif way.at_start:
            yield from _then(way, last)


def _may_be_empty(node: Node) -> bool:
    if isinstance(node, Seq):
        return all(map(_may_be_empty, node.items))
    if isinstance(node, Alt):
        return any(map(_may_be_empty, node.options))
    if isinstance(node, (Look, End)):
        raise pattern.Unsupported("uses look-around beside an anchor")
    return isinstance(node, Repeat) and (node.low == 0 or _may_be_empty(node.item))
