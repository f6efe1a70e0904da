"""Best-of-N sampling: the solution that a reward model values most."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.samples import choose_among_samples


def best_of_n(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 4,
    options: Options | None = None,
) -> StrategyResult:
    """Draw N solutions; the answer of the one of largest value: argmaxᵢ vᵢ.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges whole solutions, once.
        num_solutions: N; search-and-learn draws 4 by default.
        options: See `Options`; vᵢ is the score of the last step by default.

    Returns:
        The answer, all solutions with their scores, and what they cost.

    Source: Cobbe et al. (2021), "Training verifiers to solve math word problems".
    """
    chosen = options or Options()
    selection = chosen.select_by("best")
    return choose_among_samples(model, prompt, scorer, num_solutions, chosen, selection)
