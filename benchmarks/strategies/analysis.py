"""Analysis of strategies: difficulty bins, equal cost, the compute-optimal choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.strategies.plans import NAMES
from smc.intervals import Interval, bootstrap, mean_interval, paired
from smc.strategies import ComputeOptimal, Plan, Trial, fit
from smc.strategies.difficulty import bin_of, quantile_thresholds

Values = dict[str, list[float]]
SLACK = 1.05
"""A plan is within a budget of k samples if its mean cost is at most so many times k."""


@dataclass(frozen=True)
class Outcome:
    """What a plan made of a problem: means over seeds.

    Attributes:
        item: The problem.
        bin: Of its difficulty, 0 the easiest.
        difficulty: Its pass@1, measured on samples of their own.
        plan: What was run.
        correct: Share of seeds with the right answer.
        tokens: Generated.
        cost: Tokens over those of one sample of this problem.
        passes: Of the model, then of the reward model.
    """

    item: str
    bin: int
    difficulty: float
    plan: Plan
    correct: float
    tokens: float
    cost: float
    passes: tuple[float, float]


@dataclass(frozen=True)
class Outcomes:
    """All outcomes under one judge.

    Attributes:
        scorer: The judge.
        judge: What fixes it.
        seeds: How many problems each was run on.
        thresholds: Of difficulty, from the calibration problems.
        calibration: Of the problems that the choice is fitted on.
        test: Of the others.
    """

    scorer: str
    judge: str
    seeds: dict[int, int]
    thresholds: tuple[float, ...]
    calibration: list[Outcome]
    test: list[Outcome]

    @property
    def bins(self) -> int:
        """How many there are; fewer than asked for where pass rates coincide."""
        return len(self.thresholds) + 1

    def all(self, bin_: int | None = None) -> list[Outcome]:
        """Return the outcomes of both parts, of one bin or of all."""
        both = [*self.calibration, *self.test]
        return [o for o in both if bin_ is None or o.bin == bin_]


def outcomes_of(
    scorer: str, records: Mapping[str, Sequence[Mapping[str, Any]]], bins: int
) -> Outcomes:
    """Return the outcomes under a judge.

    Args:
        scorer: The judge.
        records: By part, `calibration` and `test`.
        bins: Of difficulty, of equal size on the calibration problems.
    """
    rates = _pass_rates(records["calibration"])
    thresholds = quantile_thresholds(list(rates.values()), bins)
    parts = {part: _outcomes(lines, thresholds) for part, lines in records.items()}
    every = [r for own in records.values() for r in own]
    judges = ", ".join(dict.fromkeys(r["judge"] for r in every))
    seeds = dict(sorted(Counter(r["seed"] for r in every).items()))
    return Outcomes(scorer, judges, seeds, thresholds, parts["calibration"], parts["test"])


def by_plan(outcomes: Sequence[Outcome]) -> dict[Plan, list[Outcome]]:
    """Return the outcomes of each plan, families together, small before large."""
    grouped: dict[Plan, list[Outcome]] = {}
    for outcome in outcomes:
        grouped.setdefault(outcome.plan, []).append(outcome)
    return dict(
        sorted(grouped.items(), key=lambda p: (NAMES.index(p[0].strategy), p[0].num_solutions))
    )


def accuracy(outcomes: Sequence[Outcome]) -> Interval:
    """Return the mean of `correct` with its interval over problems."""
    return mean_interval(values(outcomes))


def values(outcomes: Sequence[Outcome]) -> Values:
    """Return `correct` by problem."""
    return {o.item: [o.correct] for o in outcomes}


def at_cost(outcomes: Sequence[Outcome], family: str, budget: float) -> Values:
    """Return `correct` by problem of a strategy's largest plan within a budget, in every bin.

    A bin in which no plan of the strategy is within the budget is left out.
    """
    by_item: Values = {}
    for bin_ in {o.bin for o in outcomes}:
        own = [o for o in outcomes if o.bin == bin_ and o.plan.strategy == family]
        costs = {p: float(np.mean([o.cost for o in os])) for p, os in by_plan(own).items()}
        within = [p for p, cost in costs.items() if cost <= budget * SLACK]
        if within:
            best = max(within, key=costs.__getitem__)
            by_item |= values([o for o in own if o.plan == best])
    return by_item


def difference(ours: Values, theirs: Values) -> Interval:
    """Return the mean paired difference over the problems that both have."""
    return bootstrap(paired(ours, theirs))


def fitted(outcomes: Outcomes, budgets: Sequence[float], model: str) -> ComputeOptimal:
    """Fit the compute-optimal choice on the calibration problems; costs are in samples."""
    trials = [Trial(o.item, o.difficulty, o.plan, o.correct, o.cost) for o in outcomes.calibration]
    limits = [b * SLACK for b in budgets]
    return fit(trials, outcomes.thresholds, limits, model=model, reward_model=outcomes.scorer)


def crossed(outcomes: Outcomes, budgets: Sequence[float], model: str) -> dict[float, Values]:
    """Return `correct` of the choice on all problems by budget; it is fitted on the other part.

    Nothing, where a part has no problems yet.

    Source: Snell et al. (2024), section 3.2, two folds.
    """
    by_budget: dict[float, Values] = {budget: {} for budget in budgets}
    halves = outcomes.calibration, outcomes.test
    for ours, theirs in (halves, halves[::-1]) if all(halves) else ():
        policy = fitted(replace(outcomes, calibration=theirs, test=ours), budgets, model)
        for budget in budgets:
            by_budget[budget] |= values(chosen(policy, ours, budget))
    return by_budget


def chosen(policy: ComputeOptimal, outcomes: Sequence[Outcome], budget: float) -> list[Outcome]:
    """Return the outcome that the choice has on each problem; left out where there is no choice."""
    bought = []
    for outcome in outcomes:
        choice = policy.choices.get((outcome.bin, budget * SLACK))
        if choice is not None and choice.plan == outcome.plan:
            bought.append(outcome)
    return bought


def _pass_rates(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Mean over seeds."""
    rates_by_item: dict[str, list[float]] = {}
    for record in records:
        rates_by_item.setdefault(record["item"], []).append(record["pass_rate"])
    return {item: float(np.mean(rates)) for item, rates in rates_by_item.items()}


def _outcomes(records: Sequence[Mapping[str, Any]], thresholds: tuple[float, ...]) -> list[Outcome]:
    rates = _pass_rates(records)
    by_both: dict[tuple[str, Plan], list[tuple[Mapping[str, Any], float]]] = {}
    for record in records:
        for run in record["runs"]:
            settings = tuple(run["settings"].items())
            plan = Plan(run["strategy"], run["num_solutions"], settings)
            pair = run, run["tokens"] / max(record["sample_tokens"], 1e-9)
            by_both.setdefault((record["item"], plan), []).append(pair)
    return [
        Outcome(
            item=item,
            bin=bin_of(rates[item], thresholds),
            difficulty=rates[item],
            plan=plan,
            correct=float(np.mean([r["correct"] for r, _ in runs])),
            tokens=float(np.mean([r["tokens"] for r, _ in runs])),
            cost=float(np.mean([cost for _, cost in runs])),
            passes=(
                float(np.mean([r["passes"] for r, _ in runs])),
                float(np.mean([r["reward_passes"] for r, _ in runs])),
            ),
        )
        for (item, plan), runs in by_both.items()
    ]
