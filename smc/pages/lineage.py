"""Ancestral lineages of the particles, read back from a posterior's history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smc.posterior import Posterior
from smc.weights import normalise


@dataclass(frozen=True)
class Lineage:
    """The particles of a run, step by step; N particles, T steps.

    Slot i of step t is particle i after the weights of step t and before its resampling. Column T,
    one past the last step, is the final population.
    """

    posterior: Posterior

    @property
    def num_particles(self) -> int:
        """N."""
        return len(self.posterior.sequences)

    @property
    def num_steps(self) -> int:
        """T."""
        return len(self.posterior.history)

    @cached_property
    def parents(self) -> tuple[tuple[int, ...], ...]:
        """`[T + 1, N]` the slot, one step before, that each slot descends from.

        Those of step 0 stand for the prompt and mean nothing.
        """
        stay = tuple(range(self.num_particles))
        return (stay, *(s.ancestors or stay for s in self.posterior.history))

    @cached_property
    def descendants(self) -> tuple[tuple[int, ...], ...]:
        """`[T + 1, N]` how many final particles with weight descend from each slot."""
        counts = [[int(w > 0) for w in self.posterior.weights]]
        for parents in self.parents[:0:-1]:
            before = [0] * self.num_particles
            for slot, parent in enumerate(parents):
                before[parent] += counts[-1][slot]
            counts.append(before)
        return tuple(tuple(c) for c in reversed(counts))

    @cached_property
    def relative_weights(self) -> tuple[tuple[float, ...], ...]:
        """`[T, N]` weights over their mean, so 1 is average; 0 of the dead."""
        return tuple(relative_weights(s.log_weights) for s in self.posterior.history)

    def path(self, column: int, slot: int) -> list[int]:
        """Return the slots of a slot's line, from step 0 to `column` (at most T)."""
        path = [slot]
        for parents in self.parents[column:0:-1]:
            path.append(parents[path[-1]])
        return path[::-1]

    def text(self, column: int, slot: int) -> str:
        """Return the text of a slot so far, put together from the pieces of its line.

        A text that a stop string cut keeps here what it had before the cut.
        """
        steps = zip(self.posterior.history, self.path(column, slot), strict=False)
        return "".join(step.pieces[ancestor] for step, ancestor in steps)

    def dead(self, column: int, slot: int) -> bool:
        """Whether a slot has weight zero."""
        if column == self.num_steps:
            return bool(self.posterior.log_weights[slot] == -math.inf)
        return self.posterior.history[column].log_weights[slot] == -math.inf

    def died(self, column: int, slot: int) -> bool:
        """Whether a slot is dead, and its parent was not."""
        if not self.dead(column, slot):
            return False
        return column == 0 or not self.dead(column - 1, self.parents[column][slot])

    def end(self, slot: int) -> int | None:
        """Return the step that ended a final particle's text; None if it has not ended.

        Where it waited for others, or a token added no text, this is a step too early.
        """
        if not self.posterior.sequences[slot].finished or not self.num_steps:
            return None
        line = self.path(self.num_steps, slot)[:-1]
        pieces = [s.pieces[i] for s, i in zip(self.posterior.history, line, strict=True)]
        last = max((t for t, piece in enumerate(pieces) if piece), default=-1)
        return min(last + 1, self.num_steps - 1)


def relative_weights(log_weights: Sequence[float]) -> tuple[float, ...]:
    """Return `[N]` weights over their mean; all 0 of a dead population."""
    normalised = normalise(np.asarray(log_weights, dtype=np.float64))
    return tuple((normalised * len(normalised)).tolist())
