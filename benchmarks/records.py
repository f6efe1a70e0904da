"""Result records: one for what a method made of one item with one seed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.methods import corrects
from domains.base import Item, Task
from smc.model import FloatArray
from smc.posterior import Posterior
from smc.weights import normalise

Record = dict[str, Any]
"""Plain JSON; see `Recorder.record` and the README for its keys."""


@dataclass(frozen=True)
class Recorder:
    """What a record is about."""

    task: Task[Any]
    method: str
    seed: int
    max_tokens: int

    def record(
        self, item: Item, posterior: Posterior, seconds: float, cpu_seconds: float
    ) -> Record:
        """Judge a posterior and write it down.

        Args:
            item: The problem.
            posterior: Of the engine.
            seconds: Wall time, this item's share of its batch's; scoring is not in it.
            cpu_seconds: The same in processor time, which other processes disturb less.

        Returns:
            `weights` are what scores are averaged by: 0 for unfinished texts, sum 1 over the
            others; all 0 if there are none. −inf is written as null.
        """
        finished = self._finished(posterior)
        weights = normalise(np.where(finished, posterior.log_weights, -np.inf))
        texts = [s.text for s in posterior.sequences]
        return {
            "item": item.id,
            "method": self.method,
            "seed": self.seed,
            "prompt_digest": prompt_digest(item),
            "text": _best(texts, weights),
            "status": posterior.status.value,
            "reason": posterior.reason,
            "log_evidence": _finite(posterior.log_evidence),
            "ess": posterior.ess,
            "tokens": posterior.num_tokens,
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "costs": {
                name: {"calls": calls, "seconds": spent}
                for name, (calls, spent) in posterior.costs().items()
            },
            "resamplings": sum(step.resampled for step in posterior.history),
            "texts": texts,
            "weights": weights.tolist(),
            "log_weights": [_finite(w) for w in posterior.log_weights.tolist()],
            "finished": finished,
            "lengths": [len(s.tokens) for s in posterior.sequences],
            "scores": self._scores(item, texts, weights),
            "population_scores": dict(
                self.task.population_scores(item, texts, [float(w) for w in weights])
            ),
        }

    def _finished(self, posterior: Posterior) -> list[bool]:
        """Whether each text came to its own end.

        The last of `max_tokens` slots is a forced end. Methods that correct give it its exact
        weight; the others would count a text that was cut off as if the model had ended it.
        """
        cut = math.inf if corrects(self.method) else self.max_tokens
        return [s.finished and len(s.tokens) < cut for s in posterior.sequences]

    def _scores(
        self, item: Item, texts: Sequence[str], weights: FloatArray
    ) -> list[dict[str, float]]:
        """`[N]` the scores of each text; {} of one without weight, which no mean counts."""
        known: dict[str, dict[str, float]] = {}
        for text, weight in zip(texts, weights, strict=True):
            if weight > 0 and text not in known:
                known[text] = dict(self.task.score(item, text))
        return [known[t] if w > 0 else {} for t, w in zip(texts, weights, strict=True)]


def prompt_digest(item: Item) -> str:
    """Return a short digest of an item's prompt, to tell data sets apart."""
    text = item.prompt if isinstance(item.prompt, str) else json.dumps(item.prompt, default=int)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _best(texts: Sequence[str], weights: FloatArray) -> str | None:
    """Return the text with the largest total weight; None if nothing has any."""
    totals: dict[str, float] = {}
    for text, weight in zip(texts, weights, strict=True):
        if weight > 0:
            totals[text] = totals.get(text, 0.0) + float(weight)
    return max(totals, key=totals.__getitem__, default=None)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
