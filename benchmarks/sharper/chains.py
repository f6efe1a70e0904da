"""Chains of runs and moves at the cost of one larger run: molecules by their QED."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import smc
from benchmarks.sharper.paired import Experiment
from domains.gdb17 import scores
from domains.gdb17.task import Gdb17Task
from potentials.molecule import qed
from smc.model import LanguageModel
from smc.moves import regrow
from smc.particle_gibbs import particle_gibbs

_WEIGHT = 10.0
_SWEEPS = 4
_MOVES = 2


def experiment(model: LanguageModel, items: int, particles: int) -> Experiment:
    """Return the arms `one run`, `particle Gibbs`, `moves` and `one run of 4 N`."""
    task = Gdb17Task()
    potentials = [*task.cheap(), *task.expensive(), qed(weight=_WEIGHT)]

    def run(size: int, item: Any, seed: int) -> smc.Posterior:
        return smc.sample(
            model,
            item.prompt,
            potentials,
            num_particles=size,
            max_tokens=task.max_tokens,
            stop=task.stop,
            seed=seed,
        )

    def gibbs(item: Any, seed: int) -> smc.Posterior:
        sweeps = particle_gibbs(
            model,
            item.prompt,
            potentials,
            sweeps=_SWEEPS,
            num_particles=particles,
            max_tokens=task.max_tokens,
            stop=task.stop,
            seed=seed,
        )
        return _pooled(sweeps)

    def moved(item: Any, seed: int) -> smc.Posterior:
        return regrow(
            model,
            item.prompt,
            potentials,
            run(particles, item, seed),
            steps=_MOVES,
            max_tokens=task.max_tokens,
            stop=task.stop,
            seed=seed,
        )

    return Experiment(
        question="What do sweeps or moves bring, beside one run as large as all of them?",
        setting=(
            f"molecules behind twenty others (the built-in examples), weight exp({_WEIGHT:g} QED) "
            f"of the finished one, at most {task.max_tokens} tokens; {_SWEEPS} sweeps, pooled "
            f"(their evidence is the first's); {_MOVES} moves of every text"
        ),
        items=task.items(items),
        arms={
            "one run": lambda item, seed: run(particles, item, seed),
            "particle Gibbs": gibbs,
            "moves": moved,
            "one run of 4 N": lambda item, seed: run(4 * particles, item, seed),
        },
        scores={"QED": lambda item, text: scores.qed(text)},
    )


def _pooled(sweeps: list[smc.Posterior]) -> smc.Posterior:
    """All sweeps as one posterior, in which they weigh alike."""
    first = sweeps[0].log_evidence
    alive = [p for p in sweeps if p.log_evidence > -np.inf]
    if not alive:
        return sweeps[0]
    log_weights = [p.log_weights - p.log_evidence + first for p in alive]
    return replace(
        sweeps[0],
        sequences=tuple(s for p in alive for s in p.sequences),
        log_weights=np.concatenate(log_weights),
        history=(),
        num_tokens=sum(p.num_tokens for p in sweeps),
    )
