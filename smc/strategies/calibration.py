"""Calibration of the compute-optimal choice: difficulty measured, plans run, the best kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.compute_optimal import ComputeOptimal, Plan
from smc.strategies.difficulty import pass_rate, quantile_thresholds
from smc.strategies.fitting import Trial, fit
from smc.strategies.options import Options

_SLACK = 1.1
"""A plan that costs up to a tenth more than as many samples is within their budget."""
_APART = 1_000_003
"""Seeds of the samples that difficulty is measured on are this far from those of the plans."""


@dataclass(frozen=True)
class CalibrationProblem:
    """A problem whose answer is known.

    Attributes:
        id: Unique.
        prompt: What is asked.
        correct: Whether an answer is right.
    """

    id: str
    prompt: Prompt
    correct: Callable[[Hashable], bool]


@dataclass(frozen=True)
class Calibration:
    """What came of a calibration.

    Attributes:
        choice: By difficulty and budget.
        trials: What every plan made of every problem.
    """

    choice: ComputeOptimal
    trials: tuple[Trial, ...]


def calibrate(
    model: StepModel,
    problems: Sequence[CalibrationProblem],
    scorer: StepScorer,
    *,
    plans: Sequence[Plan],
    sizes: Sequence[int],
    model_name: str,
    reward_name: str,
    num_samples: int = 16,
    bins: int = 5,
    options: Options | None = None,
    seed: int = 0,
    on_problem: Callable[[int, float], None] | None = None,
) -> Calibration:
    """Measure the difficulty of problems, run every plan on each, and fit the choice.

    Difficulty is pass@1 over samples of their own, cut into bins of equal size. Budgets are those
    of so many samples, in tokens, as the problems' samples have on average. A plan of another depth
    (`depth` among its settings) pays for its tokens what they cost: tokens times layers.

    Args:
        model: Extends texts by steps.
        problems: At least two; of the kind that the choice is for.
        scorer: The judge that the choice is for.
        plans: Strategies with their sizes, see `Plan`.
        sizes: Budgets, in samples.
        model_name: Stands in the choice.
        reward_name: Likewise.
        num_samples: To measure difficulty by; Snell et al. take 2048.
        bins: Of difficulty; 5 in Snell et al.
        options: Of all plans, see `Options`; `seed` is the argument here.
        seed: Of all runs.
        on_problem: Called after each problem with how many are done, and its pass@1.

    Raises:
        SettingsError: Fewer than two problems, ids that are not distinct, or no plans.

    Source: Snell et al. (2024), section 3.
    """
    ids = [problem.id for problem in problems]
    if len(ids) < 2 or len(set(ids)) < len(ids) or not plans or not sizes:
        raise SettingsError(
            f"calibration: got {len(ids)} problems ({len(set(ids))} ids), {len(plans)} plans and "
            f"{len(sizes)} budgets; expected two problems or more, each with an id of its own, and "
            "plans and budgets."
        )
    base = options or Options()
    trials: list[Trial] = []
    lengths: list[float] = []
    for count, problem in enumerate(problems, 1):
        rate, spent = pass_rate(
            model,
            problem.prompt,
            problem.correct,
            num_samples=num_samples,
            options=_seeded(base, seed + _APART),
        )
        lengths.append(spent.model_tokens / num_samples)
        for plan in plans:
            result = plan.run(model, problem.prompt, scorer, _seeded(base, seed))
            right = result.answer is not None and problem.correct(result.answer)
            tokens = result.budget.model_tokens * plan.token_cost(model)
            trials.append(Trial(problem.id, rate, plan, float(right), tokens))
        if on_problem is not None:
            on_problem(count, rate)
    rates = {trial.item: trial.difficulty for trial in trials}
    budgets = [round(size * float(np.mean(lengths)) * _SLACK, 1) for size in sizes]
    choice = fit(
        trials,
        quantile_thresholds(list(rates.values()), bins),
        budgets,
        model=model_name,
        reward_model=reward_name,
        seed=seed,
    )
    return Calibration(choice, tuple(trials))


def _seeded(options: Options, seed: int) -> Options:
    return replace(options, seed=seed)
