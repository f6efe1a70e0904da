"""The cube of 2 x 2 x 2: a few turns until every face has one colour."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product

from domains.reasoning.kind import Kind, Solution

FACES = "URFDLB"
COLOURS = "wrgyob"
TURNS = tuple(f"{face}{times}" for face in "URF" for times in ("", "2", "'"))
"""The corner between D, L and B stays where it is, so these reach every state."""
_FARTHEST = 3
_QUESTION = re.compile(r"cube ((?:[a-z ]{7} / ){5}[a-z ]{7}); in (\d) turns")
_NORMALS = {"U": (0, 1, 0), "R": (1, 0, 0), "F": (0, 0, 1)}
_NORMALS |= {f: tuple(-x for x in _NORMALS[g]) for f, g in zip("DLB", "URF", strict=True)}

Vector = tuple[int, ...]


class Cube(Kind):
    """A scrambled cube, to be solved by at most as many turns as it was scrambled by."""

    name = "cube"
    rules = (
        "The 2x2x2 cube is given by the colours of the faces U, R, F, D, L, B, four stickers each, "
        "row by row. Turn U, R or F clockwise, by a half turn (U2) or the other way round (U'), "
        "until every face has one colour. Write a turn and the cube after it a line. The answer is "
        "the turns in order, separated by a space, such as: R U2 F'."
    )

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        colours = rng.sample(COLOURS, 6)
        state = "".join(colour * 4 for colour in colours)
        far = rng.randint(1, _FARTHEST)
        while distance(state) != far:
            state = turned(state, rng.choice(TURNS))
            if distance(state) is None:
                state = "".join(colour * 4 for colour in colours)
        return f"cube {_told(state)}; in {far} turns"

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        state, limit = self._parse(question)
        far = distance(state)
        if far is None or far > limit:
            raise self.unreadable(question)
        lines, turns = [], []
        while far:
            far -= 1
            turn = next(t for t in TURNS if distance(turned(state, t)) == far)
            state = turned(state, turn)
            turns.append(turn)
            lines.append(f"{turn}: {_told(state)}")
        return Solution(tuple(lines), " ".join(turns))

    def is_right(self, question: str, answer: str) -> bool:
        """See `Kind.is_right`."""
        state, limit = self._parse(question)
        turns = answer.split(" ")
        if len(turns) > limit or not all(turn in TURNS for turn in turns):
            return False
        for turn in turns:
            state = turned(state, turn)
        return distance(state) == 0

    def follows(self, question: str, steps: Sequence[str]) -> bool:
        """See `Kind.follows`."""
        state, limit = self._parse(question)
        for step in steps:
            turn, _, told = step.partition(": ")
            if turn not in TURNS:
                return False
            state = turned(state, turn)
            if told != _told(state):
                return False
        far = distance(state)
        return far is not None and far <= limit - len(steps)

    def moves(self, question: str, steps: Sequence[str]) -> list[str]:
        """See `Kind.moves`."""
        state, limit = self._parse(question)
        for step in steps:
            state = turned(state, step.partition(": ")[0])
        if len(steps) >= limit:
            return []
        return [f"{turn}: {_told(turned(state, turn))}" for turn in TURNS]

    def statements(self, question: str) -> tuple[str, ...]:
        """Return nothing: there is no fact about a cube beside its stickers."""
        return ()

    def _parse(self, question: str) -> tuple[str, int]:
        match = _QUESTION.fullmatch(question)
        state = "" if match is None else match[1].replace(" ", "").replace("/", "")
        if match is None or sorted(state) != sorted(COLOURS * 4):
            raise self.unreadable(question)
        return state, int(match[2])


def turned(state: str, turn: str) -> str:
    """Return the stickers after a turn; 24 of them, face by face in the order of `FACES`."""
    return "".join(state[k] for k in _origins(turn))


def distance(state: str) -> int | None:
    """Return how many turns it takes to solve a cube; None: more than are ever asked for."""
    return _table().get(_relabelled(state))


def _told(state: str) -> str:
    return " / ".join(" ".join(state[k : k + 4]) for k in range(0, 24, 4))


def _relabelled(state: str) -> str:
    """The state with its colours called in the order in which they come."""
    names = {colour: str(k) for k, colour in enumerate(dict.fromkeys(state))}
    return "".join(names[colour] for colour in state)


@cache
def _table() -> dict[str, int]:
    """All states up to the farthest, and their distance from the solved one."""
    solved = "".join(colour * 4 for colour in COLOURS)
    found, edge = {_relabelled(solved): 0}, [solved]
    for far in range(1, _FARTHEST + 1):
        new: dict[str, str] = {}
        for state, turn in product(edge, TURNS):
            after = turned(state, turn)
            if _relabelled(after) not in found:
                new[_relabelled(after)] = after
        found |= dict.fromkeys(new, far)
        edge = list(new.values())
    return found


@cache
def _origins(turn: str) -> tuple[int, ...]:
    """Where the sticker of each place was before a turn."""
    places = _places()
    quarter = {new: old for old, new in zip(places, _rotated(places, turn[0]), strict=True)}
    at = {place: k for k, place in enumerate(places)}
    origins = list(places)
    for _ in range({"": 1, "2": 2, "'": 3}[turn[1:]]):
        origins = [quarter[place] for place in origins]
    return tuple(at[place] for place in origins)


def _rotated(places: Iterable[tuple[Vector, Vector]], face: str) -> list[tuple[Vector, Vector]]:
    """Where stickers get to by a quarter of a turn, clockwise as seen from before the face."""
    axis = _NORMALS[face]

    def turn(v: Vector) -> Vector:
        # A rotation by −90° about an axis a: v ↦ a (a·v) − a × v.
        along = sum(a * x for a, x in zip(axis, v, strict=True))
        (a, b, c), (x, y, z) = axis, v
        cross = (b * z - c * y, c * x - a * z, a * y - b * x)
        return tuple(n * along - w for n, w in zip(axis, cross, strict=True))

    turns = [
        (turn(p), turn(n)) if sum(a * x for a, x in zip(axis, p, strict=True)) == 1 else (p, n)
        for p, n in places
    ]
    return turns


@cache
def _places() -> tuple[tuple[Vector, Vector], ...]:
    """Corner and normal of every sticker, in order: each face row by row, seen from before it."""
    # To the right and downwards, as each face is drawn in the usual net.
    across = {
        "U": ((1, 0, 0), (0, 0, 1)),
        "R": ((0, 0, -1), (0, -1, 0)),
        "F": ((1, 0, 0), (0, -1, 0)),
        "D": ((1, 0, 0), (0, 0, -1)),
        "L": ((0, 0, 1), (0, -1, 0)),
        "B": ((-1, 0, 0), (0, -1, 0)),
    }
    places = []
    for face in FACES:
        normal, (right, down) = _NORMALS[face], across[face]
        for row, column in product((-1, 1), repeat=2):
            corner = tuple(
                n + column * r + row * d for n, r, d in zip(normal, right, down, strict=True)
            )
            places.append((corner, normal))
    return tuple(places)
