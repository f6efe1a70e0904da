"""Data splits of generated problems: training, calibration and test, a matter of the text alone.

A hash of the text decides, so no problem can be in two parts, whatever the seeds.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from typing import Literal, Protocol, TypeVar, get_args

Split = Literal["train", "calibration", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
_TRIES = 20_000
_PARTS = 16  # one for the test, one for calibration, the others for training


class Problem(Protocol):
    """A generated problem."""

    @property
    def text(self) -> str:
        """What is asked."""
        ...


ProblemT = TypeVar("ProblemT", bound=Problem)


def split_of(problem: Problem) -> Split:
    """Return the part that a problem belongs to."""
    digest = hashlib.blake2b(problem.text.encode(), digest_size=8).digest()
    part = int.from_bytes(digest, "big") % _PARTS
    return "test" if part == 0 else "calibration" if part == 1 else "train"


def distinct_problems(
    domain: str,
    generate: Callable[[int, random.Random], ProblemT],
    split: Split,
    seed: int,
    levels: tuple[int, ...],
) -> Iterator[tuple[int, ProblemT]]:
    """Yield distinct problems of a part without end, the levels taking turns.

    Args:
        domain: Name, for messages.
        generate: Returns a problem of a level, of whatever part.
        split: The part.
        seed: Of the draws.
        levels: Which, in this order.

    Yields:
        Level and problem. The first ones never depend on how many are taken.

    Raises:
        ValueError: There is no such part, or the problems of a level are used up.
    """
    if split not in SPLITS:
        raise ValueError(f"{domain}: split {split!r}; expected one of {', '.join(SPLITS)}.")
    rng = random.Random(f"{split} {seed}")
    seen: set[str] = set()
    while True:
        for level in levels:
            problem = _fresh(domain, generate, split, level, seen, rng)
            seen.add(problem.text)
            yield level, problem


def _fresh(
    domain: str,
    generate: Callable[[int, random.Random], ProblemT],
    split: Split,
    level: int,
    seen: set[str],
    rng: random.Random,
) -> ProblemT:
    for _ in range(_TRIES):
        problem = generate(level, rng)
        if split_of(problem) == split and problem.text not in seen:
            return problem
    raise ValueError(
        f"{domain}: no new problem of level {level} in {_TRIES} draws, after {len(seen)} of all "
        f"levels from the {split} part; expected fewer to be asked for. Leave the level out."
    )
