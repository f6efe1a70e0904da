"""Byte automata of terminals: deterministic, over UTF-8, with the distance to a match.

Each accepts at least the texts of its terminal. What is written in a way that is not known here,
or needs too many states, is taken to be any text at all.
"""

from __future__ import annotations

import itertools
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from potentials.grammar.lark.automata import pattern
from potentials.grammar.lark.automata.charset import Ranges

FAR = 1 << 28
"""A distance that is never gone."""
_MOST_STATES = 3000
_MOST_COPIES = 20_000

Span = tuple[int, int]


class TooLarge(ValueError):  # noqa: N818 - it is the automaton that is
    """An automaton has more states than are worth it."""


@dataclass(frozen=True, eq=False)
class ByteAutomaton:
    """A deterministic automaton over bytes, all of whose states lead to a match.

    Attributes:
        steps: `[S, 256]` the next state, −1 for none; state 0 is the first.
        distance: `[S]` how many bytes a match is away; 0: it is one.
        exact: Whether it accepts no more than it should.
    """

    steps: NDArray[np.int32]
    distance: NDArray[np.int32]
    exact: bool = True

    @property
    def last_bytes(self) -> frozenset[int]:
        """The bytes that a match can end with."""
        to = np.where(self.steps >= 0, self.distance[self.steps], FAR)
        return frozenset(np.flatnonzero((to == 0).any(axis=0)).tolist())


ANYTHING = ByteAutomaton(np.zeros((1, 256), np.int32), np.zeros(1, np.int32), exact=False)


@lru_cache(maxsize=2048)
def of_terminal(source: str) -> ByteAutomaton | None:
    """Return the automaton of a definition in llguidance's dialect; None if it matches nothing.

    Args:
        source: Regular expressions between slashes and strings, joined by `&` and `& ~`.
    """
    automaton: ByteAutomaton | None = None
    exact = True
    operands = _operands(source)
    if operands is None:
        return ANYTHING
    for negative, regexp in operands:
        try:
            own = _of_regexp(regexp)
            if automaton is None and not negative:
                automaton = _trimmed(own.steps, own.distance == 0)
            elif automaton is not None:
                automaton = _product(automaton, own, negative)
            else:
                return ANYTHING
        except (TooLarge, pattern.Unsupported, RecursionError):
            # Without this condition there are more texts, never fewer.
            automaton, exact = automaton or ANYTHING, False
        if automaton is None:
            return None
    return automaton if exact or automaton is None else replace(automaton, exact=False)


def _operands(source: str) -> list[tuple[bool, str]] | None:
    """Whether each operand is negative, and its Python regular expression; None: not known."""
    found: list[tuple[bool, str]] = []
    at = 0
    piece = re.compile(
        r'\s*(&)?\s*(~)?\s*(?:/((?:\\.|[^/\\])+)/|("(?:\\.|[^"\\])*"))(?=\s|$)', re.S
    )
    while at < len(source.rstrip()):
        match = piece.match(source, at)
        if match is None or bool(match[1]) != bool(found):
            return None
        found.append((bool(match[2]), _literal(match[4]) if match[4] else _python(match[3])))
        at = match.end()
    return found or None


def _literal(source: str) -> str:
    return re.escape(json.loads(source))


def _python(rust: str) -> str:
    """Return a Python expression; one that Python refuses where the two may differ."""

    def put(match: re.Match[str]) -> str:
        if match[1]:
            return f"\\U{int(match[1], 16):08x}"
        return match[0] if not match[2].isalnum() or match[2] in "nrtfvx" else "(?P<refused"

    return re.sub(r"\\x\{([0-9A-Fa-f]+)\}|\\(.)", put, rust, flags=re.S).replace(
        "(?i", "(?P<refused"
    )


@dataclass(slots=True)
class _Nondeterministic:
    """Thompson's automaton: for each state the states that need no byte, and the spans."""

    free: list[list[int]] = field(default_factory=list)
    spans: list[list[tuple[int, int, int]]] = field(default_factory=list)

    def state(self) -> int:
        if len(self.free) > _MOST_COPIES:
            raise TooLarge
        self.free.append([])
        self.spans.append([])
        return len(self.free) - 1

    def add(self, node: pattern.Node, begin: int) -> int:
        """Add a tree from a state on; return the state after it."""
        if isinstance(node, pattern.Chars):
            return self._chars(node.ranges, begin)
        if isinstance(node, pattern.Seq):
            for item in node.items:
                begin = self.add(item, begin)
            return begin
        if isinstance(node, pattern.Alt):
            end = self.state()
            for option in node.options:
                self.free[self.add(option, begin)].append(end)
            return end
        if isinstance(node, pattern.Repeat):
            for _ in range(node.low):
                begin = self.add(node.item, begin)
            if node.high is None:
                loop, end = self.state(), self.state()
                self.free[begin].append(loop)
                self.free[loop].append(end)
                self.free[self.add(node.item, loop)].append(loop)
                return end
            end = self.state()
            self.free[begin].append(end)
            for _ in range(node.high - node.low):
                # A state of its own: a loop inside of the item must not lead back to its copies.
                inner = self.state()
                self.free[begin].append(inner)
                begin = self.add(node.item, inner)
                self.free[begin].append(end)
            return end
        raise pattern.Unsupported("looks around")

    def _chars(self, ranges: Ranges, begin: int) -> int:
        end = self.state()
        inner: dict[tuple[int, tuple[Span, ...]], int] = {}
        for spans in (spans for low, high in ranges for spans in utf8_spans(low, high)):
            at = begin
            for depth, (low, high) in enumerate(spans):
                last = depth == len(spans) - 1
                key = begin, spans[: depth + 1]
                if last:
                    self.spans[at].append((low, high, end))
                elif key in inner:
                    at = inner[key]
                else:
                    inner[key] = self.state()
                    self.spans[at].append((low, high, inner[key]))
                    at = inner[key]
        return end


