"""Regular expressions in Rust's syntax; those of automata by state elimination (Kleene)."""

from __future__ import annotations

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
    edges: dict[tuple[int, int], str] = {}
    count = len(automaton.steps)
    start, final = count, count + 1

    def add(a: int, b: int, text: str) -> None:
        edges[a, b] = f"{edges[a, b]}|{text}" if (a, b) in edges else text

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
    left = set(range(count))
    while left:
        ways_in = {s: sum(1 for a, b in edges if b == s != a) for s in left}
        ways_out = {s: sum(1 for a, b in edges if a == s != b) for s in left}
        s = min(left, key=lambda s: (ways_in[s] * ways_out[s], s))
        left.remove(s)
        loop = f"(?:{edges[s, s]})*" if (s, s) in edges else ""
        before = [(a, text) for (a, b), text in edges.items() if b == s != a]
        after = [(b, text) for (a, b), text in edges.items() if a == s != b]
        edges = {pair: text for pair, text in edges.items() if s not in pair}
        for a, head in before:
            for b, tail in after:
                add(a, b, _wrap(head) + loop + _wrap(tail))
    return edges[start, final]


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
