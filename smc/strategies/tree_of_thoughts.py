"""Tree of Thoughts (ToT), breadth first: a beam over thoughts that keeps the best of each level."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.beam import run_beam
from smc.strategies.beams import Pruning, num_kept
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult


def tree_of_thoughts(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 20,
    width: int = 4,
    options: Options | None = None,
) -> StrategyResult:
    """Keep the b best states of a level, draw k thoughts from each, and so on.

    It is `beam` in which a finished solution keeps its place until better ones come, and the best
    solution is the answer. The first level has all b·k thoughts.

    Args:
        model: Extends texts by thoughts.
        prompt: The problem.
        scorer: Values every state.
        num_solutions: b·k, thoughts of a level.
        width: k; b = 5 with the defaults, as in the paper.
        options: See `Options`; `max_steps` is the depth.

    Returns:
        The answer, at most b·k solutions with their scores, and what all of it cost.

    Raises:
        SettingsError: k does not divide b·k.

    Source: Yao et al. (2023), "Tree of Thoughts: deliberate problem solving with large language
    models", algorithm 1.
    """
    pruning = Pruning(num_kept(num_solutions, width), completed="occupy", distinct=True)
    chosen = options or Options()
    return run_beam(model, prompt, scorer, num_solutions, pruning, "best", chosen, "best")