def utf8_spans(low: int, high: int) -> Iterator[tuple[Span, ...]]:
    """Yield sequences of byte spans that spell exactly the code points of a range."""
    for last in (0x7F, 0x7FF, 0xFFFF):
        if low <= last < high:
            yield from utf8_spans(low, last)
            low = last + 1
    if high <= 0x7F:
        yield ((low, high),)
        return
    for bits in (6, 12, 18):
        below = (1 << bits) - 1
        if low >> bits != high >> bits:
            if low & below:
                yield from utf8_spans(low, low | below)
                yield from utf8_spans((low | below) + 1, high)
                return
            if high & below != below:
                yield from utf8_spans(low, (high & ~below) - 1)
                yield from utf8_spans(high & ~below, high)
                return
    yield tuple(zip(chr(low).encode(), chr(high).encode(), strict=True))


@lru_cache(maxsize=2048)
def _of_regexp(regexp: str) -> ByteAutomaton:
    """Return the automaton of a Python regular expression; not all of its states need matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # `[[` is a set of one bracket in both
        node = pattern.parse(regexp)
    nfa = _Nondeterministic()
    final = nfa.add(node, nfa.state())
    closures: dict[int, frozenset[int]] = {}

    def closed(states: frozenset[int]) -> frozenset[int]:
        out: set[int] = set()
        for state in states:
            if state not in closures:
                seen, stack = {state}, [state]
                while stack:
                    fresh = [t for t in nfa.free[stack.pop()] if t not in seen]
                    seen.update(fresh)
                    stack += fresh
                kept = (s for s in seen if nfa.spans[s] or s == final)
                closures[state] = frozenset(kept)
            out |= closures[state]
        return frozenset(out)

    first = closed(frozenset([0]))
    index, order, rows = {first: 0}, [first], []
    for here in order:  # grows
        row = np.full(256, -1, np.int32)
        edges = [edge for s in here for edge in nfa.spans[s]]
        cuts = sorted({low for low, _, _ in edges} | {high + 1 for _, high, _ in edges})
        for a, b in itertools.pairwise(cuts):
            to = frozenset(t for low, high, t in edges if low <= a <= high)
            if to:
                target = closed(to)
                if target not in index:
                    if len(order) >= _MOST_STATES:
                        raise TooLarge
                    index[target] = len(order)
                    order.append(target)
                row[a:b] = index[target]
        rows.append(row)
    accept = np.array([0 if final in states else FAR for states in order], np.int32)
    return ByteAutomaton(np.array(rows), accept)


def _product(left: ByteAutomaton, right: ByteAutomaton, negative: bool) -> ByteAutomaton | None:
    """Return what the first accepts and the second does, or (negative) does not."""
    index, order, rows = {(0, 0): 0}, [(0, 0)], []
    for a, b in order:  # grows
        row = np.full(256, -1, np.int32)
        to_a, to_b = left.steps[a], right.steps[b] if b >= 0 else np.full(256, -1, np.int32)
        pairs = to_a.astype(np.int64) << 32 | (to_b.astype(np.int64) + 1)
        for pair in np.unique(pairs[(to_a >= 0) & ((to_b >= 0) | negative)]).tolist():
            target = pair >> 32, (pair & 0xFFFFFFFF) - 1
            if target not in index:
                if len(order) >= _MOST_STATES:
                    raise TooLarge
                index[target] = len(order)
                order.append(target)
            row[pairs == pair] = index[target]
        if not negative:
            row[to_b < 0] = -1
        rows.append(row)
    accept = [
        left.distance[a] == 0 and (b >= 0 and right.distance[b] == 0) != negative for a, b in order
    ]
    return _trimmed(np.array(rows), np.array(accept))


def _trimmed(steps: NDArray[np.int32], accept: NDArray[np.bool_]) -> ByteAutomaton | None:
    """Return the automaton without states that lead nowhere; None if the first is one."""
    distance = np.where(accept, 0, FAR).astype(np.int32)
    while True:
        to = np.where(steps >= 0, distance[steps], FAR).min(axis=1)
        nearer = np.minimum(distance, np.minimum(to + 1, FAR))
        if np.array_equal(nearer, distance):
            break
        distance = nearer
    if distance[0] >= FAR:
        return None
    kept = distance < FAR
    number = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    return ByteAutomaton(np.where(steps >= 0, number[steps], -1)[kept], distance[kept])
