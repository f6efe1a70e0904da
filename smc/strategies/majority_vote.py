"""Majority vote over independent solutions (self-consistency)."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.samples import choose_among_samples


def majority_vote(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer | None = None,
    *,
    num_solutions: int = 4,
    options: Options | None = None,
) -> StrategyResult:
    """Draw N solutions; the answer that most of them give: argmaxₐ Σᵢ 1{aᵢ = a}.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Not asked; here so that all strategies are called alike.
        num_solutions: N.
        options: See `Options`; `selection` is fixed.

    Returns:
        The answer, all solutions, and what they cost.

    Source: Wang et al. (2023), "Self-consistency improves trajectory of thought reasoning".
    """
    return choose_among_samples(
        model, prompt, None, num_solutions, options or Options(), "majority"
    )
