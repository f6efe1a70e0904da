"""Solutions with one planted mistake: what a judge of steps is measured on.

A mistake is a line that the rules allow and that leads nowhere, one that belongs elsewhere, or one
in which a number or a word is another one of its sort. What follows it is what would have followed,
in half of the cases with the same change.
"""

from __future__ import annotations

import random
import re

from domains.reasoning.cube import TURNS
from domains.reasoning.facts import CITIES, COUNTRIES, NAMES, NOUNS, THINGS
from domains.reasoning.kind import ANSWER
from domains.reasoning.puzzles import KINDS, Puzzle

_PART = re.compile(r"\d+|[A-Za-z]+[2']?|[-+*]")
_SORTS = (NAMES, CITIES, COUNTRIES, NOUNS, THINGS)
_MISLED = 0.6
_TRIES = 50


def mistaken(puzzle: Puzzle, rng: random.Random) -> tuple[str, ...]:
    """Return the lines of a solution with a mistake; `Puzzle.sound` says where it is."""
    lines = puzzle.solve().lines
    at = rng.randrange(len(lines))
    sound, rest = lines[:at], lines[at + 1 : at + 1 + rng.choice((0, 0, 1, 2, 9))]
    allowed = KINDS[puzzle.kind].moves(puzzle.question, sound)
    misled = [m for m in allowed if not puzzle.sound((*sound, m))[-1]]
    if misled and rng.random() < _MISLED:
        return (*sound, rng.choice(misled), *rest)
    for _ in range(_TRIES):
        line, old, new = _slip(lines[at], puzzle.question, rng)
        if rng.random() < 0.15:
            line, old = rng.choice((*puzzle.question.split("; "), *lines[at + 1 :])), ""
        if puzzle.sound((*sound, line))[-1]:
            continue
        if old and rng.random() < 0.5:
            rest = tuple(re.sub(rf"\b{re.escape(old)}\b", new, text) for text in rest)
        return (*sound, line, *rest)
    return (*sound, f"{ANSWER}?")  # no slip of this line is wrong


def _slip(line: str, question: str, rng: random.Random) -> tuple[str, str, str]:
    """A line with one part changed, the part, and what it became."""
    if rng.random() < 0.15 and " is " in line:
        affirmed = line.replace(" is not ", " is ")
        return affirmed if affirmed != line else line.replace(" is ", " is not "), "", ""
    parts = list(_PART.finditer(line, len(ANSWER) if line.startswith(ANSWER) else 0))
    if not parts:
        return line, "", ""
    part = rng.choice(parts)
    new = _another(part[0], question, rng)
    return line[: part.start()] + new + line[part.end() :], part[0], new


def _another(part: str, question: str, rng: random.Random) -> str:
    """What stands in the place of a part: a number near it, a word of its sort in the question."""
    if part.isdigit():
        near = [int(part) + d for d in (-10, -2, -1, -1, 1, 1, 2, 10)]
        shown = [int(n) for n in re.findall(r"\d+", question)]
        return str(rng.choice([n for n in (*near, *shown) if n >= 0]))
    if part in ("yes", "no"):
        return "no" if part == "yes" else "yes"
    for sort in ("+-*", TURNS):
        if part in sort:
            return rng.choice(sort)
    words = re.findall(r"[A-Za-z]+", question)
    sort = next((sort for sort in _SORTS if part in sort), ())
    alike = [w for w in words if w in sort] or [w for w in words if len(w) == len(part)]
    return rng.choice(alike or [*words, "free"])
