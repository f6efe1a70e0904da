"""The rules of blocksworld: what is a state, which goals can be met, and what a goal implies.

A block is on the table, on another block or in the arm; it is clear if nothing is on it and it is
not held; the arm holds at most one block. From every state every other can be reached.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from potentials.pddl import Atom

NAME = "blocksworld"
ARM_EMPTY = Atom("arm-empty")
_TABLE = "the table"
_ARM = "the arm"
_NOTHING = "nothing"


@dataclass(frozen=True)
class _Picture:
    """What atoms say of each block.

    Attributes:
        below: Block -> what it is on: a block, the table or the arm; left out where unsaid.
        above: Block -> what is on it: a block or nothing; left out where unsaid.
        arm: Whether the arm is said to be empty (True) or to hold a block; None: unsaid.
    """

    below: Mapping[str, str]
    above: Mapping[str, str]
    arm: bool | None


def is_state(objects: Collection[str], atoms: Collection[Atom]) -> bool:
    """Return whether the atoms are all those that hold in some state of the blocks."""
    picture = _picture(atoms)
    return (
        picture is not None
        and all(block in picture.below for block in objects)
        and all(block in picture.above or picture.below[block] == _ARM for block in objects)
        and picture.arm is not None
    )


def is_met(objects: Collection[str], init: Collection[Atom], goal: Iterable[Atom]) -> bool:
    """Return whether the goal holds in a state that can be reached from the initial one."""
    return is_state(objects, init) and _picture(goal) is not None


def implied(
    objects: Collection[str], init: Collection[Atom], goal: Iterable[Atom]
) -> frozenset[Atom]:
    """Return all atoms that hold wherever the goal holds.

    Args:
        objects: The blocks.
        init: The initial state, of which nothing remains.
        goal: That can be met.
    """
    goal = frozenset(goal)
    picture = _picture(goal)
    assert picture is not None, "a goal that can be met"
    loose = {block for block in objects if block not in picture.below}
    open_ = {
        block
        for block in objects
        if block not in picture.above and picture.below.get(block) != _ARM
    }
    ends = {block: _end(block, picture.below) for block in open_}
    # A loose block may stand on any open one, unless that would close a ring; and it may be held
    # where nothing is said of the arm, nor of what is on it.
    held = loose & open_ if picture.arm is None else set()
    atoms = set(goal)
    for block in open_ - held:
        if all(ends[block] == other for other in loose):
            atoms.add(Atom("clear", (block,)))
    for block in loose - held:
        if all(ends[other] == block for other in open_):
            atoms.add(Atom("on-table", (block,)))
    if picture.arm is None and not held:
        atoms.add(ARM_EMPTY)
    return frozenset(atoms)


def _picture(atoms: Iterable[Atom]) -> _Picture | None:
    """Return what the atoms say; None if no state has them all."""
    below: dict[str, str] = {}
    above: dict[str, str] = {}
    arms: set[bool] = set()
    said: list[tuple[dict[str, str], str, str]] = []
    for predicate, args in atoms:
        match predicate, args:
            case "arm-empty", ():
                arms.add(True)
            case "clear", (block,):
                said.append((above, block, _NOTHING))
            case "on-table", (block,):
                said.append((below, block, _TABLE))
            case "on", (block, under):
                said += [(below, block, under), (above, under, block)]
            case "holding", (block,):
                arms.add(False)
                said.append((below, block, _ARM))
            case _:
                return None
    for where, block, what in said:
        if where.setdefault(block, what) != what:
            return None
    held = [block for block, under in below.items() if under == _ARM]
    if len(arms) > 1 or len(held) > 1 or any(block in above for block in held):
        return None
    if any(_end(block, below) is None for block in below):
        return None
    return _Picture(below, above, next(iter(arms), None))


def _end(block: str, below: Mapping[str, str]) -> str | None:
    """Return the lowest block of what is said to be under a block; None in a ring."""
    seen: set[str] = set()
    while (under := below.get(block, _TABLE)) not in (_TABLE, _ARM):
        if block in seen:
            return None
        seen.add(block)
        block = under
    return block
