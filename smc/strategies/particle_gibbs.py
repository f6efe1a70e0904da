"""Particle Gibbs over steps: iterated conditional sequential Monte Carlo (particle MCMC)."""

from __future__ import annotations

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.arguments import at_least_one
from smc.strategies.options import Options
from smc.strategies.particles import (
    Finished,
    ParticlePath,
    Particles,
    ParticleWeighting,
    Target,
    filter_particles,
)
from smc.strategies.results import StrategyResult
from smc.strategies.seeds import generator, generators
from smc.weights import normalise


def particle_gibbs(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 4,
    sweeps: int = 4,
    target: Target = "multiplicative",
    finished: Finished = "again",
    weight_temperature: float = 1.0,
    ess_threshold: float = 1.0,
    options: Options | None = None,
) -> StrategyResult:
    """Run `particle_filter` several times, keeping a path from each sweep to the next.

    The path is drawn in proportion to the final weights. In the next sweep particle 0 takes it,
    and is never replaced; the others may branch off it after any step. Resampling is multinomial.
    With a fixed target (see `particle_filter`) a sweep leaves that target unchanged: a path that
    is distributed by it stays so.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges every particle after every step.
        num_solutions: N > 1, particles of a sweep.
        sweeps: How many; 4 in the paper's largest setting. One sweep is `particle_filter`.
        target: See `particle_filter`.
        finished: See `particle_filter`.
        weight_temperature: See `particle_filter`.
        ess_threshold: See `particle_filter`.
        options: See `Options`.

    Returns:
        The answer among the last sweep's N solutions, and what all sweeps cost.

    Source: Puri et al. (2025), section 3.3; Andrieu, Doucet & Holenstein (2010), "Particle Markov
    chain Monte Carlo methods".
    """
    at_least_one(num_solutions=num_solutions, sweeps=sweeps)
    if num_solutions < 2 and sweeps > 1:
        raise SettingsError(
            "num_solutions: 1 particle would only repeat the path it keeps; expected at least 2."
        )
    chosen = options or Options()
    weighting = ParticleWeighting(
        target, finished, weight_temperature, ess_threshold, "multinomial"
    )
    search = chosen.search(model, prompt, scorer)
    rngs, rng = generators(chosen.seed, num_solutions), generator(chosen.seed)
    particles = filter_particles(search, weighting, rngs, rng, chosen.max_steps)
    for _ in range(sweeps - 1):
        path = draw_path(particles, rng)
        particles = filter_particles(search, weighting, rngs, rng, chosen.max_steps, path)
    log_weights = particles.log_weights.tolist() if weighting.has_target else None
    selection = chosen.select_by("best")
    return search.result(particles.trajectories, chosen.answer, selection, log_weights)


def draw_path(particles: Particles, rng: np.random.Generator) -> ParticlePath | None:
    """Draw a path in proportion to the weights; None where all are dead."""
    weights = normalise(particles.log_weights)
    if not weights.sum() > 0:
        return None
    return particles.paths[int(rng.choice(len(weights), p=weights))]
