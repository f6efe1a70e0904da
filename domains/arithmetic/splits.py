"""Data splits of chained arithmetic: see `domains.splits`."""

from __future__ import annotations

from collections.abc import Iterator

from domains.arithmetic.problems import LEVELS, ArithmeticProblem, generate
from domains.splits import SPLITS, Split, distinct_problems, split_of

__all__ = ["SPLITS", "Split", "problems", "split_of"]


def problems(
    split: Split, seed: int = 0, levels: tuple[int, ...] = tuple(LEVELS)
) -> Iterator[tuple[int, ArithmeticProblem]]:
    """Yield level and problem of a part without end; see `distinct_problems`."""
    return distinct_problems("arithmetic", generate, split, seed, levels)
