"""Puzzles of all kinds: their prompts, their parts, and what a text says of one."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from domains.reasoning.blocks import Blocks
from domains.reasoning.cube import Cube
from domains.reasoning.facts import Lookup, Ontology, YesNo
from domains.reasoning.kind import ANSWER, Kind, Solution
from domains.reasoning.numbers import Arithmetic, Equation, Game24
from domains.reasoning.packing import Packing
from domains.reasoning.schedules import Calendar, Trip
from domains.splits import Split, distinct_problems, split_of

Mode = Literal["steps", "direct"]

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Arithmetic(),
            Equation(),
            Ontology(),
            Lookup(),
            YesNo(),
            Game24(),
            Packing(),
            Blocks(),
            Cube(),
            Trip(),
            Calendar(),
        )
    }
)
"""By name; in the order of Sys2Bench: arithmetic, logic, common sense, search, planning."""
_NAMES = tuple(KINDS)


@dataclass(frozen=True)
class Puzzle:
    """A question of a kind.

    Attributes:
        kind: Of `KINDS`.
        question: One line.
    """

    kind: str
    question: str

    @property
    def text(self) -> str:
        """What is asked, kind and newline included."""
        return f"{self.kind}: {self.question}\n"

    def prompt(self, mode: Mode = "steps") -> str:
        """Return what the embedded model continues: by steps, or by the answer at once."""
        return f"{self.text}{mode}\n"

    def solve(self) -> Solution:
        """Return a right solution."""
        return KINDS[self.kind].solve(self.question)

    def is_right(self, text: str) -> bool:
        """Say whether a text ends in a right answer, whatever its steps are."""
        said = answer_of(text)
        return said is not None and KINDS[self.kind].is_right(self.question, said)

    def sound(self, lines: Sequence[str]) -> tuple[bool, ...]:
        """Say of each line whether some right solution begins with all lines up to it.

        Args:
            lines: With their newlines or without; the one that gives the answer is the last.
        """
        kind, plain = KINDS[self.kind], [line.removesuffix("\n") for line in lines]
        flags: list[bool] = []
        for k, line in enumerate(plain):
            good = not flags or flags[-1]
            if good and line.startswith(ANSWER):
                good = k == len(plain) - 1 and self.is_right(line)
            elif good:
                good = kind.follows(self.question, plain[: k + 1])
            flags.append(good)
        return tuple(flags)


def answer_of(text: str) -> str | None:
    """Return what the last line gives as the answer; None where it gives none."""
    last = text.removesuffix("\n").rpartition("\n")[2]
    return last.removeprefix(ANSWER) or None if last.startswith(ANSWER) else None


def split(text: str) -> tuple[str, ...]:
    """Return the lines of a text, each with its newline; the text is their concatenation."""
    return tuple(re.findall(r"[^\n]*\n|[^\n]+", text))


@lru_cache(maxsize=4096)
def puzzle_of(prompt: str) -> Puzzle:
    """Return the puzzle of a prompt.

    Raises:
        ValueError: It states none.
    """
    kind, _, rest = prompt.partition(": ")
    if kind not in KINDS or not rest.partition("\n")[0]:
        raise ValueError(
            f"reasoning: {prompt[:80]!r} is not a prompt; expected one of {', '.join(KINDS)}, a "
            "colon and a question."
        )
    return Puzzle(kind, rest.partition("\n")[0])


def draw(kind: str, rng: random.Random) -> Puzzle:
    """Return a random puzzle of a kind, of whatever part."""
    return Puzzle(kind, KINDS[kind].generate(rng))


def draw_from(split: Split, kind: str, rng: random.Random) -> Puzzle:
    """Return a random puzzle of a kind and a part."""
    while True:
        puzzle = draw(kind, rng)
        if split_of(puzzle) == split:
            return puzzle


def puzzles(split: Split, seed: int = 0, kinds: Sequence[str] = _NAMES) -> Iterator[Puzzle]:
    """Yield puzzles of a part without end, the kinds taking turns; see `distinct_problems`."""
    found = distinct_problems(
        "reasoning",
        lambda place, rng: draw(kinds[place], rng),
        split,
        seed,
        tuple(range(len(kinds))),
    )
    return (puzzle for _, puzzle in found)
