"""The decodings of a run as one, whichever of them could join another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from smc.engine.candidates import Child
from smc.engine.draft import Drafted
from smc.engine.population import Population
from smc.model import Decoding, DrawRequest, Draws, IntArray


class Decodings:
    """Rows of one or more decodings; a step is a forward pass of each.

    As a rule there is one: rows that come later join it. Those that cannot have their own, and
    their part of every plan. One without rows is let go, and its memory with it.
    """

    def __init__(self) -> None:
        self._parts: list[Decoding] = []
        self._part: IntArray = np.zeros(0, dtype=np.int64)  # of each row; its rows are in order

    def add(self, decoding: Decoding, rows: int) -> None:
        """Put the rows of a decoding that was just started behind all others."""
        index = next((i for i, part in enumerate(self._parts) if part.join(decoding)), None)
        if index is None:
            index = len(self._parts)
            self._parts.append(decoding)
        self._part = np.concatenate([self._part, np.full(rows, index)])

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        place, old, parts = self._places(), self._part[parents], self._parts
        kept = np.unique(old)
        for index in kept.tolist():
            mine = old == index
            parts[index].advance(place[parents[mine]], tokens[mine])
        self._parts = [parts[index] for index in kept.tolist()]
        self._part = np.searchsorted(kept, old)

    def draw(self, plan: DrawRequest) -> Draws:
        """See `Decoding.draw`."""
        if len(self._parts) == 1:
            return self._parts[0].draw(plan)
        tokens = np.full(len(plan.rows), -1, dtype=np.int64)
        log_weights, log_probs = np.full((2, len(plan.rows)), -np.inf)
        told = True
        for index, decoding in enumerate(self._parts):
            which, part = plan.part(np.flatnonzero(self._part == index))
            if len(which) == 0:
                continue
            draws = decoding.draw(part)
            tokens[which], log_weights[which] = draws.tokens, draws.log_weights
            if draws.log_probs is None:
                told = False
            else:
                log_probs[which] = draws.log_probs
        return Draws(tokens, log_weights, log_probs if told else None)

    def weigh(
        self, children: Sequence[Child], populations: Mapping[int, Population]
    ) -> Mapping[int, Population]:
        """Have the models that lag behind a draft weigh what their blocks have come to.

        Args:
            children: What was drawn in a step.
            populations: Of the step, by identity.

        Returns:
            Those whose weights are complete, so that they may be resampled.
        """
        ready = dict(populations)
        for part in self._parts:
            if isinstance(part, Drafted):
                own = {key: p for key, p in populations.items() if part.has(p)}
                weighed = part.weigh([c for c in children if part.has(c.population)], own)
                for key in own.keys() - weighed.keys():
                    del ready[key]
        return ready

    def _places(self) -> IntArray:
        """`[R]` the index of each row within its decoding."""
        place = np.zeros_like(self._part)
        for index in range(len(self._parts)):
            mine = self._part == index
            place[mine] = np.arange(mine.sum())
        return place
