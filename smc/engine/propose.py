"""Proposing: a token for every particle that does not wait, as its proposal draws it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from smc.engine.batch import Batch, Row
from smc.engine.candidates import Candidate
from smc.engine.deaths import Death, Stage
from smc.engine.evaluator import PotentialEvaluator, Request, all_allowed, combined_scores
from smc.engine.population import Population
from smc.engine.prefix import Prefix
from smc.engine.sampler import Key, ProposalSampler, sampler_of
from smc.model import (
    Decoding,
    DrawRequest,
    Draws,
    FloatArray,
    LanguageModel,
    Prompt,
    Vocabulary,
)
from smc.potential import AnyPotential, TokenPotential
from smc.proposals import LocalProposal


def propose(batch: Batch) -> list[Candidate]:
    """Draw a token for each particle; its increment is log p·φ_cheap/q.

    Returns:
        One candidate for each distinct row, token and weight, dead where nothing can follow. None
        of problems that fail.
    """
    candidates = []
    for sampler, wanted in _by_sampler(batch.rows).items():
        request, drawers = draw_request(batch.rows, wanted)
        draws, known = sampler.draw(batch, request)
        together: dict[tuple[int, int, float], list[int]] = {}
        drawn = request.rows.tolist(), draws.tokens.tolist(), draws.log_weights.tolist()
        for m, key in enumerate(zip(*drawn, strict=True)):
            together.setdefault(key, []).append(m)
        for (r, token, log_weight), members in together.items():
            row = batch.rows[r]
            population = row.population
            if population.error is not None:
                continue
            candidate = known.pop((r, token), None) or Candidate(population, [], row.prefix, token)
            candidate.particles = [drawers[m] for m in members]
            if token < 0:
                candidate.death = _dead_end(row)
            elif population.config.settings.proposal.properly_weighted:
                candidate.log_increments.append(log_weight)
            if draws.log_probs is not None:
                candidate.log_prob = float(draws.log_probs[members[0]])
            candidates.append(candidate)
    return candidates


def draw_request(rows: Sequence[Row], wanted: Sequence[int]) -> tuple[DrawRequest, list[int]]:
    """Ask for one draw for every particle of some rows.

    A population whose token potentials raise fails, and is not drawn from.

    Args:
        rows: All rows of the batch.
        wanted: Indices of those to draw from; all that a population has, or none.

    Returns:
        The request, and `[M]` the particle (within its population) of each draw.
    """
    mask, log_scores = _token_scores(rows, wanted)
    drawn = [r for r in wanted if rows[r].population.error is None]
    # Every population draws N uniforms a step whatever becomes of them, so that its particles do
    # not depend on its neighbours in the batch.
    populations = dict.fromkeys(rows[r].population for r in drawn)
    uniforms = {p: p.rng.random(len(p.prefixes)) for p in populations}
    chosen = [spread(rows[r], uniforms[rows[r].population][rows[r].particles]) for r in drawn]
    counts = [len(rows[r].particles) for r in drawn]
    request = DrawRequest(
        rows=np.repeat(np.asarray(drawn, dtype=np.int64), counts),
        uniforms=np.concatenate(chosen) if chosen else np.zeros(0),
        mask=mask,
        log_scores=log_scores,
        temperature=_temperatures(rows),
    )
    return request, [i for r in drawn for i in rows[r].particles]


def spread(row: Row, uniforms: FloatArray) -> FloatArray:
    """Uniforms of particles of one row: each uniform, if shared together evenly spread."""
    if len(uniforms) <= 1 or not row.population.config.settings.shared_draws:
        return uniforms
    return (uniforms[0] + np.arange(len(uniforms)) / len(uniforms)) % 1.0


def _by_sampler(rows: Sequence[Row]) -> dict[ProposalSampler, list[int]]:
    """Indices of the rows to draw from, by how."""
    together: dict[ProposalSampler, list[int]] = {}
    for r, row in enumerate(rows):
        if row.particles and not row.prefix.waits:
            together.setdefault(row.population.config.sampler, []).append(r)
    return together


def _temperatures(rows: Sequence[Row]) -> float | FloatArray:
    """The proposal's: one, or `[R]` where they differ."""
    every = [row.population.config.settings.proposal.temperature for row in rows]
    return every[0] if len(set(every)) == 1 else np.asarray(every, dtype=np.float64)


