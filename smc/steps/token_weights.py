"""What potentials say of steps that are drawn token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from smc.engine.candidates import extended_prefixes, set_log_values
from smc.engine.evaluator import (
    Cost,
    PotentialEvaluator,
    Request,
    combined_scores,
)
from smc.engine.prefix import Prefix
from smc.engine.requests import Growing
from smc.model import Vocabulary
from smc.potential import AnyPotential, flatten
from smc.steps.token_rows import Ids

_KNOWN = 4096
"""Prefixes that are remembered; one that is forgotten is read again from its first token."""


class Walked(Protocol):
    """A solution at the end of a step."""

    ids: Ids
    prefix: Prefix
    finished: bool
    log_weight: float


class StepWeights:
    """The potentials of a step model, and what they know of the prefixes drawn so far."""

    def __init__(self, potentials: Sequence[AnyPotential], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._evaluators = [PotentialEvaluator(p, vocabulary) for p in flatten(potentials)]
        self._cost = Cost()
        self._known: dict[Ids, Prefix] = {}
        self._root = Prefix.empty(tuple(e.start() for e in self._evaluators))
        self.log_root = self._weigh_root()

    def prefix(self, ids: Ids) -> Prefix:
        """Return the prefix of these tokens, from memory or read again."""
        known = self._known.get(ids)
        if known is not None:
            return known
        size = next((n for n in range(len(ids), 0, -1) if ids[:n] in self._known), 0)
        prefix = self._known[ids[:size]] if size else self._root
        for token in ids[size:]:
            prefix = self.child(prefix, token)
        if size < len(ids):  # not drawn here: its past is not weighed, only what comes now
            self._set_values([prefix], complete=False)
            self._remember(ids, prefix)
        return prefix

    def child(self, parent: Prefix, token: int) -> Prefix:
        """Return a prefix and one more token."""
        new = self._vocabulary.tokens[token]
        assert new, "a backend never draws an id outside the model"
        return extended_prefixes([Growing(self._evaluators, parent, token, new)])[0]

    def token_scores(
        self, places: Sequence[tuple[int, Prefix]], size: int
    ) -> tuple[NDArray[np.uint32] | None, NDArray[np.float32] | None]:
        """Combine what the token potentials say of some rows of a batch of `size` rows."""
        rows = dict(places)
        asked = [
            (evaluator, list(rows), [Request(p, k, self._cost) for p in rows.values()])
            for k, evaluator in enumerate(self._evaluators)
            if evaluator.is_token
        ]
        return combined_scores(asked, size, self._vocabulary)

    def finish(self, walks: Sequence[Walked]) -> None:
        """Multiply log weights by what the other potentials say at the end of a step.

        Only what is alive is asked about.
        """
        for complete in (False, True):
            alive = [w for w in walks if w.finished is complete and w.log_weight > -np.inf]
            before = [self._values(w.prefix) for w in alive]
            after = self._asked([w.prefix for w in alive], complete)
            for walk, old, new in zip(alive, before, after, strict=True):
                for k, value in new.items():
                    walk.log_weight += value - old[k] if value > -np.inf else -np.inf
                if not complete and walk.log_weight > -np.inf:
                    set_log_values(walk.prefix, new)
                    self._remember(walk.ids, walk.prefix)

    def _weigh_root(self) -> float:
        total = 0.0
        for k, evaluator in enumerate(self._evaluators):
            (value,) = evaluator.log_values([Request(self._root, k, self._cost)], complete=False)
            if value > -np.inf:
                set_log_values(self._root, {k: value})
            total += value
        return total

    def _set_values(self, prefixes: Sequence[Prefix], *, complete: bool) -> None:
        for prefix, values in zip(prefixes, self._asked(prefixes, complete), strict=True):
            set_log_values(prefix, {k: v for k, v in values.items() if v > -np.inf})

    def _asked(self, prefixes: Sequence[Prefix], complete: bool) -> list[dict[int, float]]:
        """Ask the potentials that are no token potentials; one dict by index each."""
        found: list[dict[int, float]] = [{} for _ in prefixes]
        for k, evaluator in enumerate(self._evaluators):
            if evaluator.is_token or not prefixes:
                continue
            values = evaluator.log_values(
                [Request(p, k, self._cost) for p in prefixes], complete=complete
            )
            for own, value in zip(found, values, strict=True):
                own[k] = value
        return found

    def _values(self, prefix: Prefix) -> dict[int, float]:
        return {k: r.log_value for k, r in enumerate(prefix.states)}

    def _remember(self, ids: Ids, prefix: Prefix) -> None:
        self._known[ids] = prefix
        if len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]
