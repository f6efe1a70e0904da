"""Reward models of a server, asked by one run at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from smc.steps import StepScorer


@dataclass(eq=False)
class SharedReward:
    """A reward model; runs that ask for it wait for each other, so that each pays for its own.

    Attributes:
        scorer: The judge.
        lock: Had by the run that asks it.
    """

    scorer: StepScorer
    lock: threading.Lock = field(default_factory=threading.Lock)
