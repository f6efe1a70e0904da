"""Independent samples of whole solutions, and the choice among them."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.aggregate import Selection
from smc.strategies.arguments import at_least_one
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.seeds import generators
from smc.strategies.trajectories import Trajectory


def choose_among_samples(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer | None,
    num_solutions: int,
    options: Options,
    selection: Selection,
) -> StrategyResult:
    """Draw N solutions and choose; the judge, if any, is asked once, about whole solutions."""
    at_least_one(num_solutions=num_solutions)
    search = options.search(model, prompt, scorer)
    rngs = generators(options.seed, num_solutions)
    trajectories = search.run([Trajectory()] * num_solutions, rngs)
    if scorer is not None:
        trajectories = search.score(trajectories)
    search.record(trajectories, ())
    return search.result(trajectories, options.answer, selection)
