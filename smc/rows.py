"""Rows of the model's batch: grouping particles by prefix, and planning what to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smc.model import FloatArray, IntArray, Plan, Vocabulary
from smc.population import Population
from smc.prefix import Prefix
from smc.scoring import Asker, Request
from smc.settings import Settings
from smc.token_scores import all_allowed, combined_scores


@dataclass(slots=True)
class Row:
    """A row of the batch and the particles of one population that have its prefix."""

    population: Population
    prefix: Prefix
    particles: list[int]


def plan_draws(
    rows: Sequence[Row], settings: Settings, vocabulary: Vocabulary
) -> tuple[Plan, list[int]]:
    """Plan one draw for every particle that does not wait.

    Returns:
        The plan, and `[M]` the particle (within its population) of each draw.
    """
    drawn = [r for r, row in enumerate(rows) if row.particles and not row.prefix.waits]
    mask, log_scores = _token_scores(rows, drawn, settings, vocabulary)
    # Every population draws N uniforms a step whatever becomes of them, so that its particles do
    # not depend on its neighbours in the batch.
    uniforms = {id(rows[r].population): rows[r].population for r in drawn}
    by_particle = {key: p.rng.random(p.size) for key, p in uniforms.items()}
    chosen = [
        spread(by_particle[id(rows[r].population)][rows[r].particles], settings.shared_draws)
        for r in drawn
    ]
    counts = [len(rows[r].particles) for r in drawn]
    plan = Plan(
        rows=np.repeat(np.asarray(drawn, dtype=np.int64), counts),
        uniforms=np.concatenate(chosen) if chosen else np.zeros(0),
        mask=mask,
        log_scores=log_scores,
        temperature=settings.proposal.temperature,
    )
    return plan, [i for r in drawn for i in rows[r].particles]


def next_rows(rows: Sequence[Row], hold: int) -> tuple[list[Row], IntArray, IntArray]:
    """Give each distinct live prefix a row.

    Returns:
        The new rows, and for each the old row it grows from and its token (`hold`: none).
    """
    populations = {id(row.population): row.population for row in rows}
    new: list[Row] = []
    parents: list[int] = []
    tokens: list[int] = []
    for population in populations.values():
        together: dict[int, Row] = {}
        for particle in population.live():
            prefix = population.prefixes[particle]
            row = together.setdefault(id(prefix), Row(population, prefix, []))
            row.particles.append(particle)
        for row in together.values():
            prefix = row.prefix
            if prefix.row >= 0:
                parents.append(prefix.row)
                tokens.append(hold)
            else:
                assert prefix.parent is not None
                parents.append(prefix.parent.row)
                tokens.append(prefix.token)
            new.append(row)
    for index, row in enumerate(new):
        row.prefix.row = index
    return new, np.asarray(parents, dtype=np.int64), np.asarray(tokens, dtype=np.int64)


def spread(uniforms: FloatArray, shared: bool) -> FloatArray:
    """Uniforms of the particles of one row: each uniform, if shared together evenly spread."""
    if not shared or len(uniforms) <= 1:
        return uniforms
    return (uniforms[0] + np.arange(len(uniforms)) / len(uniforms)) % 1.0


def _token_scores(
    rows: Sequence[Row], drawn: Sequence[int], settings: Settings, vocabulary: Vocabulary
) -> tuple[NDArray[np.uint32] | None, NDArray[np.float32] | None]:
    """Combine what all token potentials say of the rows to draw from."""
    requests: dict[int, tuple[Asker, list[int], list[Request]]] = {}
    for r in drawn:
        population = rows[r].population
        for k, asker in enumerate(population.askers):
            if asker.is_token:
                _, where, asked = requests.setdefault(id(asker), (asker, [], []))
                where.append(r)
                asked.append((rows[r].prefix, k, population.costs[k]))
    mask, log_scores = combined_scores(requests.values(), len(rows), vocabulary)
    last = [r for r in drawn if rows[r].prefix.length + 1 >= settings.max_tokens]
    if last:
        mask = all_allowed(len(rows), vocabulary) if mask is None else mask
        mask[last] &= vocabulary.eos_mask
    return mask, log_scores
