"""Problems that greedy decoding fails, each with a wrong attempt at another one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from domains.arithmetic.problems import ArithmeticProblem
from domains.arithmetic.splits import Split, problems
from domains.arithmetic.steps import answer, sound, split
from smc.strategies.writing import Writer

_AT_ONCE = 64


@dataclass(frozen=True)
class FailedItem:
    """A problem that greedy decoding fails.

    Attributes:
        name: Part, level and number.
        level: Of the problem.
        problem: What is asked.
        greedy: The wrong answer of greedy decoding.
        other: Prompt and wrong greedy answer of another problem of the level.
    """

    name: str
    level: int
    problem: ArithmeticProblem
    greedy: str
    other: tuple[str, str] = ("", "")

    @property
    def prompt(self) -> str:
        """The problem's text."""
        return self.problem.text


def right(item: FailedItem, text: str) -> bool:
    """Return whether every line follows and the last gives the answer."""
    steps = split(text)
    return bool(steps) and all(sound(item.problem, steps)) and answer(text) == item.problem.answer


def failed_items(writer: Writer, part: Split, level: int, count: int) -> list[FailedItem]:
    """Return the first problems of a level whose greedy answer is wrong.

    Args:
        writer: The policy.
        part: Where the problems are from.
        level: Of the problems.
        count: How many.
    """
    found: list[FailedItem] = []
    source = enumerate(problems(part, 7, (level,)))
    while len(found) <= count:
        batch = list(islice(source, _AT_ONCE))
        rngs = [np.random.default_rng(0) for _ in batch]
        texts = writer.write([p.text for _, (_, p) in batch], rngs=rngs, temperature=0)
        for (number, (_, problem)), text in zip(batch, texts, strict=True):
            item = FailedItem(f"{part}-{level}-{number}", level, problem, text.text)
            if not right(item, text.text):
                found.append(item)
    return [
        FailedItem(a.name, a.level, a.problem, a.greedy, (b.prompt, b.greedy))
        for a, b in pairwise(found[: count + 1])
    ]
