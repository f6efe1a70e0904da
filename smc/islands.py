"""Islands: populations that ran side by side towards one target, read as one posterior."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from smc.history import DeathCount, Step
from smc.model import FloatArray
from smc.posterior import Posterior
from smc.weights import ess, log_mean_exp

_TEXTS_EACH = 3


def joined(tries: Sequence[Sequence[Posterior]], shares: Sequence[float]) -> Posterior:
    """Return Ẑ = Σᵢ shareᵢ Ẑᵢ, and the particles of all islands weighed by it.

    Args:
        tries: For each island its runs, at least one. The particles are those of the last, the
            others died out; tokens, costs and deaths are those of all.
        shares: Of the last run of each. Shares that are missing to 1 are those of runs that died.

    Returns:
        The steps are taken side by side; an island that is done stays as it is. Where one is
        resampled, its particles get ancestors among its own.
    """
    last = [runs[-1] for runs in tries]
    size = sum(len(p.sequences) for p in last)
    scales = [
        math.log(share * size / len(p.sequences)) for share, p in zip(shares, last, strict=True)
    ]
    every = [run for runs in tries for run in runs]
    log_weights = np.concatenate([p.log_weights + s for p, s in zip(last, scales, strict=True)])
    extinct = bool(np.all(log_weights == -np.inf))
    return Posterior(
        sequences=tuple(s for p in last for s in p.sequences),
        log_weights=log_weights,
        history=_side_by_side(last, scales, _costs([r for runs in tries for r in runs[:-1]])),
        num_tokens=sum(run.num_tokens for run in every),
        reason=next((p.reason for p in reversed(last) if p.reason), None) if extinct else None,
        deaths=_all_deaths(every),
        tries=tuple(tuple(len(run.sequences) for run in runs) for runs in tries),
    )


def _side_by_side(
    islands: Sequence[Posterior],
    scales: Sequence[float],
    costs_before: Mapping[str, tuple[int, float]],
) -> tuple[Step, ...]:
    absolute = [_absolute(p) for p in islands]
    before = next((b for p in islands if (b := _at_the_beginning(p)) is not None), 0.0)
    steps = []
    for t in range(max(len(p.history) for p in islands)):
        now = [p.history[t] if t < len(p.history) else None for p in islands]
        log_weights = np.concatenate(
            [a[min(t, len(a) - 1)] + s for a, s in zip(absolute, scales, strict=True)]
        )
        after = log_mean_exp(log_weights)
        done = [step for step in now if step is not None]
        steps.append(
            Step(
                pieces=tuple(
                    piece
                    for p, step in zip(islands, now, strict=True)
                    for piece in (step.pieces if step else ("",) * len(p.sequences))
                ),
                log_weights=tuple(log_weights.tolist()),
                ess=ess(log_weights),
                ancestors=_ancestors(islands, now),
                log_evidence_increment=after - before if after > -np.inf else -np.inf,
                costs=_added([*(s.costs for s in done), *([costs_before] if t == 0 else [])]),
            )
        )
        before = after
    return tuple(steps)


def _absolute(posterior: Posterior) -> list[FloatArray]:
    """The log weights of each step, its own and the evidence up to the last resampling."""
    base, weights = 0.0, []
    for step in posterior.history:
        own = np.asarray(step.log_weights)
        weights.append(base + own)
        if step.resampled:
            base += log_mean_exp(own)
    return weights or [posterior.log_weights]


def _at_the_beginning(posterior: Posterior) -> float | None:
    """Log φ of the empty text; None where the first step has lost it."""
    if not posterior.history or posterior.history[0].log_evidence_increment == -math.inf:
        return None
    first = posterior.history[0]
    return log_mean_exp(np.asarray(first.log_weights)) - first.log_evidence_increment


def _ancestors(islands: Sequence[Posterior], now: Sequence[Step | None]) -> tuple[int, ...] | None:
    if not any(step is not None and step.resampled for step in now):
        return None
    named: list[int] = []
    for posterior, step in zip(islands, now, strict=True):
        own = step.ancestors if step else None
        shift = len(named)
        named += [shift + a for a in (range(len(posterior.sequences)) if own is None else own)]
    return tuple(named)


def _all_deaths(runs: Sequence[Posterior]) -> tuple[DeathCount, ...]:
    """The deaths of several runs, added up by step and cause."""
    totals: dict[tuple[int, str, str], tuple[int, tuple[str, ...]]] = {}
    for death in (d for run in runs for d in run.deaths):
        key = death.step, death.cause, death.said
        count, texts = totals.get(key, (0, ()))
        distinct = tuple(dict.fromkeys((*texts, *death.texts)))[:_TEXTS_EACH]
        totals[key] = count + death.count, distinct
    ordered = sorted(totals.items(), key=lambda item: item[0][0])
    return tuple(DeathCount(*key, count, texts) for key, (count, texts) in ordered)


def _costs(runs: Sequence[Posterior]) -> dict[str, tuple[int, float]]:
    return _added([run.costs() for run in runs])


def _added(costs: Sequence[Mapping[str, tuple[int, float]]]) -> dict[str, tuple[int, float]]:
    totals: dict[str, tuple[int, float]] = {}
    for name, (calls, seconds) in (item for own in costs for item in own.items()):
        before = totals.get(name, (0, 0.0))
        totals[name] = before[0] + calls, before[1] + seconds
    return totals
