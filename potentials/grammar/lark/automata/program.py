"""Regular expressions as programs of a backtracking matcher (Thompson, Pike)."""

from __future__ import annotations

from dataclasses import dataclass

from potentials.grammar.lark.automata.alphabet import Alphabet
from potentials.grammar.lark.automata.pattern import (
    Alt,
    Chars,
    End,
    Look,
    Node,
    Repeat,
    Seq,
    Unsupported,
    size_of,
)

_MOST_COPIES = 4000  # instructions beyond those of the expression as it is written


@dataclass(frozen=True)
class Read:
    """Take one character of the mask, then go on at the next instruction."""

    mask: int


@dataclass(frozen=True)
class Fork:
    """Go on at each target; earlier ones are preferred."""

    targets: tuple[int, ...]


@dataclass(frozen=True)
class Assert:
    """Go on at the next instruction if the assertion holds here."""

    look: Look


@dataclass(frozen=True)
class AtEnd:
    """Go on at the next instruction at the end of the text only."""


@dataclass(frozen=True)
class Match:
    """The expression has matched."""


Instruction = Read | Fork | Assert | AtEnd | Match


def compile_program(node: Node, alphabet: Alphabet) -> tuple[Instruction, ...]:
    """Return the program of a tree.

    Raises:
        Unsupported: When counted repeats make it too long.
    """
    code: list[Instruction] = []
    _emit(node, alphabet, code, 3 * size_of(node) + _MOST_COPIES)
    code.append(Match())
    return tuple(code)


def _emit(node: Node, alphabet: Alphabet, code: list[Instruction], longest: int) -> None:
    if len(code) > longest:
        raise Unsupported(f"needs more than {longest} states (large counted repeats)")
    if isinstance(node, Chars):
        code.append(Read(alphabet.masks[node.ranges]))
    elif isinstance(node, Seq):
        for item in node.items:
            _emit(item, alphabet, code, longest)
    elif isinstance(node, Alt):
        _alternatives(node, alphabet, code, longest)
    elif isinstance(node, Repeat):
        _repeat(node, alphabet, code, longest)
    elif isinstance(node, End):
        code.append(AtEnd())
    else:
        code.append(Assert(node))


def _alternatives(node: Alt, alphabet: Alphabet, code: list[Instruction], longest: int) -> None:
    fork = len(code)
    code.append(Match())
    starts: list[int] = []
    ends: list[int] = []
    for option in node.options:
        starts.append(len(code))
        _emit(option, alphabet, code, longest)
        ends.append(len(code))
        code.append(Match())
    code[fork] = Fork(tuple(starts))
    for end in ends:
        code[end] = Fork((len(code),))


def _repeat(node: Repeat, alphabet: Alphabet, code: list[Instruction], longest: int) -> None:
    for _ in range(node.low):
        _emit(node.item, alphabet, code, longest)
    if node.high is None:
        fork = len(code)
        code.append(Match())
        _emit(node.item, alphabet, code, longest)
        code.append(Fork((fork,)))
        code[fork] = _choice(fork + 1, len(code), node.lazy)
        return
    forks: list[int] = []
    for _ in range(node.high - node.low):
        forks.append(len(code))
        code.append(Match())
        _emit(node.item, alphabet, code, longest)
    for fork in forks:
        code[fork] = _choice(fork + 1, len(code), node.lazy)


def _choice(inner: int, after: int, lazy: bool) -> Fork:
    return Fork((after, inner) if lazy else (inner, after))