def _token_scores(
    rows: Sequence[Row], drawn: Sequence[int]
) -> tuple[NDArray[np.uint32] | None, NDArray[np.float32] | None]:
    """Combine what all token potentials say of the rows to draw from, and what the length says.

    Where they raise, each population is asked by itself: those that are at fault fail.
    """
    if not drawn:
        return None, None
    vocabulary = rows[0].population.config.vocabulary
    try:
        mask, log_scores = combined_scores(_requests(rows, drawn), len(rows), vocabulary)
    except Exception:
        sound = list(drawn)
        for population in dict.fromkeys(rows[r].population for r in drawn):
            own = [r for r in drawn if rows[r].population is population]
            try:
                combined_scores(_requests(rows, own), len(rows), vocabulary)
            except Exception as error:
                population.fail(error)
                sound = [r for r in sound if r not in own]
        if len(sound) == len(drawn):
            raise
        return _token_scores(rows, sound)
    last = [r for r in drawn if _must_end(rows[r])]
    if last and mask is None:
        mask = all_allowed(len(rows), vocabulary)
    for r in last:
        assert mask is not None
        mask[r] &= rows[r].population.config.vocabulary.eos_mask
    return mask, log_scores


def _must_end(row: Row) -> bool:
    settings = row.population.config.settings
    return settings.at_max_tokens == "end" and row.prefix.length + 1 >= settings.max_tokens


def _requests(
    rows: Sequence[Row], drawn: Sequence[int]
) -> Iterable[tuple[PotentialEvaluator, list[int], list[Request]]]:
    requests: dict[PotentialEvaluator, tuple[PotentialEvaluator, list[int], list[Request]]] = {}
    for r in drawn:
        population: Population = rows[r].population
        for k, evaluator in enumerate(population.evaluators):
            if evaluator.is_token:
                _, where, asked = requests.setdefault(evaluator, (evaluator, [], []))
                where.append(r)
                prefix, cost = rows[r].prefix, population.costs[k]
                stops, slots = population.config.stops, _slots_left(rows[r])
                asked.append(Request(prefix, k, cost, stops, slots))
    return requests.values()


def _slots_left(row: Row) -> int | None:
    """How many more tokens of text a row may have; None where the masks are not to know.

    Where weights are kept a token may be left out that leads to weight zero only; where they are
    not, the masks are the method.
    """
    settings, stops = row.population.config.settings, row.population.config.stops
    slack = 0 if stops is None else stops.slack
    if slack is None or not settings.proposal.properly_weighted:
        return None
    last = settings.at_max_tokens == "end"  # which is EOS's
    return settings.max_tokens - row.prefix.length - last + slack


def _dead_end(row: Row) -> Death:
    config, text = row.population.config, row.prefix.text
    if _must_end(row):
        cause = f"max_tokens={config.settings.max_tokens}"
        reason = f"{cause}: the text cannot end after {text!r}"
        return Death(cause, text, reason, Stage.PROPOSAL)
    asked = [e for e in row.population.evaluators if config.sampler.asks(e.source)]
    death = Death.without_token(" · ".join(e.name for e in asked), text)
    slots = _slots_left(row)
    if slots is None or not any(e.heeds_slots for e in asked):
        return death
    left = f"{slots} slots left of max_tokens={config.settings.max_tokens}"
    return dataclasses.replace(death, reason=f"{death.reason} with {left}")


class LocalSampler:
    """Draws from model × cheap potentials, in one pass where the logits live; `LocalProposal`."""

    def check(self, potentials: Sequence[AnyPotential]) -> None:
        """See `ProposalSampler.check`: it fits all."""

    def asks(self, potential: AnyPotential) -> bool:
        """See `ProposalSampler.asks`: token potentials do."""
        return isinstance(potential, TokenPotential)

    def start(
        self,
        model: LanguageModel,
        prompts: Sequence[Prompt],
        vocabulary: Vocabulary,
        max_tokens: int,
        roots: Sequence[Prefix],
    ) -> Decoding:
        """See `ProposalSampler.start`."""
        return model.start(prompts, vocabulary, max_tokens)

    def draw(self, batch: Batch, request: DrawRequest) -> tuple[Draws, dict[Key, Candidate]]:
        """See `ProposalSampler.draw`."""
        return batch.decodings.draw(request), {}

    def settle(
        self, candidates: Sequence[Candidate], populations: Sequence[Population]
    ) -> tuple[Sequence[Candidate], Collection[Population]]:
        """See `ProposalSampler.settle`: the draw has weighed all there is."""
        return (), populations


_LOCAL = LocalSampler()  # without state: rows of all local proposals are drawn from together


@sampler_of.register
def _(proposal: LocalProposal) -> ProposalSampler:
    return _LOCAL
