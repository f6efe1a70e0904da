"""Beam search over steps, guided by a process reward model (PRM-guided search)."""

from __future__ import annotations

from typing import Literal

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.aggregate import Selection
from smc.strategies.beams import BeamState, Completed, Pruning, num_kept, run_rounds
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.seeds import generators
from smc.strategies.trajectories import Trajectory

Kept = Literal["first", "best"]


def beam(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 4,
    width: int = 4,
    completed: Completed = "leave",
    kept: Kept = "first",
    distinct: bool = True,
    options: Options | None = None,
) -> StrategyResult:
    """Draw N steps; keep the N/M of largest value; draw M next steps of each; and so on.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges every candidate of every round.
        num_solutions: N, candidates of a round; a multiple of M.
        width: M, continuations of each that is kept; 4 in the papers, or √N (Snell et al.).
        completed: What becomes of finished candidates, see `Pruning`. By default they leave the
            pool without shrinking it, as in search-and-learn; `occupy` is compute-optimal-tts.
        kept: Which N of the finished solutions count, if there are more: the first (the default of
            search-and-learn) or the best.
        distinct: Whether equal candidates count once, as in the recipes of search-and-learn.
        options: See `Options`; the value is the last step's score, and the answer that of the
            largest sum of values.

    Returns:
        The answer, at most N solutions with their scores, and what all of it cost.

    Raises:
        SettingsError: M does not divide N.

    Source: Snell et al. (2024), "Scaling LLM test-time compute optimally", section 5.2; parameters
    of Hugging Face search-and-learn.
    """
    pruning = Pruning(num_kept(num_solutions, width), completed, distinct)
    return run_beam(model, prompt, scorer, num_solutions, pruning, kept, options or Options())


def run_beam(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    num_solutions: int,
    pruning: Pruning,
    kept: Kept,
    options: Options,
    selection: Selection = "weighted",
) -> StrategyResult:
    """Run one beam to its end, and choose among its solutions."""
    if kept not in ("first", "best"):
        raise SettingsError(f"kept: expected 'first' or 'best', got {kept!r}.")
    search = options.search(model, prompt, scorer)
    state = BeamState(generators(options.seed, num_solutions))
    run_rounds(search, [state], pruning, options.max_steps)
    trajectories = solutions_of(state, pruning, kept, num_solutions)
    return search.result(trajectories, options.answer, options.select_by(selection))


def solutions_of(state: BeamState, pruning: Pruning, kept: Kept, count: int) -> list[Trajectory]:
    """Return at most `count` solutions of a beam that has come to its end, finished ones first."""
    trajectories = state.done if pruning.completed == "leave" else state.pool
    if kept == "best":
        trajectories = sorted(trajectories, key=lambda t: -t.value)
    return sorted(trajectories, key=lambda t: not t.finished)[:count]
