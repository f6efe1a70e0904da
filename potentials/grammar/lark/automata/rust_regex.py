"""Regular expressions in Rust's syntax; those of automata by state elimination (Kleene)."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from potentials.grammar.lark.automata.alphabet import Alphabet
from potentials.grammar.lark.automata.charset import EMPTY, UNIVERSE, Ranges
from potentials.grammar.lark.automata.dfa import DEAD, DFA
from potentials.grammar.lark.automata.pattern import Alt, Chars, End, Look, Node, Repeat, Seq

ANYTHING = "(?s:.)"


def spell(node: Node) -> str:
    """Return a tree without assertions as a regular expression (greedy or lazy alike)."""
    if isinstance(node, Chars):
        return spell_set(node.ranges)
    if isinstance(node, Seq):
        return "".join(_grouped(i) if isinstance(i, Alt) else spell(i) for i in node.items)
    if isinstance(node, Alt):
        return "|".join(spell(o) for o in node.options)
    if isinstance(node, Repeat):
        inner = spell(node.item) if isinstance(node.item, Chars) else _grouped(node.item)
        return inner + _times(node.low, node.high)
    assert not isinstance(node, (Look, End))
    raise TypeError(node)


def spell_set(ranges: Ranges) -> str:
    """Return a character class."""
    if ranges == UNIVERSE:
        return ANYTHING
    if ranges == EMPTY:
        return "[^\\x{0}-\\x{10FFFF}]"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _char(ranges[0][0])
    parts = (_char(a) if a == b else f"{_char(a)}-{_char(b)}" for a, b in ranges)
    return f"[{''.join(parts)}]"


def spell_dfa(automaton: DFA, alphabet: Alphabet) -> str:
    """Return a regular expression of an automaton, by eliminating its states."""
    count = len(automaton.steps)
    start, final = count, count + 1
    onward: dict[int, dict[int, str]] = {s: {} for s in range(count + 2)}
    back: dict[int, dict[int, None]] = {s: {} for s in range(count + 2)}

    def add(a: int, b: int, text: str) -> None:
        onward[a][b] = f"{onward[a][b]}|{text}" if b in onward[a] else text
        back[b][a] = None

    def cost(s: int) -> int:
        loops = s in onward[s]
        return (len(back[s]) - loops) * (len(onward[s]) - loops)

    for s, row in enumerate(automaton.steps):
        by_target: dict[int, int] = {}
        for x, to in enumerate(row):
            if to != DEAD:
                by_target[to] = by_target.get(to, 0) | 1 << x
        for to, mask in by_target.items():
            add(s, to, spell_set(alphabet.ranges(mask)))
        if automaton.accept[s]:
            add(s, final, "")
    add(start, 0, "")
    # The state with the fewest ways through it goes first; costs that have changed are pushed anew.
    queue = [(cost(s), s) for s in range(count)]
    heapify(queue)
    left = set(range(count))
    while queue:
        known, s = heappop(queue)
        if s not in left or known != cost(s):
            continue
        left.remove(s)
        loop = f"(?:{onward[s][s]})*" if s in onward[s] else ""
        before = [(a, onward[a].pop(s)) for a in back.pop(s) if a != s]
        after = [(b, text) for b, text in onward.pop(s).items() if b != s]
        for b, _text in after:
            del back[b][s]
        for a, head in before:
            for b, tail in after:
                add(a, b, _wrap(head) + loop + _wrap(tail))
        for other in {*(a for a, _head in before), *(b for b, _tail in after)} & left:
            heappush(queue, (cost(other), other))
    return onward[start][final]


def _wrap(text: str) -> str:
    return f"(?:{text})" if "|" in text else text


def _grouped(node: Node) -> str:
    return f"(?:{spell(node)})"


def _times(low: int, high: int | None) -> str:
    simple = {(0, None): "*", (1, None): "+", (0, 1): "?", (1, 1): ""}
    if (low, high) in simple:
        return simple[low, high]
    if high is None:
        return f"{{{low},}}"
    return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


def _char(code: int) -> str:
    char = chr(code)
    return char if char.isascii() and (char.isalnum() or char in "_ ") else f"\\x{{{code:X}}}"
