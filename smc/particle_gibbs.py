"""Particle Gibbs over tokens: runs of SMC that hand a text from one to the next (particle MCMC)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smc.engine import Problem
from smc.engine.conditional import ConditionalRun, PathProposal
from smc.errors import SettingsError
from smc.model import LanguageModel, Prompt
from smc.posterior import Posterior
from smc.potential import AnyPotential
from smc.sampling import sample
from smc.settings import LastSlot, Settings
from smc.weights import normalise


def particle_gibbs(
    model: LanguageModel,
    prompt: Prompt,
    potentials: Sequence[AnyPotential] = (),
    *,
    sweeps: int = 4,
    num_particles: int = 10,
    max_tokens: int = 64,
    at_max_tokens: LastSlot = "cut",
    ess_threshold: float = 0.5,
    stop: Sequence[str] = (),
    seed: int = 0,
) -> list[Posterior]:
    """Run SMC several times, each run around a text that is drawn from the one before.

    A run leaves the target unchanged whatever N is: expectations over the later runs, taken
    together, have no bias that more sweeps do not remove, as a single run of few particles has.
    The estimates of the evidence of runs after the first are not unbiased.

    Args:
        model: Any language model.
        prompt: See `sample`.
        potentials: See `sample`.
        sweeps: Runs; the first is `sample`.
        num_particles: N > 1 in each.
        max_tokens: See `sample`.
        at_max_tokens: See `sample`.
        ess_threshold: See `sample`; resampling is multinomial.
        stop: See `sample`.
        seed: Of all of it.

    Returns:
        A posterior for each run; one alone where it is extinct.

    Raises:
        SettingsError: A value outside its range.

    Source: Andrieu, Doucet & Holenstein (2010), "Particle Markov chain Monte Carlo methods".
    """
    for name, value, least in (("sweeps", sweeps, 1), ("num_particles", num_particles, 2)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SettingsError(
                f"{name}: expected a whole number of at least {least}, got {value!r}."
            )
    rng = np.random.default_rng(seed)
    settings = Settings(
        num_particles=num_particles,
        max_tokens=max_tokens,
        at_max_tokens=at_max_tokens,
        ess_threshold=ess_threshold,
    )
    first = sample(
        model, prompt, potentials, num_particles=num_particles, max_tokens=max_tokens,
        at_max_tokens=at_max_tokens, ess_threshold=ess_threshold, stop=stop, seed=rng,
    )  # fmt: skip
    found = [first]
    while len(found) < sweeps and found[-1].log_evidence > -np.inf:
        path = draw_path(found[-1], rng)
        found.append(sweep(model, Problem(prompt, potentials, rng), settings, path, stop))
    return found


def sweep(
    model: LanguageModel,
    problem: Problem,
    settings: Settings,
    path: Sequence[int],
    stop: Sequence[str] = (),
) -> Posterior:
    """Run SMC once around a path of weight above zero, which particle 0 takes.

    Args:
        model: Any language model.
        problem: The prompt, potentials and randomness.
        settings: N, the slots and the threshold of resampling.
        path: Token ids, the one that ends the text included.
        stop: See `sample`.
    """
    conditional = replace(settings, proposal=PathProposal(path), shared_draws=False)
    run = ConditionalRun(model)
    number = run.add(problem, conditional, stop)
    while run.running:
        run.step()
    return run.posterior(number)


def draw_path(posterior: Posterior, rng: np.random.Generator) -> tuple[int, ...]:
    """Draw a text's tokens in proportion to the weights."""
    weights = normalise(posterior.log_weights)
    return posterior.sequences[int(rng.choice(len(weights), p=weights))].tokens
