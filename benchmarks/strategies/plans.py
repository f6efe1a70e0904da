"""Experimental design: the strategies compared, each with its numbers of solutions."""

from __future__ import annotations

from collections.abc import Sequence

from smc.strategies import Plan

WIDTH = 4
"""M of beams and trees, as in the papers."""
SWEEPS = 4
"""Of particle Gibbs, as in the largest setting of Puri et al."""
LOOKAHEAD = 1
"""k with M = 4 in Snell et al."""
TEMPERATURE = 0.8
"""Of the model: search-and-learn, Puri et al."""

SAMPLED = ("majority_vote", "best_of_n", "weighted_best_of_n")
SEARCHED = ("beam", "dvts", "lookahead", "particle_filter", "particle_gibbs")
NAMES = (*SAMPLED, *SEARCHED)


def searches(budgets: Sequence[int], names: Sequence[str] = SEARCHED) -> list[Plan]:
    """Return the plans of searches; a budget is N, over all sweeps where there are several.

    Args:
        budgets: Of each search.
        names: Which searches.
    """
    plans = []
    for n in budgets:
        if n % WIDTH == 0:
            width = (("width", WIDTH),)
            plans += [Plan("beam", n, width), Plan("dvts", n, width)]
            plans.append(Plan("lookahead", n, (*width, ("steps", LOOKAHEAD))))
        if n > 1:
            plans.append(Plan("particle_filter", n))
        if n % SWEEPS == 0 and n // SWEEPS > 1:
            plans.append(Plan("particle_gibbs", n // SWEEPS, (("sweeps", SWEEPS),)))
    return [plan for plan in plans if plan.strategy in names]
