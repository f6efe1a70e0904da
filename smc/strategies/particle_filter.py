"""Particle filtering on step rewards."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.chains import StrategyResult, at_least_one, generator, generators
from smc.strategies.options import Options
from smc.strategies.particles import Finished, Target, Weighing, filter_particles


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
        finished: See `Weighing`.
        weight_temperature: T of the softmax.
        resampling: One of `smc.resampling.RESAMPLERS`.
        ess_threshold: See `Weighing`.
        options: See `Options`; `aggregate="whole"` is the paper's model aggregation.

    Returns:
        The answer, N solutions with their scores, and what all of it cost; `log_weights` where
        there is a fixed target.

    Source: Puri et al. (2025), "A probabilistic inference approach to inference-time scaling of
    LLMs using particle-based Monte Carlo methods", algorithm 1.
    """
    at_least_one(num_solutions=num_solutions)
    chosen = options or Options()
    weighing = Weighing(target, finished, weight_temperature, ess_threshold, resampling)
    search = chosen.search(model, prompt, scorer)
    particles = filter_particles(
        search,
        weighing,
        generators(chosen.seed, num_solutions),
        generator(chosen.seed),
        chosen.max_steps,
    )
    log_weights = particles.log_weights.tolist() if weighing.has_target else None
    selection = chosen.select_by("best")
    return search.result(particles.chains, chosen.answer, selection, log_weights)
