"""Few-shot examples: problems made here that a prompt shows with their goals written out.

A model that was not trained on the task learns the form of an answer from them. None is of a data
set; they are the same in every run.
"""

from __future__ import annotations

import random
from functools import lru_cache

from domains.planetarium.describe import HEADS, WAYS, said
from domains.planetarium.generate import blocks, problem_text
from domains.planetarium.prompt import INSTRUCTION, goal_prompt

_SEED = 4
_FEWEST = 3
"""Blocks of the first problem; each further one has one more."""


@lru_cache(maxsize=8)
def shown(count: int) -> str:
    """Return so many problems of blocksworld as `goal_prompt` shows one, with their goals.

    Args:
        count: How many; 0 gives the empty string. The instruction is not repeated.
    """
    rng = random.Random(_SEED)
    texts: list[str] = []
    for place in range(count):
        problem = blocks(rng, _FEWEST + place)
        words = "\n".join([HEADS[1], *(said(WAYS[0], atom) for atom in problem.goal)])
        head = goal_prompt(words, problem_text(problem)).removeprefix(INSTRUCTION)
        goal = "".join(f" {atom}" for atom in problem.goal)
        texts.append(f"{head}{goal}))\n)\n\n")
    return "".join(texts)


def few_shot(prompt: str, count: int) -> str:
    """Return a prompt of `goal_prompt` with examples after its instruction."""
    return INSTRUCTION + shown(count) + prompt.removeprefix(INSTRUCTION)
