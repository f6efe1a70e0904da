"""Rows of the model's batch: grouping particles by prefix, and planning what to draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smc.engine.evaluator import Asker, Request, all_allowed, combined_scores
from smc.engine.population import Population
from smc.engine.prefix import Prefix
from smc.model import DrawRequest, FloatArray, IntArray


@dataclass(slots=True)
class Row:
    """A row of the batch and the particles of one population that have its prefix."""

    population: Population
    prefix: Prefix
    particles: list[int]


def plan_draws(rows: Sequence[Row], wanted: Sequence[int]) -> tuple[DrawRequest, list[int]]:
    """DrawRequest one draw for every particle of some rows.

    A population whose token potentials raise fails, and is not drawn from.

    Args:
        rows: All rows of the batch.
        wanted: Indices of those to draw from; all that a population has, or none.

    Returns:
        The plan, and `[M]` the particle (within its population) of each draw.
    """
    mask, log_scores = _token_scores(rows, wanted)
    drawn = [r for r in wanted if rows[r].population.error is None]
    # Every population draws N uniforms a step whatever becomes of them, so that its particles do
    # not depend on its neighbours in the batch.
    uniforms = {id(rows[r].population): rows[r].population for r in drawn}
    by_particle = {key: p.rng.random(p.size) for key, p in uniforms.items()}
    chosen = [
        spread(rows[r], by_particle[id(rows[r].population)][rows[r].particles]) for r in drawn
    ]
    counts = [len(rows[r].particles) for r in drawn]
    plan = DrawRequest(
        rows=np.repeat(np.asarray(drawn, dtype=np.int64), counts),
        uniforms=np.concatenate(chosen) if chosen else np.zeros(0),
        mask=mask,
        log_scores=log_scores,
        temperature=_temperatures(rows),
    )
    return plan, [i for r in drawn for i in rows[r].particles]


def next_rows(rows: Sequence[Row], hold: int) -> tuple[list[Row], IntArray, IntArray]:
    """Give each distinct live prefix a row: that of its parent, as far as there is one for it.

    A backend moves what changes its place, so the others stay where they are.

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
    order = _in_place(parents)
    new = [new[i] for i in order]
    for index, row in enumerate(new):
        row.prefix.row = index
    return (
        new,
        np.asarray(parents, dtype=np.int64)[order],
        np.asarray(tokens, dtype=np.int64)[order],
    )


def _in_place(parents: Sequence[int]) -> list[int]:
    """Indices of the new rows, ordered so that as many as can be are where their parents were."""
    order = [-1] * len(parents)
    rest = []
    for i, parent in enumerate(parents):
        if parent < len(order) and order[parent] < 0:
            order[parent] = i
        else:
            rest.append(i)
    left = iter(rest)
    return [next(left) if i < 0 else i for i in order]


def spread(row: Row, uniforms: FloatArray) -> FloatArray:
    """Uniforms of particles of one row: each uniform, if shared together evenly spread."""
    if not row.population.terms.settings.shared_draws or len(uniforms) <= 1:
        return uniforms
    return (uniforms[0] + np.arange(len(uniforms)) / len(uniforms)) % 1.0


def _temperatures(rows: Sequence[Row]) -> float | FloatArray:
    """The proposal's: one, or `[R]` where they differ."""
    found = [row.population.terms.settings.proposal.temperature for row in rows]
    return found[0] if len(set(found)) == 1 else np.asarray(found, dtype=np.float64)


def _token_scores(
    rows: Sequence[Row], drawn: Sequence[int]
) -> tuple[NDArray[np.uint32] | None, NDArray[np.float32] | None]:
    """Combine what all token potentials say of the rows to draw from, and what the length says.

    Where they raise, each population is asked by itself: those that are at fault fail.
    """
    if not drawn:
        return None, None
    vocabulary = rows[0].population.terms.vocabulary
    try:
        mask, log_scores = combined_scores(_requests(rows, drawn), len(rows), vocabulary)
    except Exception:
        sound = list(drawn)
        for population in {id(rows[r].population): rows[r].population for r in drawn}.values():
            own = [r for r in drawn if rows[r].population is population]
            try:
                combined_scores(_requests(rows, own), len(rows), vocabulary)
            except Exception as error:
                population.fail(error)
                sound = [r for r in sound if r not in own]
        if len(sound) == len(drawn):
            raise
        return _token_scores(rows, sound)
    last = [r for r in drawn if _at_last_slot(rows[r])]
    if last and mask is None:
        mask = all_allowed(len(rows), vocabulary)
    for r in last:
        assert mask is not None
        mask[r] &= rows[r].population.terms.vocabulary.eos_mask
    return mask, log_scores


def _at_last_slot(row: Row) -> bool:
    return row.prefix.length + 1 >= row.population.terms.settings.max_tokens


def _requests(
    rows: Sequence[Row], drawn: Sequence[int]
) -> Iterable[tuple[Asker, list[int], list[Request]]]:
    requests: dict[int, tuple[Asker, list[int], list[Request]]] = {}
    for r in drawn:
        population = rows[r].population
        for k, asker in enumerate(population.askers):
            if asker.is_token:
                _, where, asked = requests.setdefault(id(asker), (asker, [], []))
                where.append(r)
                asked.append((rows[r].prefix, k, population.costs[k]))
    return requests.values()
