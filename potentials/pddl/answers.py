"""Goal potentials: an answer is read atom by atom, as all of them do."""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from potentials.boundaries import After
from potentials.pddl.model import Atom
from smc.potential import Boundary, IncrementalPotential

F = TypeVar("F")

MAX_ATOM = 4096
"""Bytes of one atom, white space within it included; a longer one has no weight."""

_ATOM = re.compile(rb"[ \t\r\n]*\(([^()]*)\)")
_BEGUN = re.compile(rb"[ \t\r\n]*(?:\(([^()]*))?")
_END = re.compile(rb"[ \t\r\n]*\)[) \t\r\n]*")
_TAIL = re.compile(rb"[) \t\r\n]*")


def closed_expressions() -> Boundary[str]:
    """Return the boundary after every parenthesis that closes: there an atom is whole.

    Example:
        >>> boundary = closed_expressions()
        >>> state, fires = boundary.advance(boundary.start(), " (on a")
        >>> fires, boundary.advance(state, " b) (")[1]
        (False, True)
    """
    return After((")",))


CLOSED_EXPRESSIONS = closed_expressions()


@dataclass(frozen=True, slots=True)
class Answer(Generic[F]):
    """What has been read of an answer.

    Attributes:
        facts: What the potential keeps of the closed atoms; None: no goal can begin like this.
        unread: The bytes of the atom that is not closed, without the white space before it.
        closed: Whether the conjunction is closed, so that nothing but parentheses may follow.
    """

    facts: F | None
    unread: bytes = b""
    closed: bool = False


class AtomPotential(IncrementalPotential[Answer[F]]):
    """Judges a goal by its atoms, each when it is closed.

    A text has weight 0 or −inf. It has none if it is no conjunction of atoms, or if an atom or the
    whole goal is refused. At the end an atom that lacks its parenthesis, as the stop string `))`
    leaves it, counts as closed.

    Args:
        boundary: When `prefix` is asked; None: after every token.
    """

    def __init__(self, *, boundary: Boundary[Any] | None = CLOSED_EXPRESSIONS) -> None:
        self.boundary = boundary

    @abstractmethod
    def nothing(self) -> F:
        """Return the facts before any atom."""

    @abstractmethod
    def taking(self, facts: F, atom: Atom) -> F | None:
        """Return the facts with one more atom of the goal; None if no such goal has weight."""

    def suffices(self, facts: F) -> bool:
        """Return whether the atoms may be all of a goal; by default any may."""
        return True

    def start(self) -> Answer[F]:
        """Return the answer without a character."""
        return Answer(self.nothing())

    def advance(self, state: Answer[F], new_bytes: bytes) -> Answer[F]:
        """Read on; what is closed is judged."""
        if state.facts is None:
            return state
        if state.closed:
            return state if _TAIL.fullmatch(new_bytes) else Answer(None)
        text, facts, at = state.unread + new_bytes, state.facts, 0
        while match := _ATOM.match(text, at):
            known = self._with(facts, match[1])
            if known is None:
                return Answer(None)
            facts, at = known, match.end()
        begun = _BEGUN.match(text, at)
        if begun is not None and begun.end() == len(text):
            unread = text[begun.start(1) - 1 :] if begun[1] is not None else b""
            return Answer(None) if len(unread) > MAX_ATOM else Answer(facts, unread)
        return Answer(facts, closed=True) if _END.fullmatch(text, at) else Answer(None)

    def prefix(self, state: Answer[F]) -> float:
        """Return 0 if the closed atoms can be part of a goal with weight, else −inf."""
        return -math.inf if state.facts is None else 0.0

    def complete(self, state: Answer[F]) -> float:
        """Return 0 if the goal has weight, else −inf."""
        facts = state.facts
        if facts is not None and state.unread:
            facts = self._with(facts, state.unread[1:])
        return 0.0 if facts is not None and self.suffices(facts) else -math.inf

    def _with(self, facts: F, inside: bytes) -> F | None:
        if len(inside) + 2 > MAX_ATOM:
            return None
        atom = _read(inside)
        return None if atom is None else self.taking(facts, atom)


@lru_cache(maxsize=4096)
def _read(inside: bytes) -> Atom | None:
    """Return the atom in parentheses; None if it is empty or not ASCII."""
    if not inside.isascii():
        return None
    words = [word.decode("ascii") for word in inside.lower().split()]
    return Atom(words[0], tuple(words[1:])) if words else None
