"""Adaptive consistency: when a vote is decided, so that no more samples need be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence


def lead_probability(first: int, second: int) -> float:
    """Return how probable it is that the leading answer is given more often than the next one.

    It is P(p > ½) for the share p of the leader among the votes of both, with a uniform prior:
    p ~ Beta(first + 1, second + 1).

    Args:
        first: Votes of the leading answer.
        second: Votes of the next one.

    Example:
        >>> lead_probability(0, 0), lead_probability(3, 0)
        (0.5, 0.9375)

    Source: Aggarwal et al. (2023), "Let's sample step by step: adaptive-consistency for efficient
    reasoning and coding with LLMs", section 3.
    """
    count = first + second + 1  # P(Beta(a, b) > ½) = P(Binomial(a + b − 1, ½) < a)
    return sum(math.comb(count, k) for k in range(first + 1)) / 2**count


def is_decided(votes: Sequence[float], confidence: float) -> bool:
    """Return whether the leader of these votes leads with at least this probability.

    Args:
        votes: Counts of the answers, in any order; [] of none.
        confidence: 0.95 in the paper.
    """
    first, second, *_ = *sorted(map(int, votes), reverse=True), 0, 0
    return first > 0 and lead_probability(first, second) >= confidence
