"""One step of sequential Monte Carlo: a token for every live particle of every problem.

For the particles i = 1..N of each prompt, with γₜ(x₁..ₜ) = p(x₁..ₜ) ∏ₖ φₖ(x₁..ₜ), and Φ in the
place of φ once EOS is drawn (Loula et al. 2025; Del Moral, Doucet & Jasra 2006):

    w⁰  = ∏ₖ φₖ(empty text)                                              `problems.populate`
    repeat
        xₜ ~ q(· | x₁..ₜ₋₁)                       model × cheap potentials  `propose`
        wᵗ  = wᵗ⁻¹ · p·φ_cheap / q                the proposal's normaliser `propose`
        x₁..ₜ = x₁..ₜ₋₁ xₜ, or the end of the text                          `extend`
        wᵗ  = wᵗ · φ_exp(x₁..ₜ) / φ_exp(last)     at boundaries, at EOS     `evaluate`
        wᵗ  = wᵗ · p / p_draft                    where q is a draft's      `settle`
        particle i has x₁..ₜ and wᵗ                                         `Population.commit`
        if ESS(w) < threshold · N:                                          `resample`
            ancestors ~ resampling(w);  Ẑ = Ẑ · mean(w);  w = 1
            (or of those that have not ended alone: see `Settings.resample_among`)
        grow the model's rows by one token                                  `Batch.advance`
    Ẑ = Ẑ · mean(w)                                                         `Population.posterior`

Ẑ Σᵢ Wⁱ f(xⁱ) is an unbiased estimate of Σₓ γ(x) f(x) for every f and every N.

Potentials that may be called from other threads are asked beside the forward pass of all that may
go on (`smc.engine.beside`); `evaluate` finds what they said, and the last advance frees the rest.

Rows and particles are two things: particles with the same tokens share one row of the model's
batch, one mask and one call of each potential, and part when their draws do. What is proposed for
the particles of one row that drew one token is a candidate; proposals and potentials fill it in,
and only `commit` writes weights, prefixes and endings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smc.engine.batch import Batch
from smc.engine.beside import questions
from smc.engine.candidates import Candidate, evaluate, extend
from smc.engine.population import Population
from smc.engine.propose import propose
from smc.engine.sampler import ProposalSampler
from smc.resampling import RESAMPLERS
from smc.weights import is_due, normalise


def step(batch: Batch) -> None:
    """Advance all problems of a batch by one token; one whose potentials raise fails alone.

    Raises:
        ModelError: The model failed; the run cannot go on.
    """
    populations = batch.populations()
    candidates = propose(batch)
    extend(candidates)
    concurrent = [c for c in candidates if c.population.concurrent]
    if concurrent and (asked := questions(concurrent)):
        with batch.workers.learning(asked):
            if batch.decodings.runs_ahead:
                batch.advance(candidates)
    evaluate(candidates)
    candidates, settled = settle(candidates, populations)
    commit(candidates, populations)
    for population in settled:
        resample(population)
    batch.advance()


def settle(
    candidates: Sequence[Candidate], populations: Sequence[Population]
) -> tuple[list[Candidate], list[Population]]:
    """Have each proposal complete the weights it left open; see `ProposalSampler.settle`."""
    own: dict[ProposalSampler, tuple[list[Candidate], list[Population]]] = {}
    for population in populations:
        own.setdefault(population.config.sampler, ([], []))[1].append(population)
    for candidate in candidates:
        own[candidate.population.config.sampler][0].append(candidate)
    complete, settled = list(candidates), []
    for sampler, (drawn, those) in own.items():
        further, ready = sampler.settle(drawn, those)
        complete += further
        settled += ready
    return complete, settled


def commit(candidates: Sequence[Candidate], populations: Sequence[Population]) -> None:
    """Give the particles of each population what its candidates carry."""
    own: dict[Population, list[Candidate]] = {population: [] for population in populations}
    for candidate in candidates:
        own[candidate.population].append(candidate)
    for population, carried in own.items():
        if population.error is None:
            population.commit(carried)


def resample(population: Population) -> None:
    """Resample if it is time to, and the weights are uneven.

    A population that waits at boundaries does once all of its live particles have arrived.
    """
    live, settings = population.live(), population.config.settings
    if not live:
        return  # a last resampling would only add noise
    if settings.resample_at is not None:
        waiting = {population.prefixes[i] for i in live}
        if not all(prefix.waits for prefix in waiting):
            return
        for prefix in waiting:
            prefix.waits = False
    resampler = RESAMPLERS[settings.resampling]
    among = population.unjudged() if settings.resample_among == "alike" else None
    log_weights = population.log_weights if among is None else population.log_weights[among]
    if not is_due(log_weights, settings.ess_threshold):
        return
    ancestors = resampler(population.rng, normalise(log_weights), len(log_weights))
    if among is not None:
        own, ancestors = among[ancestors], np.arange(population.size)
        ancestors[among] = own
    population.commit(ancestors=ancestors, among=among)
