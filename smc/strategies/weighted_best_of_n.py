"""Weighted best-of-N: the answer with the largest sum of values (verifier-weighted voting)."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.samples import choose_among_samples


def weighted_best_of_n(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 4,
    options: Options | None = None,
) -> StrategyResult:
    """Draw N solutions; the answer with the largest sum of values: argmaxₐ Σᵢ vᵢ 1{aᵢ = a}.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges whole solutions, once.
        num_solutions: N.
        options: See `Options`; vᵢ is the score of the last step by default.

    Returns:
        The answer, all solutions with their scores, and what they cost.

    Source: Li et al. (2023), "Making language models better reasoners with step-aware verifier".
    """
    chosen = options or Options()
    selection = chosen.select_by("weighted")
    return choose_among_samples(model, prompt, scorer, num_solutions, chosen, selection)
