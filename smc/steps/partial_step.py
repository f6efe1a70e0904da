"""A step of one solution while it is drawn, token by token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from smc.engine.prefix import Prefix
from smc.steps.token_rows import Ids


@dataclass(slots=True)
class PartialStep:
    """What is known of the step so far.

    Attributes:
        rng: Of the solution.
        ids: Of the solution up to here.
        prefix: The text of these.
        boundary: The boundary's state.
        began: Where in `ids` the step begins.
        log_weight: Sum of the increments within the step.
        step: What each token added to the text.
        log_probs: log p of each token.
        on: Whether it is still being drawn.
        finished: It ended with the end of the text.
        truncated: The text may not grow any further.
    """

    rng: np.random.Generator
    ids: Ids
    prefix: Prefix
    boundary: Any
    began: int
    log_weight: float = 0.0
    step: list[str] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    on: bool = True
    finished: bool = False
    truncated: bool = False

    @property
    def is_last(self) -> bool:
        """Whether nothing can come behind this step, once it has ended."""
        return self.finished or self.truncated or self.log_weight == -np.inf

    def next(self, boundary: Any) -> PartialStep:
        """Return the step behind this one, which has ended; the boundary is at its start."""
        return PartialStep(self.rng, self.ids, self.prefix, boundary, len(self.ids))
