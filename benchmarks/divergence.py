"""Bounds on how far a method's answers are from the target: E[log Ẑ], as a KL divergence.

Loula et al. 2025 (arXiv:2504.13139), figure 2. For a properly weighted method, by Jensen on the
extended space of its particles, KL(answers of the method ‖ target) ≤ log Z − E[log Ẑ]; a run that
died out answers nothing, which costs −log P(Ẑ > 0) more. So E[log Ẑ | Ẑ > 0] + log P(Ẑ > 0) is, up
to log Z that all methods share, minus the divergence: higher is better.

A method that is not properly weighted chooses particle k with probability u_k / Σu where w_k would
be proper; the same argument gives the bound log mean u + Σ_k (u_k / Σu) (log w_k − log u_k) in the
place of log Ẑ. Sample-rerank draws what importance sampling draws from the same generator, so that
its proper weights are those of the other's run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.records import Record
from smc.errors import SettingsError
from smc.intervals import DRAWS, LEVEL
from smc.model import FloatArray
from smc.weights import log_mean_exp, normalise

METHODS = ("rerank", "is", "smc")
"""Methods whose every answer lies in the target's support; of others the divergence is infinite."""
_PROPER = {"rerank": "is"}
"""A method that is not properly weighted, and the one that has the weights of the same draws."""


@dataclass(frozen=True)
class Divergence:
    """What the runs of one method on one item say of its distance to the target.

    Attributes:
        method: Its name.
        runs: How many.
        finite: Share of the runs that did not die out.
        bound: E[log Ẑ | finite] + log P(finite), in nats; −inf if all died out.
        low: Lower end of the 95% bootstrap interval over runs; −inf where one cannot tell.
        high: Upper end.
    """

    method: str
    runs: int
    finite: float
    bound: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON; −inf becomes null."""
        numbers = {"bound": self.bound, "low": self.low, "high": self.high}
        return {
            "method": self.method,
            "runs": self.runs,
            "finite": self.finite,
            **{n: v if math.isfinite(v) else None for n, v in numbers.items()},
        }


def divergences(records: Sequence[Record], methods: Sequence[str]) -> list[Divergence]:
    """Return one divergence for each method.

    Args:
        records: Of one item, with any number of seeds.
        methods: Those to tell of, in order.

    Raises:
        SettingsError: A method without runs, or one that is not properly weighted without the runs
            that have its weights.
    """
    by_method: dict[str, dict[int, Record]] = {}
    for record in records:
        by_method.setdefault(record["method"], {})[record["seed"]] = record
    for method in methods:
        if method not in by_method:
            raise SettingsError(
                f"--methods: no runs of {method!r}; expected some of {', '.join(by_method)}."
            )
    by_seed = {m: [by_method[m][seed] for seed in sorted(by_method[m])] for m in methods}
    return [divergence(m, [_bound(r, by_method) for r in by_seed[m]]) for m in methods]


def divergence(method: str, bounds: Sequence[float], *, seed: int = 0) -> Divergence:
    """Return the statistic of one method.

    Args:
        method: Its name.
        bounds: `[runs]` log Ẑ or what stands in its place; −inf of a run that died out.
        seed: Of the bootstrap.
    """
    values = np.asarray(bounds, dtype=np.float64)
    draws = np.random.default_rng(seed).integers(len(values), size=(DRAWS, len(values)))
    tail = (1 - LEVEL) / 2
    # Where a sample died out as a whole, its statistic is −inf: quantiles without interpolation.
    low, high = np.quantile(_statistic(values[draws]), [tail, 1 - tail], method="nearest")
    return Divergence(
        method=method,
        runs=len(values),
        finite=float(np.mean(np.isfinite(values))),
        bound=float(_statistic(values[None])[0]),
        low=float(low),
        high=float(high),
    )


def _statistic(bounds: FloatArray) -> FloatArray:
    """`[K]` E[bound | finite] + log P(finite) of each row of `[K, runs]`."""
    finite = np.isfinite(bounds)
    count = finite.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(finite, bounds, 0.0).sum(axis=1) / count
        return np.where(count > 0, mean + np.log(count / bounds.shape[1]), -np.inf)


def _bound(record: Record, by_method: Mapping[str, Mapping[int, Record]]) -> float:
    """Return log Ẑ of a run, or what bounds the divergence in its place."""
    method, seed = record["method"], record["seed"]
    if record["log_evidence"] is None:
        return -math.inf
    if method not in _PROPER:
        return float(record["log_evidence"])
    proper = by_method.get(_PROPER[method], {}).get(seed)
    if proper is None or proper["texts"] != record["texts"]:
        raise SettingsError(
            f"{method} needs runs of {_PROPER[method]} with the same seeds and draws, which have "
            f"its proper weights; expected both among --methods, seed {seed} of both."
        )
    return improper_bound(_array(record["log_weights"]), _array(proper["log_weights"]))


def improper_bound(log_improper: FloatArray, log_proper: FloatArray) -> float:
    """Return the bound for weights u that are not proper.

    Args:
        log_improper: `[N]` log u, which chooses the answer.
        log_proper: `[N]` log w, of the same particles.
    """
    share = normalise(log_improper)
    chosen = share > 0
    corrections = share[chosen] * (log_proper[chosen] - log_improper[chosen])
    return log_mean_exp(log_improper) + float(corrections.sum())


def _array(log_weights: Sequence[float | None]) -> FloatArray:
    return np.array([-math.inf if w is None else w for w in log_weights])


def median_item(records: Sequence[Record], scores: Mapping[tuple[str, int], float]) -> str:
    """Return the item whose score is nearest to the median of the distinct ones.

    Args:
        records: Of the method that is looked at.
        scores: By item and seed.

    Raises:
        SettingsError: There are no records.
    """
    by_item: dict[str, list[float]] = {}
    for record in records:
        by_item.setdefault(record["item"], []).append(scores[record["item"], record["seed"]])
    if not by_item:
        raise SettingsError("--like: no results of full SMC there; expected the method smc.")
    means = {item: float(np.mean(values)) for item, values in by_item.items()}
    median = float(np.median(sorted(set(means.values()))))
    return min(means, key=lambda item: (abs(means[item] - median), item))
