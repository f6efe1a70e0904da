"""Quality of step scores: discrimination and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from domains.arithmetic.problems import LEVELS, parse
from domains.arithmetic.steps import solve
from domains.arithmetic.training.samples import Sample
from smc.steps import StepScorer

BINS = 10


def scores_of(scorer: StepScorer, samples: Sequence[Sample]) -> list[tuple[float, ...]]:
    """Return the score of every step of the samples."""
    return [scorer.scores(s.prompt, [s.steps])[0] for s in samples]


def quality(samples: Sequence[Sample], scores: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Measure scores against the labels of the steps.

    Args:
        samples: Solutions with labels.
        scores: `[S][T]` of their steps.

    Returns:
        `auc`: that a right step scores above a wrong one, over all steps. `auc_turn`: the same over
        the steps whose predecessors are all right, which a search has to decide. `brier`: mean
        squared error. `ece`: mean distance of score and frequency, over ten bins of the score,
        weighted by steps. `right`: share of right steps. `auc_L`: AUC of each level.
    """
    labels = np.array([label for s in samples for label in s.labels])
    flat = np.array([score for row in scores for score in row])
    levels = np.array([s.level for s in samples for _ in s.labels])
    at_turn = np.array([k == 0 or s.labels[k - 1] for s in samples for k in range(len(s.labels))])
    figures: dict[str, Any] = {
        "auc": auc(flat, labels),
        "auc_turn": auc(flat[at_turn], labels[at_turn]),
        "brier": float(np.mean((flat - labels) ** 2)),
        "ece": float(sum(w * abs(p - f) for p, f, w in calibration(flat, labels))),
        "right": float(labels.mean()),
    }
    return figures | {f"auc_{k}": auc(flat[levels == k], labels[levels == k]) for k in LEVELS}


def pairs(scorer: StepScorer, samples: Sequence[Sample]) -> list[bool]:
    """Say of each first wrong step whether the right one in its place scores higher.

    Left out are samples without such a step, and those whose steps before it, right as they are,
    are not those of `solve`.
    """
    ordered = []
    for s in samples:
        k = sum(s.labels)
        solution = solve(parse(s.prompt))
        if k < min(len(s.labels), len(solution)) and s.steps[:k] == solution[:k]:
            right, wrong = scorer.scores(s.prompt, [solution[: k + 1], s.steps[: k + 1]])
            ordered.append(right[-1] > wrong[-1])
    return ordered


def deviation(samples: Sequence[Sample], scores: Sequence[Sequence[float]], name: str) -> float:
    """Return the standard error of a figure of `quality`: of 200 bootstraps over the samples."""
    rng = np.random.default_rng(0)
    drawn = [rng.integers(len(samples), size=len(samples)) for _ in range(200)]
    figures = [quality([samples[k] for k in d], [scores[k] for k in d])[name] for d in drawn]
    return float(np.std(figures, ddof=1))


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return P(score of a right one > score of a wrong one), ties half; NaN if a kind is absent."""
    right, wrong = np.sort(scores[labels]), scores[~labels]
    if not len(right) or not len(wrong):
        return float("nan")
    above = len(right) - np.searchsorted(right, wrong, side="right")
    ties = np.searchsorted(right, wrong, side="right") - np.searchsorted(right, wrong, side="left")
    return float((above + 0.5 * ties).sum() / (len(right) * len(wrong)))


def calibration(scores: np.ndarray, labels: np.ndarray) -> list[tuple[float, float, float]]:
    """Return mean score, share of right ones and share of all, for each bin that is not empty."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        (
            float(scores[bins == b].mean()),
            float(labels[bins == b].mean()),
            float((bins == b).mean()),
        )
        for b in range(BINS)
        if (bins == b).any()
    ]
