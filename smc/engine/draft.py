"""Blocks of tokens that a small model drafts and the large one weighs in one pass.

Within a block the engine runs on the draft's rows as it would on a model's: masks enter the draws,
checks kill, texts end. What is missing is the large model's word. For a particle whose tokens since
the last block are x₁..ⱼ (j < k where its text has ended), drawn under q with the draft's p′:

    w = ∏ᵢ p(xᵢ) φ(xᵢ) / q(xᵢ)  =  ∏ᵢ [p′(xᵢ) φ(xᵢ) / q(xᵢ)]  ·  ∏ᵢ p(xᵢ) / p′(xᵢ)

The first product is the weight that the draws gave as they were made; the second is multiplied in
here, when a population's block is full or none of its particles goes on. Only then may it be
resampled: until then its particles keep their numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smc.engine.candidates import Candidate
from smc.engine.deaths import Death, Stage
from smc.engine.draft_vocabulary import fitted_request
from smc.engine.population import Ending, Population
from smc.engine.prefix import Prefix
from smc.errors import SettingsError
from smc.model import (
    HOLD,
    BlockDecoding,
    Decoding,
    DrawRequest,
    Draws,
    FloatArray,
    IntArray,
)
from smc.proposals import DraftProposal


@dataclass(frozen=True)
class _Path:
    """What particles have drawn since a prefix that the large model has a row for."""

    anchor: Prefix
    tokens: tuple[int, ...] = ()
    log_draft: float = 0.0

    def then(self, token: int, log_prob: float) -> _Path:
        return _Path(self.anchor, (*self.tokens, token), self.log_draft + log_prob)


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a particle with weight stands after the draws of a step."""

    population: Population
    particle: int
    prefix: Prefix
    ending: Ending | None
    candidate: Candidate | None


def _places(population: Population, candidates: Sequence[Candidate]) -> list[_Place]:
    """Where the particles of a population that have weight stand, in their order."""
    if population.error is not None:
        return []
    drawn = {i: candidate for candidate in candidates for i in candidate.particles}
    places = []
    for i in np.flatnonzero(population.log_weights > -np.inf).tolist():
        candidate = drawn.get(i)
        prefix, ending = population.prefixes[i], population.endings[i]
        if candidate is not None:
            if not candidate.alive or candidate.prefix is None:
                continue
            ending = candidate.ending
            whole = ending is None or ending.truncated
            prefix = candidate.prefix if whole else candidate.parent
        places.append(_Place(population, i, prefix, ending, candidate))
    return places


def _weigh(weighed: Sequence[tuple[_Place, _Path]], log_ratios: Sequence[float]) -> list[Candidate]:
    """Give candidates the large model's word; return new ones for particles that have none."""
    further: list[Candidate] = []
    done: set[Candidate] = set()
    for (place, _), log_ratio in zip(weighed, log_ratios, strict=True):
        candidate = place.candidate
        if candidate is None:
            candidate = Candidate(place.population, [place.particle], place.prefix, -1)
            candidate.prefix, candidate.ending = place.prefix, place.ending
            further.append(candidate)
        if log_ratio == -np.inf:
            text = place.prefix.text
            reason = f"the model gave probability zero to {text!r}"
            candidate.death = Death(
                "the model", text, reason, Stage.SETTLEMENT, place.particle, said="model"
            )
        elif candidate not in done:
            candidate.log_increments.append(float(log_ratio))
            done.add(candidate)
    return further


