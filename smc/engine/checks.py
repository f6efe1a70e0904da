"""Opaque checks: which of the tokens that were drawn the potentials of a rejection proposal refuse.

Checks are asked about distinct texts, those of all rows in one batch, and what they say is
remembered for the weighing that follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from smc.engine.batch import Row
from smc.engine.candidates import Candidate, extend, is_judged, log_values_of
from smc.engine.evaluator import PotentialEvaluator
from smc.engine.sampler import Key
from smc.proposals import RejectionProposal


class Checks:
    """The checks of the rows of one step.

    Args:
        rows: Of the batch.
        proposal: Says which potentials check.

    Attributes:
        candidates: What the tokens that were asked about lead to, extended.
    """

    def __init__(self, rows: Sequence[Row], proposal: RejectionProposal) -> None:
        self._rows = rows
        self._proposal = proposal
        self.candidates: dict[Key, Candidate] = {}
        self._asked: dict[PotentialEvaluator, bool] = {}

    def refused(self, keys: Iterable[Key]) -> set[Key]:
        """Return those that some check gives −inf, and those of problems that fail.

        Args:
            keys: Not asked about before.
        """
        made = {key: self._candidate(key) for key in keys}
        extend(made.values())
        self.candidates |= made
        refused = self._refused([c for c in made.values() if c.alive])
        return {k for k, c in made.items() if c in refused or c.population.error is not None}

    def _candidate(self, key: Key) -> Candidate:
        row = self._rows[key[0]]
        return Candidate(row.population, [], row.prefix, key[1])

    def _refused(self, candidates: Sequence[Candidate]) -> set[Candidate]:
        """Those that some check gives −inf."""
        refused: set[Candidate] = set()
        for complete in (False, True):
            due = [c for c in candidates if (c.ending is not None) is complete and is_judged(c)]
            for k in range(max((len(c.population.evaluators) for c in due), default=0)):
                asked = [c for c in due if c not in refused and self._asks(c, k)]
                log_values = log_values_of(asked, k, complete=complete)
                refused |= {c for c, log_value in log_values if log_value == -np.inf}
        return refused

    def _asks(self, candidate: Candidate, k: int) -> bool:
        evaluators = candidate.population.evaluators
        if k >= len(evaluators):
            return False
        asked = self._asked.get(evaluators[k])
        if asked is None:
            asked = self._asked[evaluators[k]] = self._proposal.asks(evaluators[k].source)
        return asked
