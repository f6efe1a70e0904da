"""The rules of gripper: what is a state, which goals can be met, and what a goal implies.

Every object is a ball, a room or a gripper, and stays so. A ball is in a room or in a gripper, a
gripper holds one ball or is free, the robot is in one room. Any state can be reached from any
other, if there is a gripper; without one no ball ever moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from potentials.pddl import Atom

NAME = "gripper"
_KINDS = ("ball", "room", "gripper")


@dataclass(frozen=True)
class _Picture:
    """What atoms say.

    Attributes:
        kinds: Object -> what it is said to be.
        places: Ball -> the atoms that say where it is.
        loads: Gripper -> the balls that it is said to carry.
        free: Grippers.
        rooms: Where the robot is said to be.
    """

    kinds: dict[str, set[str]]
    places: dict[str, set[Atom]]
    loads: dict[str, set[str]]
    free: set[str]
    rooms: set[str]


def is_state(objects: Collection[str], atoms: Collection[Atom]) -> bool:
    """Return whether the atoms are all those that hold in some state."""
    picture = _picture(atoms)
    if picture is None or any(len(picture.kinds[name]) != 1 for name in objects):
        return False
    kinds = {name: next(iter(picture.kinds[name])) for name in objects}
    balls, _, grippers = (_of(kinds, kind) for kind in _KINDS)
    return (
        _fits(picture, kinds)
        and len(picture.rooms) == 1
        and all(ball in picture.places for ball in balls)
        and all((g in picture.free) != (g in picture.loads) for g in grippers)
    )


def is_met(objects: Collection[str], init: Collection[Atom], goal: Iterable[Atom]) -> bool:
    """Return whether the goal holds in a state that can be reached from the initial one."""
    wanted = _picture(goal)
    if not is_state(objects, init) or wanted is None:
        return False
    start = _picture(init)
    assert start is not None
    kinds = {name: next(iter(options)) for name, options in start.kinds.items()}
    if any(options != {kinds[name]} for name, options in wanted.kinds.items()):
        return False
    if not _of(kinds, "gripper") and any(
        places != start.places[ball] for ball, places in wanted.places.items()
    ):
        return False
    return _fits(wanted, kinds)


def implied(
    objects: Collection[str], init: Collection[Atom], goal: Iterable[Atom]
) -> frozenset[Atom]:
    """Return all atoms that hold in every state that can be reached and where the goal holds.

    Args:
        objects: All of the problem.
        init: The initial state, which says what is what.
        goal: That can be met.
    """
    goal = frozenset(goal)
    wanted, start = _picture(goal), _picture(init)
    assert wanted is not None and start is not None, "a goal that can be met"
    atoms = set(goal) | {Atom(next(iter(start.kinds[name])), (name,)) for name in objects}
    balls, rooms, grippers = (
        {name for name in objects if kind in start.kinds[name]} for kind in _KINDS
    )
    unplaced = balls - set(wanted.places)
    unsaid = grippers - wanted.free - set(wanted.loads)
    if len(rooms) == 1:
        atoms |= {Atom("at-robby", (room,)) for room in rooms}
        if not unsaid:
            atoms |= {Atom("at", (ball, room)) for ball in unplaced for room in rooms}
    if not grippers:
        atoms |= {atom for ball in balls for atom in start.places[ball]}
    if not unplaced:
        atoms |= {Atom("free", (gripper,)) for gripper in unsaid}
    return frozenset(atoms)


def _picture(atoms: Iterable[Atom]) -> _Picture | None:
    """Return what the atoms say; None for an atom that is none of gripper."""
    picture = _Picture(defaultdict(set), defaultdict(set), defaultdict(set), set(), set())
    for atom in atoms:
        match atom.predicate, atom.args:
            case ("ball" | "room" | "gripper") as kind, (name,):
                picture.kinds[name].add(kind)
            case "at", (ball, _):
                picture.places[ball].add(atom)
            case "carry", (ball, gripper):
                picture.places[ball].add(atom)
                picture.loads[gripper].add(ball)
            case "free", (gripper,):
                picture.free.add(gripper)
            case "at-robby", (room,):
                picture.rooms.add(room)
            case _:
                return None
    return picture


def _fits(picture: _Picture, kinds: dict[str, str]) -> bool:
    """Return whether some state has all of this."""
    named = {(ball, "ball") for ball in picture.places}
    named |= {(gripper, "gripper") for gripper in (*picture.free, *picture.loads)}
    named |= {(room, "room") for room in picture.rooms}
    named |= {
        (atom.args[1], "room")
        for places in picture.places.values()
        for atom in places
        if atom.predicate == "at"
    }
    return (
        all(kinds[name] == kind for name, kind in named)
        and len(picture.rooms) <= 1
        and all(len(places) == 1 for places in picture.places.values())
        and all(len(balls) == 1 for balls in picture.loads.values())
        and not picture.free & set(picture.loads)
    )


def _of(kinds: dict[str, str], kind: str) -> set[str]:
    return {name for name, own in kinds.items() if own == kind}
