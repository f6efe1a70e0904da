"""Masks by parser state: texts that a grammar goes on from alike have one mask.

Particles come to the same places by other texts, and so does one text again and again: after every
`WHERE T1.` of a query the same columns may follow. What a state is: `parser_states`. It is followed
beside the mask engine and has to read as that does; so it is checked at the first time that a mask
is taken from here, at the second, the fourth, the eighth, and so on, and not used any more after a
difference.
"""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
from cachetools import LRUCache

from potentials.grammar.completion.byte_grammar import UnreadableError, read
from potentials.grammar.scheduling import GrammarVerdict
from potentials.grammar.states.parser_states import ParserStates, TooManyStatesError

_KEPT_TEXTS = 4096
_ENOUGH_TEXTS = 1024  # after so many it must have paid
_LEAST_SHARE = 0.1

State = tuple[int, int]


class MaskMemo:
    """Verdicts with rows, by the state of the parser.

    Args:
        source: The grammar in llguidance's dialect.
        name: How warnings call the grammar.
        most_bytes: How much the rows may take.

    Attributes:
        serves: Whether states can be told; without, nothing is remembered.
    """

    def __init__(self, source: str, name: str, most_bytes: int) -> None:
        self._name = name
        self._states: LRUCache[bytes, State | None] = LRUCache(_KEPT_TEXTS)
        self._verdicts: LRUCache[State, GrammarVerdict] = LRUCache(most_bytes, _bytes)
        self._checked: dict[bytes, GrammarVerdict] = {}
        self._asked = self._found = 0
        self.serves = False
        with contextlib.suppress(UnreadableError, TooManyStatesError, RecursionError):
            grammar = read(source)
            if all(t.exact and t.distance[0] > 0 for t in grammar.terminals):
                self._parser = ParserStates(grammar)
                self.serves = True

    def recall(self, text: bytes, parent: int) -> GrammarVerdict | None:
        """Return what is known of a text, from another at the same state.

        Args:
            text: The text.
            parent: Length of a beginning of it that was asked about, perhaps.
        """
        if not self.serves:
            return None
        try:
            state = self._state(text, parent)
        except (TooManyStatesError, RecursionError):
            self._stop()
            return None
        self._asked += 1
        known = None if state is None else self._verdicts.get(state)
        if known is None:
            if self._asked == _ENOUGH_TEXTS and self._found < _LEAST_SHARE * self._asked:
                self._stop()
            return None
        self._found += 1
        if self._found & (self._found - 1) == 0:
            self._checked[text] = known
            return None
        return known._replace(text=text)

    def learn(self, verdict: GrammarVerdict) -> None:
        """Remember what the mask engine said of a text that was asked about."""
        state = self._states.get(verdict.text) if self.serves else None
        if state is None or verdict.row is None or not verdict.viable:
            return
        expected = self._checked.pop(verdict.text, None)
        if expected is None:
            # A copy: the row may be a part of a table of many.
            with contextlib.suppress(ValueError):  # larger than all that may be kept
                self._verdicts[state] = verdict._replace(row=verdict.row.copy())
        elif (
            expected.accepting != verdict.accepting
            or expected.row is None
            or not np.array_equal(expected.row, verdict.row)
        ):
            self._stop()
            warnings.warn(
                f"{self._name}: a remembered mask is not that of the mask engine after "
                f"{verdict.text[-200:]!r}; from here on every mask is filled anew. Masks before "
                "may have been wrong: please report the grammar.",
                stacklevel=5,
            )

    def state_of(self, text: bytes) -> State | None:
        """Return the state of a text that was asked about lately; None where nobody can tell."""
        return self._states.get(text) if self.serves else None

    def _state(self, text: bytes, parent: int) -> State | None:
        if text in self._states:
            return self._states[text]
        before = self._states.get(text[:parent])
        if before is None:
            before, parent = self._parser.start, 0
        state = self._states[text] = self._parser.read(before, text[parent:])
        return state

    def _stop(self) -> None:
        self.serves = False
        self._states.clear()
        self._verdicts.clear()
        self._checked.clear()


def _bytes(verdict: GrammarVerdict) -> int:
    return 200 + len(verdict.text) + (0 if verdict.row is None else verdict.row.nbytes)
