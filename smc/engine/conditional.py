"""Conditional SMC: a run in which one particle takes a path that is given, and is never replaced.

The step is that of `smc.engine.step`, but for two things: particle 0 draws the tokens of the path,
and resampling is conditional on its survival: the others may become its copies, and it stays.
A text drawn in proportion to the final weights then leaves the target unchanged: if the path was
distributed by it, so is the text (Andrieu, Doucet & Holenstein 2010, theorem 5).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from smc.engine.batch import Batch
from smc.engine.candidates import Candidate, evaluate, extend
from smc.engine.population import Population
from smc.engine.problems import Run
from smc.engine.propose import LocalSampler, propose
from smc.engine.sampler import Key
from smc.engine.step import commit, settle
from smc.model import DrawRequest, Draws
from smc.resampling import multinomial
from smc.weights import is_due, normalise


class PathProposal(LocalSampler):
    """Draws as `LocalProposal` does, but for particle 0, which takes the tokens of a path.

    At temperature 1 the weight is the normaliser of the row, whatever is drawn from it. Particles
    must be drawn independently (`shared_draws=False`).

    Args:
        path: Token ids, the one that ends the text included.
        kept: How many of them particles 1, 2, … take before they draw.
    """

    temperature = 1.0
    properly_weighted = True

    def __init__(self, path: Sequence[int], kept: Sequence[int] = ()) -> None:
        self._path = tuple(path)
        self._kept = (len(self._path), *kept)

    def draw(self, batch: Batch, request: DrawRequest) -> tuple[Draws, dict[Key, Candidate]]:
        """See `ProposalSampler.draw`."""
        draws = batch.decodings.draw(request)
        tokens = draws.tokens.copy()
        rows, first = np.unique(request.rows, return_index=True)
        for r, m in zip(rows.tolist(), first.tolist(), strict=True):
            length = batch.rows[r].prefix.length
            # The draws of a row are in the order of its particles.
            for draw, particle in enumerate(batch.rows[r].particles[: len(self._kept)], start=m):
                if particle < len(self._kept) and length < self._kept[particle]:
                    tokens[draw] = self._path[length]
        return Draws(tokens, draws.log_weights), {}

    def settle(
        self, candidates: Sequence[Candidate], populations: Sequence[Population]
    ) -> tuple[Sequence[Candidate], Collection[Population]]:
        """See `ProposalSampler.settle`: the draw has weighed all there is."""
        return (), populations


class ConditionalRun(Run):
    """A run whose problems have a `PathProposal`."""

    def step(self) -> None:
        """See `Run.step`."""
        batch = self._batch
        populations = batch.populations()
        candidates = propose(batch)
        extend(candidates)
        evaluate(candidates)
        candidates, settled = settle(candidates, populations)
        commit(candidates, populations)
        for population in settled:
            resample(population)
        batch.advance()


def resample(population: Population) -> None:
    """Resample all particles but the first, which stays; the others may become its copies."""
    threshold = population.config.settings.ess_threshold
    if not population.live() or not is_due(population.log_weights, threshold):
        return
    weights = normalise(population.log_weights)
    others = multinomial(population.rng, weights, population.size - 1)
    population.commit(ancestors=np.concatenate([[0], others]))
