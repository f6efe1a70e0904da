"""Lookahead search: beam search that values a step by a rollout from it."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.beam import Kept, run_beam
from smc.strategies.beams import Completed, Pruning, num_kept
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult


def lookahead(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 4,
    width: int = 4,
    steps: int = 3,
    completed: Completed = "leave",
    kept: Kept = "first",
    distinct: bool = True,
    options: Options | None = None,
) -> StrategyResult:
    """Beam search in which a candidate's value is that of its text k greedy steps later.

    The rollouts are drawn at temperature 0, judged, dropped, and counted: a round costs up to
    N·(k + 1) steps.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges every candidate, and every rollout.
        num_solutions: N, candidates of a round; a multiple of M.
        width: M, continuations of each that is kept.
        steps: k; 3 by default (Snell et al. use 3, and 1 with M = 4); 0 is `beam`.
        completed: See `beam`.
        kept: See `beam`.
        distinct: See `beam`.
        options: See `Options`.

    Returns:
        The answer, at most N solutions with their scores, and what all of it cost.

    Raises:
        SettingsError: M does not divide N, or k is negative.

    Source: Snell et al. (2024), "Scaling LLM test-time compute optimally", section 5.2.
    """
    pruning = Pruning(num_kept(num_solutions, width), completed, distinct, steps)
    return run_beam(model, prompt, scorer, num_solutions, pruning, kept, options or Options())
