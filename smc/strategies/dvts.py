"""Diverse verifier tree search (DVTS): many small beams that do not compete."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.beam import solutions_of
from smc.strategies.beams import BeamState, Completed, Pruning, num_kept, run_rounds
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.seeds import generators


def dvts(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 4,
    width: int = 4,
    completed: Completed = "occupy",
    options: Options | None = None,
) -> StrategyResult:
    """Grow N/M independent trees; each keeps the best of M candidates in every round.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges every candidate of every round.
        num_solutions: N; a multiple of M.
        width: M, candidates of a tree; 4 in the papers.
        completed: What becomes of finished candidates, see `Pruning`. By default a tree ends when
            its best candidate is finished, and all M of its last candidates are solutions.
        options: See `Options`; the value is the last step's score, and the answer that of the
            largest sum of values.

    Returns:
        The answer, N solutions or fewer with their scores, and what all of it cost.

    Raises:
        SettingsError: M does not divide N.

    Source: Beeching, Tunstall & Rush (2024), "Scaling test-time compute with open models"
    (search-and-learn); Liu et al. (2025), "Can 1B LLM surpass 405B LLM?".
    """
    chosen = options or Options()
    count = num_kept(num_solutions, width)
    pruning = Pruning(keep=1, completed=completed, distinct=False)
    rngs = generators(chosen.seed, num_solutions)
    states = [BeamState(rngs[t * width : (t + 1) * width]) for t in range(count)]
    search = chosen.search(model, prompt, scorer)
    run_rounds(search, states, pruning, chosen.max_steps)
    trajectories = [t for state in states for t in solutions_of(state, pruning, "first", width)]
    return search.result(trajectories, chosen.answer, chosen.select_by("weighted"))
