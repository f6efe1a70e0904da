"""The batch: rows of the model, which particles of one prefix share, and their decodings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from smc.engine.beside import Workers
from smc.engine.population import Population
from smc.engine.prefix import Prefix
from smc.model import HOLD, Decoding, DrawRequest, Draws, IntArray

if TYPE_CHECKING:
    from smc.engine.candidates import Candidate


@dataclass(slots=True, eq=False)
class Row:
    """A row of the batch and the particles of one population that have its prefix."""

    population: Population
    prefix: Prefix
    particles: list[int]


class Decodings:
    """Rows of one or more decodings; a step is a forward pass of each.

    As a rule there is one: rows that come later join it. Those that cannot have their own, and
    their part of every request. One without rows is let go, and its memory with it.
    """

    def __init__(self) -> None:
        self._parts: list[Decoding] = []
        self._part: IntArray = np.zeros(0, dtype=np.int64)  # of each row; its rows are in order

    def add(self, decoding: Decoding, rows: int) -> None:
        """Put the rows of a decoding that was just started behind all others."""
        index = next((i for i, part in enumerate(self._parts) if part.join(decoding)), None)
        if index is None:
            index = len(self._parts)
            self._parts.append(decoding)
        self._part = np.concatenate([self._part, np.full(rows, index)])

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        old, parts = self._part[parents], self._parts
        if len(parts) == 1 and len(parents):
            parts[0].advance(parents, tokens)
            self._part = old
            return
        place = self._places()
        kept = np.unique(old)
        for index in kept.tolist():
            mine = old == index
            parts[index].advance(place[parents[mine]], tokens[mine])
        self._parts = [parts[index] for index in kept.tolist()]
        self._part = np.searchsorted(kept, old)

    @property
    def runs_ahead(self) -> bool:
        """Whether rows may be advanced before it is known which of them will be drawn from."""
        return all(getattr(part, "runs_ahead", False) for part in self._parts)

    def draw(self, request: DrawRequest) -> Draws:
        """See `Decoding.draw`."""
        if len(self._parts) == 1:
            return self._parts[0].draw(request)
        tokens = np.full(len(request.rows), -1, dtype=np.int64)
        log_weights, log_probs = np.full((2, len(request.rows)), -np.inf)
        told = True
        for index, decoding in enumerate(self._parts):
            which, part = request.part(np.flatnonzero(self._part == index))
            if len(which) == 0:
                continue
            draws = decoding.draw(part)
            tokens[which], log_weights[which] = draws.tokens, draws.log_weights
            if draws.log_probs is None:
                told = False
            else:
                log_probs[which] = draws.log_probs
        return Draws(tokens, log_weights, log_probs if told else None)

    def _places(self) -> IntArray:
        """`[R]` the index of each row within its decoding."""
        place = np.zeros_like(self._part)
        for index in range(len(self._parts)):
            mine = self._part == index
            place[mine] = np.arange(mine.sum())
        return place


class Batch:
    """All rows of a run.

    Attributes:
        rows: Row r is row r of the decodings.
        decodings: Theirs.
        workers: Threads beside them.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.decodings = Decodings()
        self.workers = Workers()
        self._ahead: _Ahead | None = None

    def add(self, populations: Sequence[Population], decoding: Decoding) -> None:
        """Put populations at their beginnings behind all others; `decoding` has a row for each."""
        self.decodings.add(decoding, len(populations))
        for population in populations:
            population.root.row = len(self.rows)
            self.rows.append(Row(population, population.root, population.live()))

    def populations(self) -> list[Population]:
        """Return those that have a particle that may go on."""
        return list(dict.fromkeys(row.population for row in self.rows if row.particles))

    def advance(self, candidates: Iterable[Candidate] | None = None) -> None:
        """Give each distinct live prefix a row of the model, and free the others.

        A new row continues that of its prefix's parent. Rows that can stay where they are do,
        because a backend moves what changes its place.

        Args:
            candidates: Of a step that is not committed: each that may be live gets a row, while it
                is not known yet which will be. To advance again then frees the others, which takes
                no forward pass, and puts the rest where they would be without.
        """
        ahead, self._ahead = self._ahead, None
        if candidates is None:
            together = _live(self.rows if ahead is None else ahead.rows)
        else:
            together = self._undecided(candidates)
        grown = list(together)
        parents = [p.parent_row if p.row < 0 else p.row for p in grown]
        order = _in_place(parents if ahead is None else [ahead.parents[p] for p in grown])
        if candidates is not None:
            self._ahead = _Ahead(self.rows, dict(zip(grown, parents, strict=True)))
        prefixes = [grown[i] for i in order]
        parents = [parents[i] for i in order]
        tokens = [prefix.token if prefix.row < 0 else HOLD for prefix in prefixes]
        stay = parents == list(range(len(self.rows))) and all(t == HOLD for t in tokens)
        for index, prefix in enumerate(prefixes):
            prefix.row = index
        self.rows = [together[prefix] for prefix in prefixes]
        if not stay:
            self.decodings.advance(np.asarray(parents, np.int64), np.asarray(tokens, np.int64))

    def _undecided(self, candidates: Iterable[Candidate]) -> dict[Prefix, Row]:
        """The prefixes of particles that may go on: those that wait, and those that have drawn."""
        together = {row.prefix: row for row in self.rows if row.particles and row.prefix.waits}
        for candidate in candidates:
            if candidate.alive and candidate.ending is None and candidate.prefix is not None:
                row = Row(candidate.population, candidate.prefix, candidate.particles)
                together[candidate.prefix] = row
        return together


def _live(rows: Iterable[Row]) -> dict[Prefix, Row]:
    """The prefixes of the live particles of the rows' populations."""
    together: dict[Prefix, Row] = {}
    for population in dict.fromkeys(row.population for row in rows):
        prefixes = population.prefixes
        for particle in population.live():
            prefix = prefixes[particle]
            row = together.setdefault(prefix, Row(population, prefix, []))
            row.particles.append(particle)
    return together


class _Ahead(NamedTuple):
    """What was before rows were put ahead: the rows, and of each prefix that of its parent."""

    rows: list[Row]
    parents: Mapping[Prefix, int]


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
