"""Writing a labelled grammar down, symbols that derive the same in the same way as one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from potentials.grammar.lark.automata.dfa import DFA
from potentials.grammar.lark.productions import Rules, reduce_rules


@dataclass(frozen=True)
class Lexeme:
    """A terminal of the threaded grammar: some texts of one of Lark's."""

    terminal: str
    texts: DFA


@dataclass(frozen=True)
class Threaded:
    """The threaded grammar; a terminal's name is a key of `lexemes`."""

    rules: Rules
    start: str
    lexemes: dict[str, Lexeme]


def written(productions: dict[Hashable, list[tuple[Any, ...]]]) -> Threaded:
    """Merge symbols with the same productions, and name what is left; the top one is `start`."""
    block: dict[Any, int] = dict.fromkeys(productions, 0)
    while True:
        names: dict[Any, int] = {}
        refined = {
            key: names.setdefault(
                (
                    block[key],
                    frozenset(
                        tuple(s if isinstance(s, Lexeme) else block[s] for s in body)
                        for body in bodies
                    ),
                ),
                len(names),
            )
            for key, bodies in productions.items()
        }
        if len(names) == len(set(block.values())):
            break
        block = refined
    lexeme_names: dict[Lexeme, str] = {}
    rules: Rules = {}
    for key, bodies in productions.items():
        name = f"{_plain(key)}#{block[key]}"
        for other in rules:
            if other.rpartition("#")[2] == str(block[key]):
                name = other
        if name in rules:
            continue
        rules[name] = tuple(
            dict.fromkeys(
                tuple(
                    (lexeme_names.setdefault(s, f"{s.terminal}#{len(lexeme_names)}"), True)
                    if isinstance(s, Lexeme)
                    else (f"#{block[s]}", False)
                    for s in body
                )
                for body in bodies
            )
        )
    by_block = {name.rpartition("#")[2]: name for name in rules}
    full: Rules = {
        name: tuple(
            tuple((s, t) if t else (by_block[s[1:]], False) for s, t in body) for body in bodies
        )
        for name, bodies in rules.items()
    }
    start = by_block[str(block["start"])]
    kept, _dropped = reduce_rules(full, start)
    return Threaded(kept, start, {n: s for s, n in lexeme_names.items()})


def _plain(key: Any) -> str:
    if isinstance(key, str):
        return key
    if key[0] == "L":
        return "after all"
    return key[2] if key[0] in ("T", "M") else key[0][3]
