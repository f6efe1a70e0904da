"""Data splits: training, calibration and test, a matter of the problem alone.

A hash of the text decides, so no problem can be in two parts, whatever the seeds.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Literal, get_args

from domains.countdown.problems import LEVELS, CountdownProblem, Operation, generate

Split = Literal["train", "calibration", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
_TRIES = 20_000
_PARTS = 16  # one for the test, one for calibration, the others for training


def split_of(problem: CountdownProblem) -> Split:
    """Return the part that a problem belongs to."""
    digest = hashlib.blake2b(problem.text.encode(), digest_size=8).digest()
    part = int.from_bytes(digest, "big") % _PARTS
    return "test" if part == 0 else "calibration" if part == 1 else "train"


def draw(
    split: Split, level: int, rng: random.Random
) -> tuple[CountdownProblem, tuple[Operation, ...]]:
    """Return a random problem of a part and the path that made it."""
    while True:
        problem, path = generate(level, rng)
        if split_of(problem) == split:
            return problem, path


def problems(
    split: Split, seed: int = 0, levels: tuple[int, ...] = LEVELS
) -> Iterator[CountdownProblem]:
    """Yield distinct problems of a part without end, the levels taking turns.

    Args:
        split: The part.
        seed: Of the draws.
        levels: Which, in this order.

    Yields:
        Problems. The first ones never depend on how many are taken.

    Raises:
        ValueError: There is no such part or level, or the problems of a level are used up.
    """
    if split not in SPLITS:
        raise ValueError(f"countdown: split {split!r}; expected one of {', '.join(SPLITS)}.")
    rng = random.Random(f"{split} {seed}")
    seen: set[str] = set()
    while True:
        for level in levels:
            problem = _fresh(split, level, seen, rng)
            seen.add(problem.text)
            yield problem


def _fresh(split: Split, level: int, seen: set[str], rng: random.Random) -> CountdownProblem:
    for _ in range(_TRIES):
        problem, _ = draw(split, level, rng)
        if problem.text not in seen:
            return problem
    raise ValueError(
        f"countdown: no new problem of {level} numbers in {_TRIES} draws, after {len(seen)} of all "
        f"levels from the {split} part; expected fewer to be asked for. Leave the level out."
    )
