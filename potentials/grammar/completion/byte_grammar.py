"""A context-free grammar over bytes: what the mask engine's source says, without its lexer.

The engine reads lexemes by longest match, so each of its sentences is derived here too, and perhaps
some more; what follows from this grammar about how long a sentence must be holds for the engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from potentials.grammar.completion.byte_automaton import FAR, ByteAutomaton, of_terminal

_MOST_SYMBOLS = 100_000
_DEFINITION = re.compile(r"^([A-Za-z]\w*):[ \t]*(.*(?:\n[ \t]+\|.*)*)$", re.M)
_WORD = re.compile(r'\s*(?:(\w+)|(/(?:\\.|[^/\\])+/)|("(?:\\.|[^"\\])*")|(\|))')


class UnreadableError(ValueError):
    """A grammar is written in a way that is not known here, or too large."""


@dataclass(frozen=True, eq=False)
class ByteGrammar:
    """Productions over rules and terminals; symbols are numbered, rules first.

    Attributes:
        rules: For each rule its alternatives, sequences of symbols.
        terminals: `[T]` automata; terminal t is the symbol `len(rules) + t`.
        start: The start symbol.
        lengths: For each symbol the bytes of its shortest text, `FAR` if it has none.
        nullable: The symbols that derive the empty text.
        last_bytes: The bytes that a sentence can end with.
    """

    rules: tuple[tuple[tuple[int, ...], ...], ...]
    terminals: tuple[ByteAutomaton, ...]
    start: int
    lengths: tuple[int, ...]
    nullable: frozenset[int]
    last_bytes: frozenset[int]


@lru_cache(maxsize=4)
def read(source: str) -> ByteGrammar:
    """Read a grammar in llguidance's dialect; the last few are kept.

    Raises:
        UnreadableError: It has a construct that is not known here, or too many symbols.
    """
    definitions = {m[1]: m[2] for m in _DEFINITION.finditer(source)}
    ignored = re.findall(r"^%ignore (\w+)$", source, re.M)
    others = [d for d in re.findall(r"^%(\w+)", source, re.M) if d not in ("llguidance", "ignore")]
    if others or "start" not in definitions:
        raise UnreadableError(f"has %{others[0]}" if others else "has no rule `start`")
    bodies: dict[str, list[list[str]]] = {}
    lexemes: dict[str, str] = {}
    size = 0
    for name, body in definitions.items():
        if name[0].isupper() or body.startswith("%json"):
            lexemes[name] = body
            continue
        bodies[name] = [[]]
        for word in _words(body):
            size += 1
            if word == "|":
                bodies[name].append([])
            elif word != '""':
                bodies[name][-1].append(word)
                if word[0] in '/"':
                    lexemes[word] = word
    if size > _MOST_SYMBOLS:
        raise UnreadableError(f"has {size:,} symbols, more than {_MOST_SYMBOLS:,}")
    if ignored:
        # Between any two lexemes: a superset of where the engine takes them.
        bodies[" skip"] = [[], *([" skip", name] for name in ignored)]
        read = [name for name in lexemes if name not in ignored]
        followed = {name: f" {name}" for name in read}
        for name, options in bodies.items():
            if not name.startswith(" "):
                bodies[name] = [[followed.get(w, w) for w in o] for o in options]
        bodies |= {followed[name]: [[name, " skip"]] for name in read}
        bodies[" start"] = [[" skip", "start"]]
    return _numbered(bodies, lexemes, " start" if ignored else "start")


def _words(body: str) -> list[str]:
    words, at, body = [], 0, body.rstrip()
    while at < len(body):
        match = _WORD.match(body, at)
        if match is None:
            raise UnreadableError(f"has {body[at : at + 20]!r} in a rule")
        words.append(match[0].strip())
        at = match.end()
    return words


def _numbered(
    bodies: dict[str, list[list[str]]], lexemes: dict[str, str], start: str
) -> ByteGrammar:
    automata = {name: of_terminal(source.strip()) for name, source in lexemes.items()}
    whole = {name: a for name, a in automata.items() if a is not None}
    number = {name: i for i, name in enumerate([*bodies, *whole])}
    missing = {w for options in bodies.values() for o in options for w in o if w not in number}
    if unknown := missing - automata.keys():
        raise UnreadableError(f"names {min(unknown)!r}, which is not defined")
    rules = tuple(
        tuple(dict.fromkeys(tuple(number[w] for w in o) for o in options if missing.isdisjoint(o)))
        for options in bodies.values()
    )
    lengths = _shortest(rules, [int(a.distance[0]) for a in whole.values()])
    nullable = frozenset(s for s, length in enumerate(lengths) if length == 0)
    terminals = tuple(whole.values())
    last = _last_bytes(rules, terminals, nullable, number[start])
    return ByteGrammar(rules, terminals, number[start], tuple(lengths), nullable, last)


def _shortest(rules: tuple[tuple[tuple[int, ...], ...], ...], terminals: list[int]) -> list[int]:
    """The bytes of each symbol's shortest text (Knuth 1977, by relaxation)."""
    lengths = [FAR] * len(rules) + terminals
    users: dict[int, set[int]] = {}
    for rule, options in enumerate(rules):
        for option in options:
            for symbol in option:
                users.setdefault(symbol, set()).add(rule)
    todo = set(range(len(rules)))
    while todo:
        rule = todo.pop()
        best = min((sum(lengths[s] for s in option) for option in rules[rule]), default=FAR)
        if best < lengths[rule]:
            lengths[rule] = best
            todo |= users.get(rule, set())
    return lengths


def _last_bytes(
    rules: tuple[tuple[tuple[int, ...], ...], ...],
    terminals: tuple[ByteAutomaton, ...],
    nullable: frozenset[int],
    start: int,
) -> frozenset[int]:
    found: set[int] = set()
    seen, stack = {start}, [start]
    while stack:
        symbol = stack.pop()
        if symbol >= len(rules):
            found |= terminals[symbol - len(rules)].last_bytes
            continue
        for option in rules[symbol]:
            for part in reversed(option):
                if part not in seen:
                    seen.add(part)
                    stack.append(part)
                if part not in nullable:
                    break
    return frozenset(found)


def packed_steps(terminals: tuple[ByteAutomaton, ...]) -> tuple[NDArray[np.int32], list[int]]:
    """Return all automata as one, and the number of each one's first state.

    Returns:
        `[S, 256]` the next state, −1 for none.
    """
    firsts, parts, count = [], [np.zeros((0, 256), np.int32)], 0
    for automaton in terminals:
        firsts.append(count)
        parts.append(np.where(automaton.steps >= 0, automaton.steps + count, -1))
        count += len(automaton.steps)
    return np.concatenate(parts).astype(np.int32), firsts
