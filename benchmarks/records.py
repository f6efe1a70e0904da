"""Result records: one for what a method made of one item with one seed.

One rule of what a text counts, for every method: each text is scored as it is, whatever ended it,
with the weight that its posterior gives it. A text that was cut at `max_tokens` is the method's
answer like any other. Methods that do not correct weigh all their texts alike; those with
potentials have had `complete` judge the cut text, and give none to one that it refuses.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domains.base import Item, Task
from potentials import returned
from smc.errors import SettingsError
from smc.model import FloatArray
from smc.posterior import Posterior

Record = dict[str, Any]
"""Plain JSON; see `Recorder.record` and the README for its keys."""


@dataclass(frozen=True)
class Recorder:
    """What a record is about."""

    task: Task[Any]
    method: str
    seed: int

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
            `weights` are what scores are averaged by, see the module: sum 1, or all 0 if every
            particle died. −inf is written as null.
        """
        weights = posterior.weights
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
            "finished": [s.finished for s in posterior.sequences],
            "truncated": [s.truncated for s in posterior.sequences],
            "lengths": [len(s.tokens) for s in posterior.sequences],
            "scores": self._scores(item, texts, weights),
            "population_scores": _numbers_by_name(
                self.task.population_scores(item, texts, [float(w) for w in weights]),
                f"{self.task.name}: population_scores of {item.id}",
            ),
        }

    def _scores(
        self, item: Item, texts: Sequence[str], weights: FloatArray
    ) -> list[dict[str, float]]:
        """`[N]` the scores of each text; {} of one without weight, which no mean counts."""
        known: dict[str, dict[str, float]] = {}
        for text, weight in zip(texts, weights, strict=True):
            if weight > 0 and text not in known:
                what = f"{self.task.name}: score of {item.id} at {text!r:.200}"
                scores = _numbers_by_name(self.task.score(item, text), what)
                if self.task.primary not in scores:
                    raise SettingsError(
                        f"{what}: returned {scores!r:.200}; expected {self.task.primary!r} among "
                        "them, which is the task's primary score."
                    )
                known[text] = scores
        return [known[t] if w > 0 else {} for t, w in zip(texts, weights, strict=True)]


def complaint(record: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a record that was read; None if nothing is."""
    for name, right in _FIELDS.items():
        if name not in record:
            return f"has no {name!r}"
        if not right(record[name]):
            return f"has {record[name]!r:.80} under {name!r}"
    cut = record.get("truncated")  # older records do not tell
    if cut is not None and not (_truths(cut) and len(cut) == len(record["weights"])):
        return f"has {cut!r:.80} under 'truncated'"
    if len(record["weights"]) != len(record["scores"]):
        return f"has {len(record['weights'])} weights, and scores of {len(record['scores'])} texts"
    return None


def is_number(value: object) -> bool:
    """Whether a value of JSON is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_text(value: object) -> bool:
    """Whether a value of JSON is a string."""
    return isinstance(value, str)


def list_of(right: Callable[[Any], bool]) -> Callable[[object], bool]:
    """Return a test for lists whose members are all right."""
    return lambda value: isinstance(value, list) and all(map(right, value))


def _truths(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, bool) for v in value)


def _numbers(value: object) -> bool:
    return isinstance(value, dict) and all(map(is_number, value.values()))


def _costs(value: object) -> bool:
    return isinstance(value, dict) and all(
        _numbers(cost) and {"calls", "seconds"} <= cost.keys() for cost in value.values()
    )


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "item": is_text,
    "method": is_text,
    "seed": is_number,
    "prompt_digest": is_text,
    "status": is_text,
    "log_evidence": lambda value: value is None or is_number(value),
    "ess": is_number,
    "tokens": is_number,
    "seconds": is_number,
    "cpu_seconds": is_number,
    "costs": _costs,
    "weights": list_of(is_number),
    "scores": list_of(_numbers),
    "population_scores": _numbers,
}
"""What is read again, and the test of each."""


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


def _numbers_by_name(value: Any, what: str) -> dict[str, float]:
    """Return scores that a task gave, checked to be what a record can hold."""
    named = isinstance(value, Mapping) and all(isinstance(name, str) for name in value)
    scores = {n: returned.number(v, what, n) for n, v in value.items()} if named else {}
    if not named or not all(map(math.isfinite, scores.values())):
        raise SettingsError(
            f"{what}: returned {value!r:.200}; expected finite numbers by name. Leave out a score "
            "that is not defined."
        )
    return scores


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
