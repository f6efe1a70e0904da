"""Fitting of the compute-optimal choice on calibration problems, with cross-validation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from smc.errors import SettingsError
from smc.strategies.compute_optimal import Choice, ComputeOptimal, Plan
from smc.strategies.difficulty import bin_of


@dataclass(frozen=True)
class Trial:
    """What a plan made of one calibration problem.

    Attributes:
        item: The problem.
        difficulty: Its pass@1, or another rate where more is easier.
        plan: What was run.
        correct: Whether the answer was right; a mean over seeds.
        tokens: That the model generated, each at its `Plan.token_cost`; a mean over seeds.
    """

    item: str
    difficulty: float
    plan: Plan
    correct: float
    tokens: float


def fit(
    trials: Iterable[Trial],
    thresholds: Sequence[float],
    budgets: Sequence[float],
    *,
    model: str,
    reward_model: str,
    folds: int = 2,
    seed: int = 0,
) -> ComputeOptimal:
    """Choose for each bin and budget the plan of best accuracy that stays within the budget.

    A plan stays within a budget if its mean number of generated tokens in the bin does. Ties go to
    the cheaper plan.

    Args:
        trials: Every plan on every calibration problem.
        thresholds: Of the difficulty.
        budgets: Generated tokens a problem.
        model: Name.
        reward_model: Name.
        folds: Of the cross-validation.
        seed: Of its split.

    Raises:
        SettingsError: No trials; a plan that was not run on every problem of a bin; fewer than two
            folds.
    """
    all_trials = list(trials)
    if not all_trials or folds < 2:
        raise SettingsError(
            f"compute-optimal choice: got {len(all_trials)} trials and {folds} folds; expected "
            "trials, and at least 2 folds."
        )
    bins: dict[int, list[Trial]] = {}
    for trial in all_trials:
        bins.setdefault(bin_of(trial.difficulty, thresholds), []).append(trial)
    choices = {}
    for bin_, own in bins.items():
        table = _Table.of(own, bin_)
        for budget in budgets:
            choice = table.choose(budget, folds, np.random.default_rng(seed))
            if choice is not None:
                choices[bin_, float(budget)] = choice
    ordered = tuple(sorted(map(float, budgets)))
    return ComputeOptimal(model, reward_model, tuple(thresholds), ordered, choices)


@dataclass(frozen=True)
class _Table:
    """The trials of a bin: `[plans, items]` correct and tokens."""

    plans: list[Plan]
    correct: np.ndarray
    tokens: np.ndarray

    @classmethod
    def of(cls, trials: Sequence[Trial], bin_: int) -> _Table:
        plans = list(dict.fromkeys(t.plan for t in trials))
        items = list(dict.fromkeys(t.item for t in trials))
        by_both = {(t.plan, t.item): t for t in trials}
        missing = [(p, i) for p in plans for i in items if (p, i) not in by_both]
        if missing or len(by_both) != len(trials):
            what = f"no trial of {missing[0][0]} on {missing[0][1]!r}" if missing else "one twice"
            raise SettingsError(
                f"compute-optimal choice: in bin {bin_} there is {what}; expected every plan once "
                "on every problem. Average over seeds first, and finish the calibration."
            )
        grid = [[by_both[p, i] for i in items] for p in plans]
        return cls(
            plans,
            np.array([[t.correct for t in row] for row in grid], dtype=np.float64),
            np.array([[t.tokens for t in row] for row in grid], dtype=np.float64),
        )

    def choose(self, budget: float, folds: int, rng: np.random.Generator) -> Choice | None:
        size = self.correct.shape[1]
        best = self._best(budget, np.arange(size))
        if best is None:
            return None
        parts = np.array_split(rng.permutation(size), min(folds, size))
        unseen: list[float] = []
        for part in parts if size > 1 else []:
            chosen = self._best(budget, np.setdiff1d(np.arange(size), part))
            if chosen is not None:
                unseen += self.correct[chosen, part].tolist()
        return Choice(
            self.plans[best],
            float(self.correct[best].mean()),
            float(np.mean(unseen)) if unseen else float("nan"),
            float(self.tokens[best].mean()),
            size,
        )

    def _best(self, budget: float, items: np.ndarray) -> int | None:
        tokens = self.tokens[:, items].mean(axis=1)
        accuracy = self.correct[:, items].mean(axis=1)
        within = np.flatnonzero(tokens <= budget)
        if not len(within):
            return None
        return int(min(within, key=lambda p: (-accuracy[p], tokens[p])))
