"""Boundaries that need no grammar: where a statement, a step or a line ends.

Each reads the text one token at a time and fires in the token that completes the mark, also where
the mark is split over tokens or the token goes on after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from smc.errors import SettingsError


@dataclass(frozen=True)
class After:
    """Fires in every token that completes one of some marks.

    Attributes:
        marks: Strings, none of them empty.
    """

    marks: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.marks or not all(self.marks):
            raise SettingsError(
                f"boundary: got the marks {self.marks!r}, expected at least one, none empty."
            )

    def start(self) -> str:
        """Return the empty tail."""
        return ""

    def advance(self, state: str, text: str) -> tuple[str, bool]:
        """Take the text of one token; the state is the last characters that are in no mark."""
        rest = state + text
        fires = False
        while ends := [at + len(m) for m in self.marks if (at := rest.find(m)) >= 0]:
            fires, rest = True, rest[min(ends) :]
        return rest[max(0, len(rest) - self._longest + 1) :], fires

    @property
    def _longest(self) -> int:
        return max(map(len, self.marks))


@dataclass(frozen=True)
class Every:
    """Fires at every n-th token.

    Attributes:
        n: At least 1.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise SettingsError(f"boundary: every({self.n}): expected at least 1 token.")

    def start(self) -> int:
        """Return the number of tokens since the last boundary: none."""
        return 0

    def advance(self, state: int, text: str) -> tuple[int, bool]:
        """Count one token, whatever its text."""
        now = (state + 1) % self.n
        return now, now == 0


@dataclass(frozen=True)
class Sentences:
    """Fires where a sentence is over: at the white space after `.`, `!` or `?`.

    Quotes and brackets may close between the two. An abbreviation fires too; the final target
    does not depend on it.
    """

    ends: str = ".!?…。！？"
    closers: str = "\"'”’)]}»"

    def start(self) -> bool:
        """Return whether the text so far might be a whole sentence: no."""
        return False

    def advance(self, state: bool, text: str) -> tuple[bool, bool]:
        """Take the text of one token; the state says if white space would end a sentence."""
        fires = False
        for char in text:
            fires = fires or (state and char.isspace())
            state = char in self.ends or (state and char in self.closers)
        return state, fires


def lines() -> After:
    """Return the boundary after every line."""
    return After(("\n",))


def steps(mark: str = "\n\n") -> After:
    """Return the boundary after every step of a solution; a blank line ends one by default."""
    return After((mark,))


def sentences() -> Sentences:
    """Return the boundary after every sentence."""
    return Sentences()


def every(n: int) -> Every:
    """Return the boundary at every n-th token."""
    return Every(n)


def after(chars: str) -> After:
    """Return the boundary after any of these characters."""
    return After(tuple(dict.fromkeys(chars)))
