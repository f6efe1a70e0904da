"""Moves: Metropolis steps on the texts of a posterior, each of which regrows the end of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smc.engine import Problem
from smc.engine.conditional import ConditionalRun, PathProposal
from smc.errors import SettingsError
from smc.history import TextSequence
from smc.model import LanguageModel, Prompt
from smc.posterior import Posterior
from smc.potential import AnyPotential
from smc.settings import LastSlot, Settings


def regrow(
    model: LanguageModel,
    prompt: Prompt,
    potentials: Sequence[AnyPotential],
    posterior: Posterior,
    *,
    steps: int = 1,
    max_tokens: int = 64,
    at_max_tokens: LastSlot = "cut",
    stop: Sequence[str] = (),
    seed: int = 0,
) -> Posterior:
    """Return a posterior whose texts have made Metropolis steps; their weights stay.

    Each step keeps a beginning of s tokens of a text x, s uniform in 0..length − 1, and draws the
    rest anew as the engine would. With w = γ/q the weight of a whole path, the new text x′ is taken
    with probability

        min(1, w(x′)/w(x) · length(x)/length(x′)),

    which leaves the target unchanged. So the copies that resampling has made part again, and every
    estimate is as unbiased as before, the evidence included.

    Args:
        model: That of the run.
        prompt: Likewise.
        potentials: Likewise.
        posterior: What the run returned.
        steps: For each particle.
        max_tokens: That of the run.
        at_max_tokens: Likewise.
        stop: Likewise.
        seed: Of the moves.

    Returns:
        The posterior, with the history of the run and the tokens of both.

    Source: Gilks & Berzuini (2001), "Following a moving target"; regrowing: Gonzalez et al. (2025),
    arXiv:2506.05754.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise SettingsError(f"steps: expected a whole number of at least 0, got {steps!r}.")
    rng = np.random.default_rng(seed)
    settings = Settings(
        num_particles=2,
        max_tokens=max_tokens,
        at_max_tokens=at_max_tokens,
        ess_threshold=0.0,
        shared_draws=False,
    )
    sequences, drawn = list(posterior.sequences), 0
    alive = np.flatnonzero(posterior.log_weights > -np.inf).tolist()
    for _ in range(steps):
        run = ConditionalRun(model)
        for i in alive:
            path = sequences[i].tokens
            around = PathProposal(path, [int(rng.integers(len(path)))])
            problem = Problem(prompt, potentials, rng.spawn(1)[0])
            run.add(problem, replace(settings, proposal=around), stop)
        while run.running:
            run.step()
        for error in run.errors():
            raise error
        for i, pair in zip(alive, run.posteriors(), strict=True):
            drawn += pair.num_tokens
            sequences[i] = _accepted(pair, rng)
    return replace(posterior, sequences=tuple(sequences), num_tokens=posterior.num_tokens + drawn)


def _accepted(pair: Posterior, rng: np.random.Generator) -> TextSequence:
    """Take the second text in the place of the first, or not."""
    old, new = pair.sequences
    log_ratio = pair.log_weights[1] - pair.log_weights[0]
    log_ratio += np.log(len(old.tokens)) - np.log(max(1, len(new.tokens)))
    return new if np.log(rng.random()) < log_ratio else old
