"""Grammar rules as boundaries: a boundary wherever one of some rules is completed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from potentials.grammar.incremental_parser import Position, Tracker
from potentials.grammar.lark.automata.pattern import Unsupported
from smc.errors import GrammarError

if TYPE_CHECKING:
    from lark import Lark


@dataclass(frozen=True, slots=True)
class RuleState:
    """The state of a `RuleBoundary`: where the tracker is, and the text in linked pieces."""

    position: Position
    piece: str = ""
    before: RuleState | None = None

    def text(self) -> str:
        """Return all of the text."""
        pieces: list[str] = []
        state: RuleState | None = self
        while state is not None:
            pieces.append(state.piece)
            state = state.before
        return "".join(reversed(pieces))


class RuleBoundary:
    """A boundary wherever one of some rules is completed (`Grammar.boundary`).

    The tracker reads like Lark, the masks read like llguidance. Should the tracker lose its place
    in a text that the grammar admits, it says so once and fires at the delimiters from there on.

    Args:
        tracker: Of the grammar.
        names: Rules, aliases or terminals whose completion counts.
        delimiters: Characters to fire at where the tracker has lost its place; "" for never.
        admits: Whether a text may begin a sentence.
    """

    def __init__(
        self,
        tracker: Tracker,
        names: Iterable[str],
        delimiters: str,
        admits: Callable[[str], bool],
    ) -> None:
        self._tracker, self._names = tracker, frozenset(names)
        self._delimiters, self._admits = frozenset(delimiters), admits
        self._warned = False

    def start(self) -> RuleState:
        """Return the state before any text."""
        return RuleState(self._tracker.start)

    def advance(self, state: RuleState, text: str) -> tuple[RuleState, bool]:
        """Take the text of one token; say whether it completed one of the rules."""
        if not text:
            return state, False
        position, events = self._tracker.feed(state.position, text)
        now = RuleState(position, text, state)
        fires = any(e.name in self._names for e in events)
        if position.stack is None:
            if state.position.stack is not None:
                self._warn(now)
            fires = fires or not self._delimiters.isdisjoint(text)
        return now, fires

    def _warn(self, state: RuleState) -> None:
        text = state.text()
        if self._warned or not self._admits(text):
            return
        self._warned = True
        instead = f"at any of {sorted(self._delimiters)}" if self._delimiters else "no more"
        warnings.warn(
            f"Grammar.boundary: the parser lost its place in {text[-200:]!r}, which the grammar "
            f"admits; the boundary fires {instead} in such texts. The result stays exact.",
            stacklevel=3,
        )


def boundary_of(
    lark: Lark | None,
    start: str,
    names: tuple[str, ...],
    delimiters: str,
    admits: Callable[[str], bool],
) -> RuleBoundary:
    """Return the boundary at some rules of a grammar.

    Raises:
        GrammarError: The grammar is not LALR(1), or has no such rule.
    """
    remedy = 'Use a delimiter instead, as `boundaries.after(";")`.'
    if lark is None:
        raise GrammarError(
            "Grammar.boundary: the grammar is not LALR(1) without conflicts, so the end of a rule "
            f"is not known while the text grows. {remedy}"
        )
    try:
        tracker = _tracker(lark, start)
    except Unsupported as error:
        raise GrammarError(
            f"Grammar.boundary: a terminal {error}, so it cannot be followed. {remedy}"
        ) from error
    unknown = [n for n in names if n not in tracker.names]
    if unknown or not names:
        raise GrammarError(
            f"Grammar.boundary: got {unknown or 'no name'}, expected names of rules, aliases or "
            f"terminals: {', '.join(sorted(n for n in tracker.names if n[0] not in '_$'))}."
        )
    return RuleBoundary(tracker, names, delimiters, admits)


@lru_cache(maxsize=8)
def _tracker(lark: Lark, start: str) -> Tracker:
    """The tracker of a parser; its automata take a while to build."""
    return Tracker(lark, start)
