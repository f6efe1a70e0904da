"""Paired runs: every arm draws for the same items with the same seeds, and differences are told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import smc
from smc.intervals import Interval, bootstrap, mean_interval

Measures = Mapping[str, float]
"""What one run came to, by name; NaN where there is no such number."""

Draw = Callable[[Any, int], smc.Posterior]
"""Runs an item with a seed."""


@dataclass(frozen=True)
class Experiment:
    """Arms that answer one question.

    Attributes:
        question: In a sentence.
        setting: What is run: data, N, lengths.
        items: To draw for.
        arms: By name, the plain engine first.
        scores: Of an item's text, 0 to 1, by name.
    """

    question: str
    setting: str
    items: Sequence[Any]
    arms: Mapping[str, Draw]
    scores: Mapping[str, Callable[[Any, str], float]]


def run(experiment: Experiment, seeds: int) -> dict[str, list[list[Measures]]]:
    """Return what every run of each arm came to, `[items][seeds]`; the arms take turns."""
    found: dict[str, list[list[Measures]]] = {name: [] for name in experiment.arms}
    for item in experiment.items:
        for own in found.values():
            own.append([])
        for seed in range(seeds):
            for name, draw in experiment.arms.items():
                found[name][-1].append(_measured(experiment, draw, item, seed))
    return found


def _measured(experiment: Experiment, draw: Draw, item: Any, seed: int) -> Measures:
    began = time.process_time()
    posterior = draw(item, seed)
    seconds = time.process_time() - began
    alive = posterior.status is not smc.Status.EXTINCT
    texts = posterior.probabilities() if alive else {}
    scores = {
        name: sum(p * score(item, text) for text, p in texts.items())
        for name, score in experiment.scores.items()
    }
    return {
        **scores,
        "log evidence": posterior.log_evidence if alive else math.nan,
        "ESS": posterior.ess,
        "distinct texts": float(len(texts)),
        "extinct": float(not alive),
        "tokens": float(posterior.num_tokens),
        "processor seconds": seconds,
    }


def intervals(
    found: Mapping[str, list[list[Measures]]], measure: str
) -> dict[str, tuple[Interval, Interval | None]]:
    """Return each arm's mean of a measure, and that of its difference to the first arm.

    Means are over the runs that have the number, differences over the pairs; the intervals are
    bootstraps over the items.
    """
    first = next(iter(found.values()))
    told: dict[str, tuple[Interval, Interval | None]] = {}
    for arm, items in found.items():
        values = {
            str(i): [m[measure] for m in runs if not math.isnan(m[measure])]
            for i, runs in enumerate(items)
        }
        differences = {
            str(i): [
                b[measure] - a[measure]
                for a, b in zip(first[i], runs, strict=True)
                if not math.isnan(a[measure] + b[measure])
            ]
            for i, runs in enumerate(items)
        }
        own = _interval(values)
        told[arm] = own, None if items is first else bootstrap(differences)
    return told


def _interval(values: Mapping[str, list[float]]) -> Interval:
    """Wilson's of shares, where a bootstrap would be sure of too much; else the bootstrap's."""
    every = [v for own in values.values() for v in own]
    return mean_interval(values) if set(every) <= {0.0, 1.0} else bootstrap(values)


def table(found: Mapping[str, list[list[Measures]]]) -> str:
    """Return a Markdown table: a row a measure, two columns for each arm but the first."""
    arms = list(found)
    names = [arms[0], *(c for arm in arms[1:] for c in (arm, "difference"))]
    lines = ["| | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    for measure in next(iter(found.values()))[0][0]:
        told = intervals(found, measure)
        cells = []
        for mean, difference in told.values():
            cells.append(_shown(mean))
            if difference is not None:
                cells.append(_shown(difference, sign="+"))
        lines.append(f"| {measure} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _shown(interval: Interval, sign: str = "") -> str:
    digits = 2 if abs(interval.mean) < 100 else 0
    mean, low, high = (
        f"{v:{sign}.{digits}f}" for v in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} ({low}, {high})"
