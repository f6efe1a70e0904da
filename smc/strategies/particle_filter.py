"""Particle filtering over steps, weighted by a process reward model (sequential Monte Carlo)."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.arguments import at_least_one
from smc.strategies.options import Options
from smc.strategies.particles import Finished, ParticleWeighting, Target, filter_particles
from smc.strategies.results import StrategyResult
from smc.strategies.seeds import generator, generators


def particle_filter(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 4,
    target: Target = "multiplicative",
    finished: Finished = "again",
    weight_temperature: float = 1.0,
    resampling: str = "multinomial",
    ess_threshold: float = 1.0,
    options: Options | None = None,
) -> StrategyResult:
    """Extend N particles by a step, weigh them by its score, resample; until all are finished.

    By default as in Puri et al.: weights are softmax(logit(v)/T), resampling is multinomial after
    every step, without a test of the effective sample size (equal weights are left alone: drawing
    among them would be noise), and finished particles stay in the pool and are weighed again. The
    answer is that of the particle of largest value. `finished="once"` gives the target
    p(x) ∏ₜ vₜ/(1 − vₜ), and `target="telescoping"` the target p(x) · v(x), which the weights then
    stand for.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges every particle after every step.
        num_solutions: N.
        target: See `smc.strategies.particles`.
        finished: See `ParticleWeighting`.
        weight_temperature: T of the softmax.
        resampling: One of `smc.resampling.RESAMPLERS`.
        ess_threshold: See `ParticleWeighting`.
        options: See `Options`; `aggregate="whole"` is the paper's model aggregation.

    Returns:
        The answer, N solutions with their scores, and what all of it cost; `log_weights` where
        there is a fixed target.

    Source: Puri et al. (2025), "A probabilistic inference approach to inference-time scaling of
    LLMs using particle-based Monte Carlo methods", algorithm 1.
    """
    at_least_one(num_solutions=num_solutions)
    chosen = options or Options()
    weighting = ParticleWeighting(target, finished, weight_temperature, ess_threshold, resampling)
    search = chosen.search(model, prompt, scorer)
    particles = filter_particles(
        search,
        weighting,
        generators(chosen.seed, num_solutions),
        generator(chosen.seed),
        chosen.max_steps,
    )
    log_weights = particles.log_weights.tolist() if weighting.has_target else None
    selection = chosen.select_by("best")
    return search.result(particles.trajectories, chosen.answer, selection, log_weights)
