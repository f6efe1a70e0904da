"""Summary of records: a row for each method, with scores, costs and differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.methods import in_order
from benchmarks.records import Record
from smc.intervals import Interval, bootstrap, mean_interval, paired

Key = tuple[str, int]
"""Item and seed."""
AHEAD = "smc"
"""The method that the others are compared with."""


@dataclass(frozen=True)
class Cost:
    """What one potential took.

    Attributes:
        calls: Evaluations, mean of a run; equal texts are evaluated once.
        microseconds: Of one evaluation.
        milliseconds: For each generated token (particle-token).
    """

    calls: float
    microseconds: float
    milliseconds: float


@dataclass(frozen=True)
class MethodRow:
    """What a table says of one method.

    Attributes:
        method: Its name.
        score: The primary score.
        runs: Items times seeds.
        tokens: Particle-tokens drawn, mean of a run.
        seconds: Wall time, mean of a run.
        cpu_seconds: Processor time, mean of a run.
        log_evidence: Mean of the runs that did not die out; NaN if all did.
        ess: Effective sample size at the end, mean of a run.
        extinct: Runs in which every particle died.
        truncated: Share of the weight that texts have which were cut, mean of the runs that did
            not die out; NaN if all did, or their records do not tell.
        scores: The domain's other scores.
        differences: `score` minus that of other methods, on the same items and seeds.
        costs: By potential.
    """

    method: str
    score: Interval
    runs: int
    tokens: float
    seconds: float
    cpu_seconds: float
    log_evidence: float
    ess: float
    extinct: int
    truncated: float
    scores: Mapping[str, Interval]
    differences: Mapping[str, Interval]
    costs: Mapping[str, Cost]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON; NaN becomes null."""
        return {
            "method": self.method,
            **_interval(self.score),
            "runs": self.runs,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "log_evidence": _number(self.log_evidence),
            "ess": self.ess,
            "extinct": self.extinct,
            "truncated": _number(self.truncated),
            "scores": {name: _interval(i) for name, i in self.scores.items()},
            "differences": {name: _interval(i) for name, i in self.differences.items()},
            "costs": {name: asdict(cost) for name, cost in self.costs.items()},
        }


def summarise(records: Iterable[Record], primary: str) -> list[MethodRow]:
    """Return a row a method, in the order of the engine's table of methods.

    Args:
        records: Of one domain and one setting.
        primary: Name of the primary score.
    """
    by_method: dict[str, dict[Key, Record]] = {}
    for record in records:
        by_method.setdefault(record["method"], {})[record["item"], record["seed"]] = record
    everything = [r for own in by_method.values() for r in own.values()]
    # Not as they came: the columns of a table stand in the order in which scores are met.
    everything.sort(key=lambda r: (r["method"], r["seed"], r["item"]))
    names = list(dict.fromkeys(n for r in everything for s in r["scores"] for n in s))
    rates = {primary} | {n for n in names if _is_rate(n, everything)}
    population = list(dict.fromkeys(n for r in everything for n in r["population_scores"]))
    primaries = {
        method: {key: _mean_score(r, primary, rates) for key, r in own.items()}
        for method, own in by_method.items()
    }
    rows = []
    for method in in_order(list(by_method)):
        own = by_method[method]
        others = {
            n: {key: _mean_score(r, n, rates) for key, r in own.items()}
            for n in names
            if n != primary
        }
        others |= {
            n: {key: r["population_scores"].get(n) for key, r in own.items()} for n in population
        }
        differences = {
            other: bootstrap(_differences(primaries[method], primaries[other]))
            for other in in_order(list(by_method))
            if method == AHEAD and other != method
        }
        rows.append(_row(method, list(own.values()), primaries[method], others, differences))
    return rows


def primary_scores(records: Sequence[Record], primary: str) -> dict[Key, float]:
    """Return the posterior mean of the primary score of each run; 0 of a run without weight."""
    return {(r["item"], r["seed"]): _mean_score(r, primary, {primary}) or 0.0 for r in records}


def _row(
    method: str,
    records: Sequence[Record],
    score: Mapping[Key, float | None],
    others: Mapping[str, Mapping[Key, float | None]],
    differences: Mapping[str, Interval],
) -> MethodRow:
    evidence = [r["log_evidence"] for r in records if r["log_evidence"] is not None]
    return MethodRow(
        method=method,
        score=mean_interval(_by_item(score)),
        runs=len(records),
        tokens=float(np.mean([r["tokens"] for r in records])),
        seconds=float(np.mean([r["seconds"] for r in records])),
        cpu_seconds=float(np.mean([r["cpu_seconds"] for r in records])),
        log_evidence=float(np.mean(evidence)) if evidence else math.nan,
        ess=float(np.mean([r["ess"] for r in records])),
        extinct=sum(r["status"] == "extinct" for r in records),
        truncated=_truncated(records),
        scores={name: mean_interval(_by_item(values)) for name, values in others.items()},
        differences=differences,
        costs=_costs(records),
    )


def _truncated(records: Sequence[Record]) -> float:
    shares = [
        math.fsum(w for w, cut in zip(r["weights"], r["truncated"], strict=True) if cut)
        for r in records
        if any(r["weights"]) and r.get("truncated") is not None
    ]
    return float(np.mean(shares)) if shares else math.nan


def _costs(records: Sequence[Record]) -> dict[str, Cost]:
    """Return what each potential took, over all runs of a method."""
    tokens = sum(r["tokens"] for r in records)
    names = dict.fromkeys(name for r in records for name in r["costs"])
    costs = {}
    for name in names:
        own = [r["costs"][name] for r in records if name in r["costs"]]
        calls, seconds = sum(c["calls"] for c in own), math.fsum(c["seconds"] for c in own)
        if calls and tokens:
            costs[name] = Cost(calls / len(records), seconds / calls * 1e6, seconds / tokens * 1e3)
    return costs


def _mean_score(record: Record, name: str, rates: set[str]) -> float | None:
    """Return the posterior mean of a score in one run.

    An empty posterior has 0 of what every text has (it answers nothing). Of what only some texts
    have, it and those without any such text have none.
    """
    pairs = [
        (w, s[name])
        for w, s in zip(record["weights"], record["scores"], strict=True)
        if w > 0 and name in s
    ]
    mass = math.fsum(w for w, _ in pairs)
    if mass == 0:
        return 0.0 if name in rates else None
    return math.fsum(w * s for w, s in pairs) / mass


def _is_rate(name: str, records: Sequence[Record]) -> bool:
    """Whether a score is defined for every text with weight, and always within 0 to 1."""
    return all(
        name in s and 0 <= s[name] <= 1
        for r in records
        for w, s in zip(r["weights"], r["scores"], strict=True)
        if w > 0
    )


def _by_item(values: Mapping[Key, float | None]) -> dict[str, list[float]]:
    by_item: dict[str, list[float]] = {}
    for (item, _), value in sorted(values.items()):
        if value is not None:
            by_item.setdefault(item, []).append(value)
    return by_item


def _differences(
    ours: Mapping[Key, float | None], theirs: Mapping[Key, float | None]
) -> dict[str, list[float]]:
    shared = ours.keys() & theirs.keys()
    return paired(_by_item({k: ours[k] for k in shared}), _by_item({k: theirs[k] for k in shared}))


def _interval(interval: Interval) -> dict[str, Any]:
    return {
        "mean": _number(interval.mean),
        "low": _number(interval.low),
        "high": _number(interval.high),
        "items": interval.items,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