class Drafted:
    """A decoding of the draft, and one of the large model that follows a block behind.

    To the engine it is the draft's (`smc.model.Decoding`).

    Args:
        draft: Row r continues `roots[r]`.
        large: So does its row r.
        roots: The populations' empty texts.
        proposal: How long a block is.
        size: Of the draft's vocabulary.
    """

    def __init__(
        self,
        draft: Decoding,
        large: BlockDecoding,
        roots: Sequence[Prefix],
        proposal: DraftProposal,
        size: int,
    ) -> None:
        self._draft = draft
        self._large = large
        self._block = proposal.block
        self._size = size
        self._paths: dict[Population, dict[int, _Path]] = {}
        self._rows: dict[Prefix, int] = {root: r for r, root in enumerate(roots)}

    @property
    def runs_ahead(self) -> bool:
        """See `Decoding`; the draft's."""
        return getattr(self._draft, "runs_ahead", False)

    def join(self, other: Decoding) -> bool:
        """See `Decoding.join`: no, since two decodings would have to take the rows."""
        return False

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        self._draft.advance(parents, tokens)

    def draw(self, request: DrawRequest) -> Draws:
        """See `Decoding.draw`."""
        draws = self._draft.draw(fitted_request(request, self._size))
        if draws.log_probs is None:
            raise SettingsError(
                "proposal: a DraftProposal asks how probable each token is, which the draft's "
                f"{type(self._draft).__name__} does not tell; expected a model in this process."
            )
        return draws

    def log_probs(self) -> FloatArray:
        """See `Decoding.log_probs`; the draft's."""
        return self._draft.log_probs()

    def settle(
        self, candidates: Sequence[Candidate], populations: Sequence[Population]
    ) -> tuple[list[Candidate], list[Population]]:
        """Take a step's candidates, and weigh the populations whose block ends with it.

        See `ProposalSampler.settle`.
        """
        of: dict[Population, list[Candidate]] = {population: [] for population in populations}
        for candidate in candidates:
            if candidate.population in of:
                of[candidate.population].append(candidate)
            if candidate.token < 0 or candidate.prefix is None:
                continue
            paths = self._paths.setdefault(candidate.population, {})
            before = paths.get(candidate.particles[0]) or _Path(candidate.parent)
            assert candidate.log_prob is not None
            path = before.then(candidate.token, candidate.log_prob)
            paths.update(dict.fromkeys(candidate.particles, path))
        places = {population: _places(population, own) for population, own in of.items()}
        ready = [p for p in populations if self._is_over(p, places[p])]
        return (self._follow(ready, places) if ready else []), ready

    def _is_over(self, population: Population, places: Sequence[_Place]) -> bool:
        """Whether a population's block is full, or nobody would go on with it."""
        moving = any(place.ending is None and not place.prefix.waits for place in places)
        paths = self._paths.get(population, {}).values()
        return not moving or max((len(p.tokens) for p in paths), default=0) >= self._block

    def _follow(
        self, ready: Sequence[Population], places: Mapping[Population, Sequence[_Place]]
    ) -> list[Candidate]:
        """Put what the ready ones have drawn through the large model; the others' rows stay.

        Returns:
            Further candidates, of particles that drew nothing in this step.
        """
        wanted: dict[_Path, int] = {}
        weighed: list[tuple[_Place, _Path]] = []
        over = set(ready)
        for population, own in places.items():
            paths = self._paths.get(population, {})
            for place in own:
                path = paths.get(place.particle)
                if path is not None and population in over:
                    weighed.append((place, path))
                elif path is not None:
                    path = _Path(path.anchor)
                elif place.ending is None:
                    path = _Path(place.prefix)
                else:
                    continue
                wanted.setdefault(path, len(wanted))
        log_large = self._extend(list(wanted))
        further = _weigh(weighed, [log_large[wanted[p]] - p.log_draft for _, p in weighed])
        self._rows = {path.anchor: row for path, row in wanted.items() if not path.tokens}
        for place, path in weighed:
            if place.ending is None:
                self._rows[place.prefix] = wanted[path]
        for population in ready:
            self._paths.pop(population, None)
        return further

    def _extend(self, paths: Sequence[_Path]) -> FloatArray:
        """`[R]` log p of each path's tokens; the large model's rows become those at its ends."""
        width = max((len(path.tokens) for path in paths), default=0)
        tokens = np.full((len(paths), width), HOLD, dtype=np.int64)
        for row, path in zip(tokens, paths, strict=True):
            row[width - len(path.tokens) :] = path.tokens
        parents = np.array([self._rows[path.anchor] for path in paths], dtype=np.int64)
        return self._large.extend(parents, tokens).sum(axis=1)
