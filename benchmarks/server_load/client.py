"""A client of the load test: its connections, its dice, and what it noted."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import openai

from benchmarks.server_load.process import NAME


@dataclass(frozen=True)
class Waits:
    """For how long clients of streams waited.

    Attributes:
        first: Seconds until the first text, one a stream.
        gaps: Seconds between two events with text.
    """

    first: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Client:
    """One client's connections, dice, and waits by kind of stream."""

    openai: openai.AsyncOpenAI
    dice: random.Random
    waits: dict[str, Waits] = field(default_factory=dict)

    def options(self, **extra: Any) -> dict[str, Any]:
        """Return what requests have in common."""
        return {
            "model": NAME,
            "seed": self.dice.randrange(10**9),
            "temperature": self.dice.choice([0.8, 1.0, 1.5]),
            "extra_body": {"particles": self.dice.choice([5, 10, 20]), **extra},
        }


def check(holds: bool, answer: Any) -> None:
    """Raise where an answer is wrong.

    Raises:
        AssertionError: It is.
    """
    if not holds:
        raise AssertionError(f"a wrong answer: {str(answer)[:500]}")
