"""What one population is run for, and on which terms; how it begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smc.model import Prompt, Vocabulary
from smc.population import Population
from smc.potential import AnyPotential, flatten
from smc.prefix import Prefix
from smc.scoring import Asker, death, with_values
from smc.terms import Terms

AskerOf = Callable[[AnyPotential, Vocabulary], Asker]
"""The one asker of a potential under a vocabulary."""


@dataclass(frozen=True)
class Problem:
    """One prompt, its potentials, and the generator that its particles draw from."""

    prompt: Prompt
    potentials: Sequence[AnyPotential]
    rng: np.random.Generator


def populate(problem: Problem, terms: Terms, asker_of: AskerOf) -> Population:
    """Return the population at the empty text, weighed.

    Raises:
        PotentialError: A potential raised, or returned NaN or +inf.
    """
    settings = terms.settings
    every = [asker_of(p, terms.vocabulary) for p in flatten(problem.potentials)]
    askers = [a for a in every if _takes_part(a, terms)]
    root = Prefix(None, -1, 0, b"", "", b"", tuple(a.start() for a in askers))
    if settings.resample_at is not None:
        root.sync_state = settings.resample_at.start()
    population = Population.at(root, askers, problem.rng, terms)
    everyone = list(range(population.size))
    for k, asker in enumerate(askers):
        if not asker.is_token and settings.expensive == "end":
            continue
        (value,) = asker.ask([(root, k, population.costs[k])], complete=False)
        if value == -np.inf:
            population.kill(everyone, death(asker, root))
            break
        if not asker.is_token:
            with_values(root, {k: value})
        if not asker.is_token or settings.proposal.corrects:
            population.log_weights += value
    return population


def _takes_part(asker: Asker, terms: Terms) -> bool:
    return terms.settings.cheap if asker.is_token else terms.settings.expensive != "never"
