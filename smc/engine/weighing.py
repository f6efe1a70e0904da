"""The expensive potentials' part of the weights: asked at boundaries and at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from smc.engine.candidates import Child
from smc.engine.evaluator import Request, death, with_values


def weigh(children: Sequence[Child], *, complete: bool) -> None:
    """Multiply weights by φ_exp(now) / φ_exp(last), or at the end by Φ_exp / φ_exp(last).

    One potential after the other, so that the dead are not asked about again; each in one batch
    of all problems that share it.
    """
    depth = max((len(c.population.askers) for c in children), default=0)
    for k in range(depth):
        alive = [c for c in children if c.population.log_weights[c.particles[0]] > -np.inf]
        for child, value in values_of(alive, k, complete=complete):
            _multiply(child, k, value, complete)


def values_of(
    children: Iterable[Child], k: int, *, complete: bool
) -> Iterator[tuple[Child, float]]:
    """Yield what the k-th potential of each child's problem says of the child, where it is due.

    That is, where it is no token potential, and the child stands at its boundary or at the end. A
    problem whose potential raises fails, and nothing more is said of it.
    """
    batches: dict[int, list[Child]] = {}
    for child in children:
        if _is_due(child, k, complete):
            batches.setdefault(id(child.population.askers[k]), []).append(child)
    for batch in batches.values():
        yield from _asked(batch, k, complete)


def _asked(batch: list[Child], k: int, complete: bool) -> list[tuple[Child, float]]:
    """Ask one potential about children; where it raises, those of each problem by themselves.

    So a problem fails by its own texts alone, whoever shares the potential with it.
    """
    asker = batch[0].population.askers[k]
    requests: list[Request] = [(c.prefix, k, c.population.costs[k]) for c in batch]
    try:
        return list(zip(batch, asker.ask(requests, complete=complete), strict=True))
    except Exception as error:
        problems = {id(c.population): c.population for c in batch}
        if len(problems) == 1:
            batch[0].population.fail(error)
            return []
    apart = ([c for c in batch if c.population is p] for p in problems.values())
    return [found for own in apart for found in _asked(own, k, complete)]


def _is_due(child: Child, k: int, complete: bool) -> bool:
    askers = child.population.askers
    if k >= len(askers) or askers[k].is_token:
        return False
    return complete or child.prefix.readings[k].due


def _multiply(child: Child, k: int, log_value: float, complete: bool) -> None:
    """Multiply the weights of a child by the ratio of a potential's new value to its last."""
    population = child.population
    if log_value == -np.inf:
        population.kill(child.particles, death(population.askers[k], child.prefix))
        return
    population.log_weights[child.particles] += log_value - child.prefix.readings[k].log_value
    if not complete:
        with_values(child.prefix, {k: log_value})
