"""Blocks: stacks to be rebuilt by moving one block at a time, in as few moves as it takes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from domains.reasoning.kind import Kind, Solution

Stacks = tuple[tuple[str, ...], ...]
"""Each from the bottom to the top, sorted."""

TABLE = "table"
_BLOCKS = 4
_LETTERS = "abcdef"
_FARTHEST = 4
_QUESTION = re.compile(r"stacks ([a-z /]+); goal ([a-z /]+); in (\d) moves")
_MOVE = re.compile(r"([a-z]) to ([a-z]|table)")


class Blocks(Kind):
    """Blocksworld without an arm: the top of a stack goes onto another one, or onto the table."""

    name = "blocks"
    rules = (
        "Blocks stand in stacks, written from the bottom to the top and separated by ' / '. Move "
        "one block that has none on it at a time, onto another such block or onto the table, until "
        "the goal is reached, in no more than the moves given. Write a move and the stacks after "
        "it a line, such as: b to c: a / c b. The answer is the moves in order, separated by a "
        "comma and a space, such as: a to table, b to c."
    )

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        blocks = sorted(rng.sample(_LETTERS, _BLOCKS))
        while True:
            start, goal = _random_stacks(blocks, rng), _random_stacks(blocks, rng)
            far = distances(goal)[start]
            if 1 <= far <= _FARTHEST:
                return f"stacks {_told(start)}; goal {_told(goal)}; in {far} moves"

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        state, goal, limit = self._parse(question)
        far = distances(goal)
        if far.get(state, limit + 1) > limit:
            raise self.unreadable(question)
        lines: list[str] = []
        while state != goal:
            nearer = (m for m in _moves(state) if far[m[1]] < far[state])
            text, state = next(nearer)
            lines.append(f"{text}: {_told(state)}")
        return Solution(tuple(lines), ", ".join(line.split(":")[0] for line in lines))

    def is_right(self, question: str, answer: str) -> bool:
        """See `Kind.is_right`."""
        state, goal, limit = self._parse(question)
        done = answer.split(", ")
        after = _after(state, done)
        return len(done) <= limit and after == goal

    def follows(self, question: str, steps: Sequence[str]) -> bool:
        """See `Kind.follows`."""
        state, goal, limit = self._parse(question)
        for step in steps:
            move, _, told = step.partition(": ")
            after = _after(state, [move])
            if after is None or told != _told(after):
                return False
            state = after
        return distances(goal).get(state, limit + 1) <= limit - len(steps)

    def moves(self, question: str, steps: Sequence[str]) -> list[str]:
        """See `Kind.moves`."""
        state, _, limit = self._parse(question)
        after = _after(state, [step.partition(": ")[0] for step in steps])
        if after is None or len(steps) >= limit:
            return []
        return [f"{text}: {_told(new)}" for text, new in _moves(after)]

    def _parse(self, question: str) -> tuple[Stacks, Stacks, int]:
        match = _QUESTION.fullmatch(question)
        if match is None:
            raise self.unreadable(question)
        return _read(match[1]), _read(match[2]), int(match[3])


@lru_cache(maxsize=4096)
def distances(goal: Stacks) -> dict[Stacks, int]:
    """Return how many moves every state of the blocks is from a goal; moves can be taken back."""
    found = {goal: 0}
    edge = [goal]
    while edge:
        reached = {new: found[old] + 1 for old in edge for _, new in _moves(old)}
        edge = [new for new in reached if new not in found]
        found |= {new: reached[new] for new in edge}
    return found


def _moves(state: Stacks) -> Iterator[tuple[str, Stacks]]:
    for stack in state:
        rest = tuple(s for s in state if s != stack)
        block, below = stack[-1], stack[:-1]
        for other in rest:
            others = tuple(s for s in rest if s != other)
            yield f"{block} to {other[-1]}", _sorted((*others, below, (*other, block)))
        if below:
            yield f"{block} to {TABLE}", _sorted((*rest, below, (block,)))


def _after(state: Stacks, moves: Sequence[str]) -> Stacks | None:
    """The state after moves; None where one of them is not allowed."""
    for move in moves:
        after = dict(_moves(state)).get(move)
        if after is None:
            return None
        state = after
    return state


def _random_stacks(blocks: Sequence[str], rng: random.Random) -> Stacks:
    stacks: list[tuple[str, ...]] = []
    for block in rng.sample(list(blocks), len(blocks)):
        place = rng.randint(0, len(stacks))
        if place == len(stacks):
            stacks.append((block,))
        else:
            stacks[place] = (*stacks[place], block)
    return _sorted(stacks)


def _sorted(stacks: Sequence[tuple[str, ...]]) -> Stacks:
    return tuple(sorted(stack for stack in stacks if stack))


def _told(state: Stacks) -> str:
    return " / ".join(" ".join(stack) for stack in state)


def _read(text: str) -> Stacks:
    return _sorted([tuple(stack.split()) for stack in text.split("/")])
